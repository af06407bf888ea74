"""Headers of every answer: nobody stores it, passes its address on, guesses its type, frames it."""

from collections.abc import Iterable
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mcpassport.edge.asgi import SAFETY_HEADERS, Header
from mcpassport.edge.middleware.front import Front

HSTS: Final[Header] = (b"strict-transport-security", b"max-age=31536000")
"""RFC 6797; a year. Subdomains are the vendor's own to decide about."""
_POLICY: Final = b"content-security-policy"
_NOTHING: Final[Header] = (_POLICY, b"default-src 'none'; frame-ancestors 'none'")
_FRAMELESS: Final[Header] = (
    _POLICY,
    b"frame-ancestors 'none'; object-src 'none'; base-uri 'none'; form-action 'self'",
)
"""Beside the policy that a page states in itself, so that it holds in a file too."""


class SafetyHeaders:
    """Sets the headers; a `Content-Security-Policy` of the answer's own stays."""

    def __init__(self, app: ASGIApp, front: Front) -> None:
        self._app = app
        https = front.policy.public_url.startswith("https://")
        self._always = (*SAFETY_HEADERS, HSTS) if https else SAFETY_HEADERS
        self._names = frozenset(name for name, _ in self._always)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and add to what comes back."""

        async def safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = self._with(message.get("headers", ()))
            await send(message)

        await self._app(scope, receive, safely)

    def _with(self, given: Iterable[Header]) -> list[Header]:
        headers = [header for header in given if header[0] not in self._names]
        named = dict(headers)
        if _POLICY not in named:
            is_page = named.get(b"content-type", b"").startswith(b"text/html")
            headers.append(_FRAMELESS if is_page else _NOTHING)
        headers.extend(self._always)
        return headers
