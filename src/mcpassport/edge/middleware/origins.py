"""Which web pages may call us: the Origin check, and CORS for those that may (Fetch, 3.2).

(1) a request without `Origin` comes from no page of another site: it passes
(2) an origin that the area does not admit: 403, and no CORS header, so its page learns nothing
(3) the preflight of a listed origin is answered here; it reaches no endpoint and no store
(4) answers to a listed origin may be read by its page, with the headers that clients need
"""

import re
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mcpassport.edge.asgi import Answer, Header, respond
from mcpassport.edge.middleware.front import (
    Front,
    in_mcp_area,
    is_of_this_machine,
    values_of,
)
from mcpassport.errors import OriginForbidden

MAX_AGE_S: Final = 600
ALLOWED: Final = (
    *("accept", "authorization", "content-type", "x-api-token", "x-identity-token"),
    *("mcp-protocol-version", "mcp-method", "mcp-name", "mcp-session-id", "last-event-id"),
)
"""Request headers that a page may set (mcp-facts: 1.5); the last two belong to older clients."""
EXPOSED: Final = (
    *("WWW-Authenticate", "Retry-After", "RateLimit", "RateLimit-Policy"),
    *("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"),
)
_MIRRORED: Final = re.compile(r"mcp-param-[!#$%&'*+.^_`|~0-9a-z-]{1,64}")
_MIRRORED_MAX: Final = 64
_REQUESTED: Final = b"access-control-request-headers"


class Origins:
    """Refuses pages that may not call, and lets the others read what they are answered."""

    def __init__(self, app: ASGIApp, front: Front) -> None:
        self._app = app
        self._front = front
        self._listed = frozenset(front.policy.allowed_origins)
        self._own = front.policy.own_origin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Steps (1) to (4)."""
        origins = values_of(scope, b"origin")
        if not origins:  # 1
            await self._app(scope, receive, send)
            return
        is_mcp = in_mcp_area(scope["path"])
        origin = origins[0].lower() if len(origins) == 1 else ""
        if not (origin in self._listed if is_mcp else self._is_own(origin, scope)):  # 2
            error = OriginForbidden("This Origin is not allowed (allowed_origins).")
            await self._front.refuse(scope, send, "origin", error)
        elif not is_mcp:
            await self._app(scope, receive, send)
        elif _is_preflight(scope):  # 3
            await respond(send, Answer(204, headers=_preflight(origin, scope)))
        else:  # 4
            await self._app(scope, receive, _readable(send, origin))

    def _is_own(self, origin: str, scope: Scope) -> bool:
        """A page of ours, at the public address or at a name of this machine."""
        if origin == self._own:
            return True
        hosts = values_of(scope, b"host")
        host = hosts[0].lower() if len(hosts) == 1 else ""
        return is_of_this_machine(host) and origin in {f"http://{host}", f"https://{host}"}


def _is_preflight(scope: Scope) -> bool:
    asked = values_of(scope, b"access-control-request-method")
    return scope["method"] == "OPTIONS" and bool(asked)


def _preflight(origin: str, scope: Scope) -> tuple[Header, ...]:
    asked = (
        name.strip().lower() for text in values_of(scope, _REQUESTED) for name in text.split(",")
    )
    mirrored = [name for name in asked if _MIRRORED.fullmatch(name)][:_MIRRORED_MAX]
    method = b"POST" if scope["path"].startswith("/mcp/") else b"GET"
    return (
        (b"access-control-allow-origin", origin.encode("latin-1")),
        (b"access-control-allow-methods", method),
        (b"access-control-allow-headers", ", ".join((*ALLOWED, *mirrored)).encode()),
        (b"access-control-max-age", b"%d" % MAX_AGE_S),
        (b"vary", b"Origin, " + _REQUESTED),
    )


def _readable(send: Send, origin: str) -> Send:
    added: tuple[Header, ...] = (
        (b"access-control-allow-origin", origin.encode("latin-1")),
        (b"access-control-expose-headers", ", ".join(EXPOSED).encode()),
        (b"vary", b"Origin"),
    )

    async def readably(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *added]
        await send(message)

    return readably
