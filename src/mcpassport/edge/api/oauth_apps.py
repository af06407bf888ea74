"""`/integration/{name}/oauth-app`: the vendor's client at a provider. The secret is never shown."""

from datetime import datetime

from fastapi import APIRouter, Response
from pydantic import BaseModel

from mcpassport.accounts.connecting import CALLBACK
from mcpassport.edge.api.incoming import OAuthAppIn
from mcpassport.edge.api.principal import Acting, Admin, PlatformReader
from mcpassport.edge.api.strict import StrictRoute
from mcpassport.errors import NoSuchObject
from mcpassport.records.grants import OAuthApp

router = APIRouter(
    prefix="/integration/{name}/oauth-app", tags=["integration"], route_class=StrictRoute
)


class OAuthAppOut(BaseModel):
    """The app, and the address that has to be registered with the provider."""

    integration: str
    client_id: str
    redirect_uri: str
    created_at: datetime
    updated_at: datetime


def _shown(acting: Acting, app: OAuthApp) -> OAuthAppOut:
    return OAuthAppOut(
        integration=app.integration,
        client_id=app.client_id,
        redirect_uri=acting.services.settings.public_url + CALLBACK,
        created_at=app.created_at,
        updated_at=app.updated_at,
    )


@router.put("")
async def put(name: str, body: OAuthAppIn, acting: Admin) -> OAuthAppOut:
    """Set the OAuth app of an integration, or replace it; id and secret are sealed."""
    if await acting.services.versions.head(name) is None:
        raise NoSuchObject(f"No integration {name!r}.")
    event = acting.event("oauth_app.set", name)
    app = await acting.services.oauth_apps.put(name, body.client_id, body.client_secret, [event])
    await acting.recorded()
    return _shown(acting, app)


@router.get("")
async def read(name: str, acting: PlatformReader) -> OAuthAppOut:
    """Read which OAuth app an integration has; never its secret."""
    return _shown(acting, await acting.services.oauth_apps.get(name))


@router.delete("", status_code=204)
async def delete(name: str, acting: Admin) -> Response:
    """Forget the OAuth app: accounts that were connected by it are not renewed any more."""
    await acting.services.oauth_apps.delete(name, [acting.event("oauth_app.delete", name)])
    await acting.recorded()
    return Response(status_code=204)
