"""The methods, per era. A name that is not in the era's table is not offered (-32601)."""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec
from msgspec import Struct

from mcpassport.audit.entry import Answered
from mcpassport.errors import McpassportError
from mcpassport.limits import LEGACY_DEFAULT, LEGACY_REVISIONS, MODERN_REVISIONS
from mcpassport.protocol.calls import Calls, asked_of, refuse
from mcpassport.protocol.era import Route
from mcpassport.protocol.exchange import CatalogSource, Exchange, Reply
from mcpassport.protocol.jsonrpc import answer
from mcpassport.protocol.listing import KEY_SERVER, Offer, Offers, list_result

_encode = msgspec.json.Encoder().encode


class Services(Struct, frozen=True):
    """What the methods work with."""

    versions: CatalogSource
    offers: Offers
    calls: Calls

    async def offer(self, exchange: Exchange) -> Offer:
        """What the caller's server offers now; `StoreUnavailable` when it cannot be read."""
        catalog = await self.versions.catalog(exchange.caller.integration)
        return self.offers.of(exchange.caller, catalog)


Handler = Callable[[Services, Exchange], Awaitable[Reply]]


async def initialize(services: Services, exchange: Exchange) -> Reply:
    """Legacy handshake: echo a revision that we serve, else offer our newest legacy one.

    Never an error for an unknown revision, and no state: the next request stands alone.
    """
    offer = await services.offer(exchange)
    params = _handshake(exchange.request.params)
    wanted = params.protocolVersion
    revision = wanted if wanted in LEGACY_REVISIONS else LEGACY_DEFAULT
    result: dict[str, Any] = {
        "protocolVersion": revision,
        "capabilities": {"tools": {}},
        "serverInfo": offer.server_info,
        "instructions": offer.instructions,
    }
    stated = exchange.route._replace(revision=revision, client=params.client)
    return await _serve(_with_route(exchange, stated), _encode(result), offer)


async def ping(_services: Services, exchange: Exchange) -> Reply:
    """Legacy liveness: an empty result."""
    return await _serve(exchange, b"{}")


async def discover(services: Services, exchange: Exchange) -> Reply:
    """Modern self-description; `private` and not reusable, since it is per token."""
    offer = await services.offer(exchange)
    result: dict[str, Any] = {
        "supportedVersions": list(MODERN_REVISIONS),
        "capabilities": {"tools": {}},
        "instructions": offer.instructions,
        "resultType": "complete",
        "ttlMs": 0,
        "cacheScope": "private",
        "_meta": {KEY_SERVER: offer.server_info},
    }
    return await _serve(exchange, _encode(result), offer)


async def list_tools(services: Services, exchange: Exchange) -> Reply:
    """The caller's surface, in the variant that its revision can read."""
    offer = await services.offer(exchange)
    return await _serve(exchange, list_result(exchange, offer), offer)


async def call_tool(services: Services, exchange: Exchange) -> Reply:
    """One tool call. A store that cannot be read is a tool error: the model may try again."""
    try:
        offer = await services.offer(exchange)
    except McpassportError as error:
        return await refuse(exchange, None, error, asked_of(exchange))
    return await services.calls.call(exchange, offer)


MODERN: Final[Mapping[str, Handler]] = MappingProxyType(
    {"server/discover": discover, "tools/list": list_tools, "tools/call": call_tool}
)
LEGACY: Final[Mapping[str, Handler]] = MappingProxyType(
    {"initialize": initialize, "ping": ping, "tools/list": list_tools, "tools/call": call_tool}
)


async def _serve(exchange: Exchange, result: bytes, offer: Offer | None = None) -> Reply:
    """Record, then answer, a request without a side effect."""
    body = answer(exchange.request.id, result)
    await exchange.entry.served(
        asked_of(exchange, offer), Answered(outcome="ok", http_status=200, bytes_out=len(body))
    )
    return Reply(200, (), body)


class _Handshake(Struct):
    protocolVersion: Any = None  # noqa: N815 - the name on the wire
    clientInfo: Any = None  # noqa: N815 - the name on the wire

    @property
    def client(self) -> tuple[str, str]:
        """Name and version of the client, empty where it does not say."""
        info = self.clientInfo if isinstance(self.clientInfo, dict) else {}
        name, version = info.get("name"), info.get("version")
        return (
            name if isinstance(name, str) else "",
            version if isinstance(version, str) else "",
        )


_decode_handshake = msgspec.json.Decoder(_Handshake).decode


def _handshake(params: bytes | None) -> _Handshake:
    try:
        return _Handshake() if params is None else _decode_handshake(params)
    except msgspec.DecodeError:
        return _Handshake()  # an unreadable offer is answered with ours


def _with_route(exchange: Exchange, route: Route) -> Exchange:
    return msgspec.structs.replace(exchange, route=route)
