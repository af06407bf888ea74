"""`/audit`: a tenant's own trail. Rows hold no argument, result, token or credential."""

from base64 import b64encode
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from mcpassport.audit.checkpoint import fingerprint_of
from mcpassport.audit.edge import EDGE
from mcpassport.edge.api.outgoing import KeyOut, PageOf
from mcpassport.edge.api.principal import PlatformReader, Reader
from mcpassport.edge.api.services import Services
from mcpassport.edge.api.strict import StrictRoute
from mcpassport.edge.api.trail import (
    AuditQuery,
    FeedQuery,
    PageQuery,
    RowsQuery,
    answered,
    checkpoints_of,
)

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
    return await answered(acting.services.audit_store, query.chain(acting), query, request)


@router.get("/checkpoint")
async def checkpoints(
    acting: Reader, query: Annotated[FeedQuery, Query()]
) -> PageOf[dict[str, Any]]:
    """Read the signed checkpoints of a chain; each says which hash it had at which sequence."""
    return await checkpoints_of(acting.services.audit_store, query.chain(acting), query)


@router.get("/strangers", response_model=PageOf[dict[str, Any]], responses=AS_LINES)
async def strangers(
    acting: PlatformReader, request: Request, query: Annotated[RowsQuery, Query()]
) -> PageOf[dict[str, Any]] | Response:
    """Read the chain of requests that resolved to nobody.

    A row counts those of one second, reason and client network (of one worker process).
    """
    return await answered(acting.services.audit_store, EDGE, query, request)


@router.get("/strangers/checkpoint")
async def strangers_checkpoints(
    acting: PlatformReader, query: Annotated[PageQuery, Query()]
) -> PageOf[dict[str, Any]]:
    """Read the signed checkpoints of that chain."""
    return await checkpoints_of(acting.services.audit_store, EDGE, query)


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
