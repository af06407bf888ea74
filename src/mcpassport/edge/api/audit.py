"""`/audit`: a tenant's own trail. Rows hold no argument, result, token or credential."""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Query

from mcpassport.audit.export import as_dict, edge_as_dict
from mcpassport.edge.api.outgoing import PageOf, StrangersOut
from mcpassport.edge.api.principal import Cursor, PageSize, PlatformReader, Reader, TenantQuery
from mcpassport.edge.api.strict import StrictRoute
from mcpassport.errors import InvalidInput
from mcpassport.store.protocol import PLATFORM

router = APIRouter(prefix="/audit", tags=["audit"], route_class=StrictRoute)
_SEQUENCE = re.compile(r"[0-9]{1,18}")


@router.get("")
async def page(
    *,
    acting: Reader,
    tenant: TenantQuery = None,
    cursor: Cursor = None,
    limit: PageSize = 50,
    oldest_first: Annotated[bool, Query(description="follow the chain from its start")] = False,
) -> PageOf[dict[str, Any]]:
    """Read the rows of a tenant's chain; without a tenant, an admin reads the deployment's own."""
    own = acting.principal.tenant
    home = acting.tenant(tenant) if own or tenant else PLATFORM
    rows = await acting.services.audit.rows(
        home, after=_sequence(cursor), limit=limit + 1, newest_first=not oldest_first
    )
    shown = rows[:limit]
    following = str(shown[-1].sequence) if len(rows) > limit else None
    return PageOf(result=[as_dict(row) for row in shown], next_cursor=following)


def _sequence(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not _SEQUENCE.fullmatch(cursor):
        raise InvalidInput("The cursor is not valid: send back the `next_cursor` you received.")
    return int(cursor)


@router.get("/strangers")
async def strangers(acting: PlatformReader, limit: PageSize = 50) -> StrangersOut:
    """Requests that resolved to nobody, counted per second, reason and client network."""
    counts = await acting.services.audit_store.edge_counts(limit=limit)
    return StrangersOut(result=[edge_as_dict(count) for count in counts])
