"""`/audit`: a tenant's own trail. Rows hold no argument, result, token or credential."""

from base64 import b64encode
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Request, Response

from mcpassport.audit.checkpoint import fingerprint_of
from mcpassport.audit.export import edge_as_dict
from mcpassport.edge.api.outgoing import KeyOut, PageOf, StrangersOut
from mcpassport.edge.api.principal import PageSize, PlatformReader, Reader
from mcpassport.edge.api.services import Services
from mcpassport.edge.api.strict import StrictRoute
from mcpassport.edge.api.trail import AuditQuery, FeedQuery, form_of, page_of, streamed

router = APIRouter(prefix="/audit", tags=["audit"], route_class=StrictRoute)


AS_LINES: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/x-ndjson": {}, "text/csv": {}}}
}
"""The other forms of the rows, beside JSON."""


@router.get("", response_model=PageOf[dict[str, Any]], responses=AS_LINES)
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


@router.get("/checkpoint")
async def checkpoints(
    acting: Reader, query: Annotated[FeedQuery, Query()]
) -> PageOf[dict[str, Any]]:
    """Read the signed checkpoints of a chain; each says which hash it had at which sequence."""
    span, size = query.span(), query.page_size()
    found = await acting.services.audit_store.checkpoints(
        query.chain(acting), after=span.after, limit=size + 1, newest_first=span.newest_first
    )
    following = str(found[size - 1].sequence) if len(found) > size else None
    shown = [msgspec.to_builtins(item) for item in found[:size]]
    return PageOf(result=shown, next_cursor=following)


@router.get("/key")
async def key(request: Request) -> KeyOut:
    """Read the public key that signs the checkpoints of this deployment."""
    services: Services = request.app.state.services
    public = await services.keeper.public_key()
    return KeyOut(
        algorithm="Ed25519",
        public_key=b64encode(public).decode(),
        fingerprint=fingerprint_of(public),
    )
