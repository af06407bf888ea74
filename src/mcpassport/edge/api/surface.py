"""`/integrated-account/{id}/mcp/{id}/…`: what a server offers, why not, and a call as an agent's.

A call is made with the authority of whoever asks (an admin, or the tenant itself), in place of the
server's token and factors. Nobody reaches a tenant's data silently that way:

1. The grant must stand, as for an agent: revoked, suspended and expired servers are refused.
2. The event `server.call`, with the principal, is in the tenant's chain before anything is sent.
3. Then the call runs through the hops of an agent's call: the server's surface, the arguments'
   schema, intent, one request, outcome. Intent and outcome name the principal.
"""

import json
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Query
from msgspec.structs import replace
from pydantic import BaseModel

from mcpassport import __version__
from mcpassport.catalog.explain import Reason, why_not
from mcpassport.catalog.select import select
from mcpassport.edge.api.incoming import CallIn
from mcpassport.edge.api.previews import ToolOut, ToolPreview, scopes_of
from mcpassport.edge.api.principal import Acting, Operator, Reader
from mcpassport.edge.api.strict import StrictRoute
from mcpassport.errors import Conflict, InvalidInput, NoSuchObject
from mcpassport.gate.admit import Gate, Refusal
from mcpassport.limits import MODERN_REVISIONS
from mcpassport.protocol.calls import Calls
from mcpassport.protocol.era import Route
from mcpassport.protocol.exchange import Exchange
from mcpassport.protocol.jsonrpc import Request
from mcpassport.protocol.listing import Offers
from mcpassport.records.grants import Account, Caller, IntegrationHead, Server

router = APIRouter(
    prefix="/integrated-account/{account_id}/mcp/{server_id}",
    tags=["surface"],
    route_class=StrictRoute,
)

CLIENT = ("mcpassport-management", __version__)
"""What the audit says of the client of such a call."""
_DEAD = {
    "revoked": ("The MCP server is revoked: its URL answers 404.", "Create another server."),
    "suspended": ("The MCP server is suspended.", "Resume it."),
    "expired": ("The MCP server has expired.", "Give it a later `expires_at`, or create another."),
    "switched_off": ("A kill switch is off.", "`GET /switch` lists those; an admin turns it on."),
    "tenant_suspended": ("The tenant is suspended, and all its servers with it.", "Resume it."),
}
_BROKEN = ("The MCP server's account or integration is gone.", "Create another server.")


class SurfaceOut(ToolPreview):
    """The tools that an MCP server exposes now."""

    reachable: bool
    """False while the server is revoked, suspended or expired, or its tenant suspended."""


class ReasonOut(BaseModel):
    """One thing that keeps a tool away, and how to mend it."""

    kind: Literal[
        "methods", "tags", "resources", "deny", "override", "dropped", "unknown", "server"
    ]
    message: str
    mend: str


class WhyNotOut(BaseModel):
    """What a name means on an MCP server."""

    tool: str
    resource: str
    method: str
    offered: bool
    reasons: list[ReasonOut]
    nearest: list[str]
    """Of an unknown name: known ones much like it, the most similar first."""
    integration: str
    version: int


class CallOut(BaseModel):
    """What an agent would have been answered, as JSON-RPC of revision 2026-07-28."""

    tool: str
    request_id: str
    http_status: int
    outcome: str
    """`ok`, or the type of the error."""
    answer: dict[str, Any]


async def _server(acting: Acting, account_id: str, server_id: str) -> tuple[Account, Server]:
    account = await acting.account(account_id)
    server = await acting.services.servers.get(account.tenant, server_id)
    if server.account != account.id:
        raise NoSuchObject("No such MCP server.")
    return account, server


async def _head(acting: Acting, name: str) -> IntegrationHead:
    head = await acting.services.versions.head(name)
    if head is None:
        raise NoSuchObject(f"No integration {name!r}.")
    return head


