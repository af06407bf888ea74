"""`/version`: what runs here, public, for whoever compares it with a reference."""

from fastapi import APIRouter, Request

from mcpassport import __version__
from mcpassport.edge.api.outgoing import VersionInfo
from mcpassport.edge.api.services import Services
from mcpassport.edge.api.strict import StrictRoute
from mcpassport.limits import LEGACY_REVISIONS, MODERN_REVISIONS

router = APIRouter(prefix="/version", tags=["version"], route_class=StrictRoute)
CATALOGS_SHOWN = 200


@router.get("")
async def version(request: Request) -> VersionInfo:
    """Build, settings and catalog digests of this deployment."""
    services: Services = request.app.state.services
    heads, _ = await services.versions.names(None, CATALOGS_SHOWN)
    catalogs = {
        f"{head.name}@{head.version}": (await services.versions.catalog(head)).digest.hex()
        for head in heads
    }
    return VersionInfo(
        version=__version__,
        build_digest=services.build_digest,
        settings_digest=services.settings.digest(),
        environment=services.settings.environment,
        protocol_revisions=[*MODERN_REVISIONS, *LEGACY_REVISIONS],
        catalogs=catalogs,
    )
