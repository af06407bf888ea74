"""`/link-token`: links by which a customer connects an account; and tests of a connection."""

from datetime import datetime
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

from mcpassport.accounts.fields import check_context
from mcpassport.accounts.links import LinkDraft
from mcpassport.accounts.scopes import requested
from mcpassport.edge.api.idempotency import ID_BYTES
from mcpassport.edge.api.incoming import LinkIn, ReconnectIn
from mcpassport.edge.api.principal import Acting, Operator
from mcpassport.edge.api.strict import StrictRoute
from mcpassport.errors import InvalidInput, NoSuchObject
from mcpassport.records.grants import Account, Link
from mcpassport.records.integration import Credential, Integration
from mcpassport.records.tool import Catalog, Filter

router = APIRouter(prefix="/link-token", tags=["integrated-account"], route_class=StrictRoute)
again = APIRouter(
    prefix="/integrated-account", tags=["integrated-account"], route_class=StrictRoute
)


class LinkOut(BaseModel):
    """A link: its address is shown once, here."""

    account: str
    """The id that the account has, or will have once it is connected."""
    tenant: str
    integration: str
    credential_kind: str
    scopes: list[str]
    expires_at: datetime
    url: str
    secret: Literal["shown_once"] = "shown_once"

    @classmethod
    def of(cls, acting: Acting, link: Link, token: str) -> "LinkOut":
        """From the record and its token."""
        return cls(
            account=link.account,
            tenant=link.tenant,
            integration=link.integration,
            credential_kind=link.credential_kind,
            scopes=list(link.scopes),
            expires_at=link.expires_at,
            url=f"{acting.services.settings.public_url}/connect/{token}",
        )


@router.post("", status_code=201)
async def create(body: LinkIn, acting: Operator) -> LinkOut:
    """Make a link by which a customer connects an account; single use, and for 15 minutes."""
    services = acting.services
    tenant = await services.tenants.living(acting.tenant(body.tenant))
    integration, catalog = await _live(acting, body.integration)
    credential = _credential(integration, body.credential_kind)
    check_context(integration, body.context)
    account = "acc_" + services.random(ID_BYTES).hex()
    draft = LinkDraft(
        tenant=tenant.id,
        account=account,
        integration=integration.name,
        credential_kind=credential.kind,
        name=body.name,
        context=body.context,
        scopes=_scopes(credential, catalog, body.methods, ()),
        reconnect=False,
        by=acting.principal.id,
    )
    return await _made(acting, draft)


@again.post("/{account_id}/reconnect", status_code=201)
async def reconnect(account_id: str, body: ReconnectIn, acting: Operator) -> LinkOut:
    """Make a link by which an account is connected again, with its own kind of credential."""
    account = await acting.account(account_id)
    integration, catalog = await _live(acting, account.integration)
    credential = _credential(integration, account.credential_kind)
    removed = account.overrides.removed_methods
    return await _made(
        acting, _draft(acting, account, _scopes(credential, catalog, body.methods, removed))
    )


def _draft(acting: Acting, account: Account, scopes: tuple[str, ...]) -> LinkDraft:
    return LinkDraft(
        tenant=account.tenant,
        account=account.id,
        integration=account.integration,
        credential_kind=account.credential_kind,
        name=account.name,
        context=account.context,
        scopes=scopes,
        reconnect=True,
        by=acting.principal.id,
    )


async def _made(acting: Acting, draft: LinkDraft) -> LinkOut:
    event = acting.event("link.create", draft.account, draft.tenant)
    link, token = await acting.services.links.create(draft, [event])
    await acting.recorded()
    return LinkOut.of(acting, link, token)


async def _live(acting: Acting, name: str) -> tuple[Integration, Catalog]:
    versions = acting.services.versions
    head = await versions.head(name)
    if head is None:
        raise NoSuchObject(f"No integration {name!r}.")
    return await versions.integration(head), await versions.catalog(head)


def _credential(integration: Integration, kind: str | None) -> Credential:
    for each in integration.credentials:
        if kind in {None, each.kind}:
            return each
    known = ", ".join(each.kind for each in integration.credentials)
    raise InvalidInput(f"This integration takes no credential of kind {kind!r}; it takes: {known}.")


def _scopes(
    credential: Credential, catalog: Catalog, methods: list[str] | None, removed: tuple[str, ...]
) -> tuple[str, ...]:
    if credential.oauth is None:
        if methods is not None:
            raise InvalidInput("Only accounts that connect by OAuth are asked for scopes.")
        return ()
    chosen = Filter(methods=None if methods is None else tuple(methods))
    return requested(credential, catalog, chosen, removed)