async def _standing(acting: Acting, server: Server) -> Caller | Reason:
    """The caller that the principal stands for, or why nobody could be one."""
    services = acting.services
    found = await Gate(services.store, services.keys, services.clock, services.running).vouched(
        server
    )
    if not isinstance(found, Refusal):
        return found
    return Reason("server", *_DEAD.get(found.reason, _BROKEN))


@router.get("/tools")
async def tools(account_id: str, server_id: str, acting: Reader) -> SurfaceOut:
    """List the tools that an MCP server exposes now, as the live version makes them."""
    account, server = await _server(acting, account_id, server_id)
    head = await _head(acting, server.integration)
    catalog = await acting.services.versions.catalog(head)
    surface = select(catalog, server.filter, account.overrides.removed_methods)
    standing = await _standing(acting, server)
    integration = await acting.services.versions.integration(head)
    return SurfaceOut(
        integration=catalog.integration,
        version=catalog.version,
        catalog_digest=catalog.digest.hex(),
        surface_digest=surface.digest.hex(),
        result=[ToolOut.of(tool) for tool in surface.tools],
        hidden=len(catalog.tools) - len(surface.tools),
        reachable=isinstance(standing, Caller),
        **scopes_of(account, integration, surface.tools),
    )


@router.get("/why-not")
async def explain(
    account_id: str,
    server_id: str,
    tool: Annotated[
        str, Query(min_length=1, max_length=200, description="name of a tool, or resource.method")
    ],
    acting: Reader,
) -> WhyNotOut:
    """Say everything that keeps a tool from this server's callers, and how to mend it."""
    account, server = await _server(acting, account_id, server_id)
    versions = acting.services.versions
    head = await _head(acting, server.integration)
    found = why_not(
        await versions.integration(head),
        await versions.catalog(head),
        server.filter,
        account.overrides.removed_methods,
        tool,
    )
    standing = await _standing(acting, server)
    if isinstance(standing, Reason):
        found = replace(found, reasons=(standing, *found.reasons))
    return WhyNotOut(
        tool=found.name,
        resource=found.resource,
        method=found.method,
        offered=not found.reasons,
        reasons=[ReasonOut(**msgspec.to_builtins(each)) for each in found.reasons],
        nearest=list(found.nearest),
        integration=head.name,
        version=head.version,
    )


@router.post("/call")
async def call(account_id: str, server_id: str, body: CallIn, acting: Operator) -> CallOut:
    """Call a tool of an MCP server as an agent would; the call is in the tenant's audit."""
    _, server = await _server(acting, account_id, server_id)
    caller = await _standing(acting, server)  # 1
    if isinstance(caller, Reason):
        raise Conflict(f"{caller.message} {caller.mend}")
    services = acting.services
    offer = Offers(__version__).of(caller, await services.versions.catalog(caller.integration))
    subject = f"{server_id}/{body.tool}" if body.tool in offer.tools else server_id
    await services.store.write([acting.event("server.call", subject, server.tenant)])
    await acting.recorded()  # 2
    entry = services.audit.open()
    entry.admitted(caller)
    entry.vouched(acting.principal)
    exchange = Exchange(
        caller=caller, entry=entry, headers={}, route=_route(body), request=_request(body)
    )
    try:
        reply = await Calls(services.accounts, services.upstream, services.running).call(
            exchange, offer
        )  # 3
    finally:
        await entry.close("cancelled")
    return CallOut(
        tool=body.tool,
        request_id=entry.request_id,
        http_status=reply.status,
        outcome=reply.outcome,
        answer=json.loads(reply.body),
    )


def _request(body: CallIn) -> Request:
    params = {"name": body.tool, "arguments": body.arguments}
    try:
        text = msgspec.json.encode(params)
    except (msgspec.MsgspecError, OverflowError, RecursionError):
        raise InvalidInput("arguments cannot be written as JSON.") from None
    return Request(id=b"1", method="tools/call", params=text)


def _route(body: CallIn) -> Route:
    return Route("modern", MODERN_REVISIONS[0], _request(body), CLIENT)
