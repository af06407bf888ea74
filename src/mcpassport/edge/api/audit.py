"""`/audit`: a tenant's own trail. Rows hold no argument, result, token or credential."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from mcpassport.audit.export import as_dict, edge_as_dict
from mcpassport.edge.api.outgoing import PageOf
from mcpassport.edge.api.principal import PageSize, Reader, TenantQuery
from mcpassport.edge.api.strict import StrictRoute
from mcpassport.errors import InvalidInput
from mcpassport.store.protocol import PLATFORM

router = APIRouter(prefix="/audit", tags=["audit"], route_class=StrictRoute)


@router.get("")
async def page(
    *,
    acting: Reader,
    tenant: TenantQuery = None,
    cursor: Annotated[
        str | None, Query(description="`next_cursor` of the page before, unchanged")
    ] = None,
    limit: PageSize = 50,
    oldest_first: Annotated[bool, Query(description="follow the chain from its start")] = False,
) -> PageOf[dict[str, Any]]:
    """Read the rows of a tenant's chain; without a tenant, an admin reads the deployment's own."""
    own = acting.principal.tenant
    home = acting.tenant(tenant) if own or tenant else PLATFORM
    if cursor is not None and not cursor.isdigit():
        raise InvalidInput("This cursor was not issued here.")
    rows = await acting.services.audit.rows(
        home, after=int(cursor or 0), limit=limit, newest_first=not oldest_first
    )
    following = str(rows[-1].sequence) if len(rows) == limit else None
    return PageOf(result=[as_dict(row) for row in rows], next_cursor=following)


@router.get("/strangers")
async def strangers(acting: Reader, limit: PageSize = 50) -> dict[str, Any]:
    """Requests that resolved to nobody, counted per second, reason and client network."""
    if acting.principal.tenant:
        return {"result": []}
    counts = await acting.services.audit_store.edge_counts(limit=limit)
    return {"result": [edge_as_dict(count) for count in counts]}
