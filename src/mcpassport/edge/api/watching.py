"""A try-out watched: the response as it came, progress as it was told, the secrets it sent."""

import base64
import json
from binascii import Error as NotBase64
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote, quote_plus

import msgspec

from mcpassport.observe.http import Sender
from mcpassport.records.calls import Follower, OutboundRequest, OutboundResponse, Progress
from mcpassport.records.sources import Clock
from mcpassport.upstream.call import MASKED

PREVIEW_BYTES: Final = 8192
HIDDEN_HEADERS: Final = frozenset({"set-cookie", "www-authenticate"})
PROGRESS_MAX: Final = 100
"""Reports of progress that are shown, the first ones."""
_WRITTEN: tuple[Callable[[str], str], ...] = (
    str,
    lambda text: json.dumps(text)[1:-1],
    lambda text: quote(text, safe=""),
    quote_plus,
)
"""How a secret may be spelled in what an upstream repeats."""


class Watched:
    """The HTTP client, keeping what it passed on, and the secrets that it sent."""

    def __init__(self, http: Sender, clock: Clock) -> None:
        self._http = http
        self._clock = clock
        self._started = clock()
        self._secrets: tuple[str, ...] = ()
        self._response: OutboundResponse | None = None
        self._copied: _Copied | None = None
        self.progress: list[dict[str, Any]] = []

    async def send(self, request: OutboundRequest) -> OutboundResponse:
        """As the client does."""
        self._begin(request)
        self._response = await self._http.send(request)
        return self._response

    async def follow(self, request: OutboundRequest, follower: Follower) -> OutboundResponse:
        """As the client does; of a stream the beginning is kept."""
        self._begin(request)
        self._copied = _Copied(follower)
        self._response = await self._http.follow(request, self._copied)
        return self._response

    def heard(self, progress: Progress) -> None:
        """One report of progress, with the time since the request was sent."""
        if len(self.progress) < PROGRESS_MAX:
            elapsed = round((self._clock() - self._started).total_seconds() * 1000)
            self.progress.append({"after_ms": elapsed, **msgspec.to_builtins(progress)})

    def response(self) -> dict[str, Any] | None:
        """What came back, as far as it came; None if nothing did."""
        response, copied = self._response, self._copied
        if copied is not None and copied.head is not None and not (response and response.body):
            return _shown(copied.head, bytes(copied.kept), copied.size)
        return None if response is None else _shown(response, response.body, len(response.body))

    def masked(self, document: Any) -> Any:
        """The document with every secret that was sent replaced, in keys and values."""
        if isinstance(document, str):
            for secret in self._secrets:
                document = document.replace(secret, MASKED)
            return document
        if isinstance(document, dict):
            return {self.masked(key): self.masked(value) for key, value in document.items()}
        if isinstance(document, list):
            return [self.masked(item) for item in document]
        return document

    def _begin(self, request: OutboundRequest) -> None:
        self._secrets = tuple(_spellings(request.secret_headers + request.secret_query))
        self._started = self._clock()


class _Copied:
    """A follower that keeps the beginning of what it passes on."""

    def __init__(self, inner: Follower) -> None:
        self._inner = inner
        self.head: OutboundResponse | None = None
        self.kept = bytearray()
        self.size = 0

    def begin(self, status: int, headers: tuple[tuple[str, str], ...]) -> bool:
        self.head = OutboundResponse(status=status, headers=headers, body=b"")
        return self._inner.begin(status, headers)

    async def take(self, piece: bytes) -> None:
        self.size += len(piece)
        # One byte more than is shown says that there was more.
        self.kept += piece[: PREVIEW_BYTES + 1 - len(self.kept)]
        await self._inner.take(piece)


def text(body: bytes) -> str:
    """The beginning of a text."""
    cut = " …" if len(body) > PREVIEW_BYTES else ""
    return body[:PREVIEW_BYTES].decode(errors="replace") + cut


def _shown(head: OutboundResponse, body: bytes, size: int) -> dict[str, Any]:
    return {
        "status": head.status,
        "headers": {name: value for name, value in head.headers if name not in HIDDEN_HEADERS},
        "bytes": size,
        "body": _body(body, size, head.header("content-type") or "no media type"),
    }


def _body(body: bytes, size: int, media: str) -> str:
    """The beginning of a body; of one that is no text, what it is."""
    try:
        # A character may be cut in two where the preview ends.
        body.decode(errors="strict" if len(body) == size else "ignore")
    except UnicodeDecodeError:
        return f"({size} bytes of {media})"
    return text(body)


def _spellings(pairs: tuple[tuple[str, str], ...]) -> list[str]:
    """The secret values, their parts, and how JSON and URLs write them; the longest first."""
    found: set[str] = set()
    for _, value in pairs:
        scheme, _, rest = value.partition(" ")
        found |= {value, rest}
        if scheme.lower() == "basic":
            try:
                pair = base64.b64decode(rest, validate=True).decode()
            except (NotBase64, ValueError):
                continue
            found |= {pair, pair.partition(":")[2]}
    written = (f(secret) for secret in found for f in _WRITTEN)
    return sorted({text for text in written if text}, key=len, reverse=True)
