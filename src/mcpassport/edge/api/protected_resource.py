"""`/.well-known/oauth-protected-resource/mcp/s/…`: where clients get access tokens (RFC 9728).

It describes a server that allows them, to anybody who knows its address; every other address is as
if it were not there.
"""

from typing import Any

from fastapi import APIRouter, Request

from mcpassport.edge.api.services import Services
from mcpassport.edge.api.strict import StrictRoute
from mcpassport.errors import NoSuchObject
from mcpassport.gate.admit import Gate
from mcpassport.gate.oauth import WELL_KNOWN, metadata

router = APIRouter(prefix=WELL_KNOWN, tags=["mcp"], route_class=StrictRoute)


@router.get("/mcp/s/{server_id}")
async def describe(server_id: str, request: Request) -> dict[str, Any]:
    """What a client of OAuth 2.1 needs to know of an MCP server; no authentication is needed."""
    services: Services = request.app.state.services
    gate = Gate(services.store, services.keys, services.clock, services.running)
    server = await gate.addressed(server_id)
    if server is None or server.oauth is None:
        raise NoSuchObject("No MCP server that takes access tokens is at that address.")
    return metadata(server.oauth, server.name)
