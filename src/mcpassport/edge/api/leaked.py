"""`/leaked`: anybody may report text that holds a token; a live one ends, and its owner is told.

The answer is the same whatever the text holds, and so is the read of the store. Secret scanners
find the pattern of tokens in the published reference.
"""

from typing import Annotated, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from mcpassport.audit.log import event
from mcpassport.edge.api.incoming import Incoming
from mcpassport.edge.api.services import Services
from mcpassport.edge.api.strict import StrictRoute
from mcpassport.gate.leaks import Leaks
from mcpassport.records.grants import IndexEntry, Principal
from mcpassport.store.protocol import Append
from mcpassport.store.revocations import Revocation

router = APIRouter(prefix="/leaked", tags=["leaked"], route_class=StrictRoute)
REPORTER = Principal("anybody:leaked", "factor")
"""Who acts: nobody that we know."""
_LONGEST = 65_536


class LeakedIn(Incoming):
    """Text that may hold tokens: a commit, a log, a message, or just the token."""

    text: Annotated[str, Field(max_length=_LONGEST)]


class LeakedOut(BaseModel):
    """The same whatever was reported."""

    received: Literal[True] = True


@router.post("", status_code=202)
async def report(body: LeakedIn, request: Request) -> LeakedOut:
    """Report text in which a token may have leaked; no authentication is needed."""
    services: Services = request.app.state.services

    def tell(action: str, at: IndexEntry) -> Append:
        return event(
            REPORTER,
            action,
            tenant=at.tenant,
            subject=at.id,
            clock=services.clock,
            random=services.random,
        )

    leaks = Leaks(services.store, services.keys, services.servers, services.api_tokens)
    for at, hashed in await leaks.report(body.text, tell):
        line = Revocation(
            ts=services.clock(),
            kind=await _kind(services, at, hashed),
            tenant=at.tenant,
            id=at.id,
            token_hash=hashed,
        )
        await services.revocations.append(line)
    await services.audit.move_outbox()
    return LeakedOut()


async def _kind(services: Services, at: IndexEntry, hashed: str) -> str:
    """What the revocation log says: a server, or only a token that it had."""
    if at.kind == "api_token":
        return "api_token"
    server = await services.servers.get(at.tenant, at.id)
    return "server" if server.token_hash == hashed else "server_token"
