"""Every cap and default as data; protocol revisions, header names, and the method surface."""

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple, TypeAlias

from msgspec import Struct, structs

MODERN_REVISIONS = ("2026-07-28",)
LEGACY_REVISIONS = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
LEGACY_DEFAULT = "2025-11-25"
"""Answered to `initialize` when the client asks for a revision that we do not know."""
LEGACY_UNSTATED = "2025-03-26"
"""Assumed when a legacy request names no revision (mcp-facts 2.4)."""

MODERN_METHODS = ("server/discover", "tools/list", "tools/call")
LEGACY_METHODS = ("initialize", "ping", "tools/list", "tools/call")

HEADER_PROTOCOL = "mcp-protocol-version"
HEADER_METHOD = "mcp-method"
HEADER_NAME = "mcp-name"
HEADER_PROXY_SECRET: Final = "x-mcpassport-proxy-secret"
HEADER_API_TOKEN = "x-api-token"
HEADER_IDENTITY_TOKEN = "x-identity-token"

FRAMING_HEADERS = frozenset(
    {
        *("accept-encoding", "connection", "content-length", "expect", "host", "keep-alive"),
        *("proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding"),
        "upgrade",
    }
)
"""Headers of an upstream request that the HTTP client sets itself: they frame the message, name the
server, or belong to the connection, so nobody's data may set them (RFC 9110, 7.6.1)."""

TOKEN_PREFIX = "mcpp_"
SERVER_TOKEN_PREFIX = "mcpp_srv_"
API_TOKEN_PREFIX = "mcpp_api_"
LINK_TOKEN_PREFIX = "mcpp_lnk_"

MAX_SAFE_INTEGER = 2**53 - 1
EXPRESSION_TIMEOUT_MS = 100
EXPRESSION_APART_TIMEOUT_MS = 1_500
"""In an evaluator process, which holds nobody up; under the hard kill, which it must precede."""
EXPRESSION_STACK = 200
EXPRESSION_SEQUENCE = 100_000
EXPRESSION_INLINE_BYTES = 128 * 1024
EXPRESSION_HARD_KILL_S = 2.0
EXPRESSION_POOL_MEMORY = 1024 * 1024 * 1024
TOOL_NAME_MAX = 64
SERVER_TTL_MIN_S = 60
LINK_TTL_S = 900
"""A link by which an account is connected."""
OVERLAP_MAX_S: Final = 86_400
"""For how long two tokens of a server may hold after a rotation."""
CURSOR_DESCRIPTION = (
    "Always send back exactly the cursor value you received "
    "without decoding, modifying, or parsing it."
)
NEXT_CURSOR_MAX_CHARS = 16_384
SSE_EVENT_BYTES = 2**20
"""An event that we send is smaller: official clients read no larger ones (mcp-facts 2.3)."""
SSE_KEEP_ALIVE_S = 15.0
PAGE_SIZE_MAX = 200
PAGE_SIZE_DEFAULT = 50


AUDIT_RETENTION_DAYS: Final = 400
AUDIT_RETENTION_FLOOR_DAYS: Final = 90

Level: TypeAlias = Literal["deployment", "tenant", "server"]


class Limit(NamedTuple):
    """A limit that settings may change, up to its ceiling.

    `level` is the narrowest that an admin may set it for; a server's goes before its tenant's, and
    that before the deployment's.
    """

    default: int
    ceiling: int
    unit: str
    text: str
    level: Level = "deployment"


LIMITS: dict[str, Limit] = {
    "connect_timeout_s": Limit(5, 30, "s", "connecting to the upstream API"),
    "call_timeout_s": Limit(30, 120, "s", "one upstream call, from connect to the last byte"),
    "upstream_body_bytes": Limit(8 * 2**20, 64 * 2**20, "bytes", "upstream body, decompressed"),
    "stream_events": Limit(10_000, 100_000, "events", "events of one streamed upstream answer"),
    "stream_event_bytes": Limit(2**20, 8 * 2**20, "bytes", "one event of a streamed answer"),
    "request_body_bytes": Limit(4 * 2**20, 16 * 2**20, "bytes", "request body", "server"),
    "json_depth": Limit(64, 128, "levels", "nesting of any JSON read"),
    "batch_length": Limit(50, 50, "requests", "JSON-RPC batch (2025-03-26 and older)"),
    "in_flight_server": Limit(16, 1024, "calls", "in flight per MCP server", "server"),
    "in_flight_tenant": Limit(64, 4096, "calls", "in flight per tenant", "tenant"),
    "in_flight_host": Limit(256, 16_384, "calls", "in flight per upstream host"),
    "in_flight_process": Limit(2048, 16_384, "calls", "in flight per process"),
    "place_wait_ms": Limit(1000, 1000, "ms", "waiting for a place in flight, then 429"),
    "connections": Limit(
        4096, 65_536, "connections", "open per process; one more waits until another is closed"
    ),
    "calls_per_10s": Limit(
        50, 100_000, "requests", "per MCP server at once, refilled evenly over 10 s", "server"
    ),
    "strangers_per_10s": Limit(
        200, 100_000, "requests", "from one client network that resolve to nobody, in 10 seconds"
    ),
}


class Limits(Struct, frozen=True, kw_only=True):
    """The limits in force; one field per row of `LIMITS`."""

    connect_timeout_s: int = LIMITS["connect_timeout_s"].default
    call_timeout_s: int = LIMITS["call_timeout_s"].default
    upstream_body_bytes: int = LIMITS["upstream_body_bytes"].default
    stream_events: int = LIMITS["stream_events"].default
    stream_event_bytes: int = LIMITS["stream_event_bytes"].default
    request_body_bytes: int = LIMITS["request_body_bytes"].default
    json_depth: int = LIMITS["json_depth"].default
    batch_length: int = LIMITS["batch_length"].default
    in_flight_server: int = LIMITS["in_flight_server"].default
    in_flight_tenant: int = LIMITS["in_flight_tenant"].default
    in_flight_host: int = LIMITS["in_flight_host"].default
    in_flight_process: int = LIMITS["in_flight_process"].default
    place_wait_ms: int = LIMITS["place_wait_ms"].default
    connections: int = LIMITS["connections"].default
    calls_per_10s: int = LIMITS["calls_per_10s"].default
    strangers_per_10s: int = LIMITS["strangers_per_10s"].default


def limit_problem(name: str, given: object, names: tuple[str, ...]) -> str:
    """What is wrong with that value for one of these limits; empty when nothing is."""
    if name not in names:
        return f"unknown limit {name!r}; the limits are {', '.join(sorted(names))}"
    ceiling = LIMITS[name].ceiling
    if not isinstance(given, int) or isinstance(given, bool) or not 1 <= given <= ceiling:
        return f"{name} is a whole number from 1 to {ceiling} ({LIMITS[name].unit})"
    return ""


def settable(level: Level) -> tuple[str, ...]:
    """The limits that an admin may set for one tenant, or for one server."""
    levels = {"server"} if level == "server" else {"server", "tenant"}
    return tuple(name for name, limit in LIMITS.items() if limit.level in levels)


def in_force(limits: Limits, *given: Mapping[str, int]) -> Limits:
    """The limits with what an admin gave for a tenant, and after it for a server.

    A ceiling holds for what was given under another release too.
    """
    found = {
        name: min(value, LIMITS[name].ceiling)
        for each in given
        for name, value in each.items()
        if name in LIMITS
    }
    return structs.replace(limits, **found) if found else limits
