"""`/audit`: a tenant's own trail. Rows hold no argument, result, token or credential."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from mcpassport.audit.export import edge_as_dict
from mcpassport.edge.api.outgoing import PageOf, StrangersOut
from mcpassport.edge.api.principal import PageSize, PlatformReader, Reader
from mcpassport.edge.api.strict import StrictRoute
from mcpassport.edge.api.trail import AuditQuery, form_of, page_of, streamed

router = APIRouter(prefix="/audit", tags=["audit"], route_class=StrictRoute)


@router.get("", response_model=PageOf[dict[str, Any]])
async def page(
    acting: Reader, request: Request, query: Annotated[AuditQuery, Query()]
) -> PageOf[dict[str, Any]] | Response:
    """Read the rows of a tenant's chain; without a tenant, an admin reads the deployment's own.

    As NDJSON each line holds the exact text that was hashed; as CSV a row is a line.
    """
    chain, audit = query.chain(acting), acting.services.audit_store
    form = form_of(query, request)
    if form != "json":
        return await streamed(audit, chain, query, form)
    return await page_of(audit, chain, query.wanted(), query)


@router.get("/strangers")
async def strangers(acting: PlatformReader, limit: PageSize = 50) -> StrangersOut:
    """Requests that resolved to nobody, counted per second, reason and client network."""
    counts = await acting.services.audit_store.edge_counts(limit=limit)
    # The row that a readiness probe writes counts nothing.
    return StrangersOut(result=[edge_as_dict(count) for count in counts if count.count])
