"""`/event`: what happened to servers, accounts, tokens and integrations, and who did it."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from mcpassport.audit.query import Wanted
from mcpassport.edge.api.outgoing import PageOf
from mcpassport.edge.api.principal import Reader
from mcpassport.edge.api.strict import StrictRoute
from mcpassport.edge.api.trail import FeedQuery, page_of

router = APIRouter(prefix="/event", tags=["event"], route_class=StrictRoute)
_EVENTS = Wanted((("phase", "event"),))


@router.get("")
async def page(acting: Reader, query: Annotated[FeedQuery, Query()]) -> PageOf[dict[str, Any]]:
    """Read the management changes in a tenant's chain; an admin reads the deployment's too."""
    return await page_of(acting.services.audit_store, query.chain(acting), _EVENTS, query)
