"""One upstream call: the request that is sent, the response, and what it means."""

from typing import Any, Protocol

from msgspec import Struct

from mcpassport.records.envelope import RateLimit
from mcpassport.records.integration import ContentKind


class OutboundRequest(Struct, frozen=True, kw_only=True):
    """One HTTP request. `secret_headers` and `secret_query` never show in `repr`."""

    method: str
    url: str
    """Absolute and percent-encoded, without the secret query."""
    headers: tuple[tuple[str, str], ...] = ()
    secret_headers: tuple[tuple[str, str], ...] = ()
    secret_query: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    timeout_s: float = 30.0
    max_body: int = 8 * 1024 * 1024
    integration: str = ""
    """Whose API it is, for whoever counts requests; never sent."""
    tenant: str = ""
    """For whom, so that tenants take turns; never sent."""

    def __repr__(self) -> str:
        names = ", ".join(sorted(name for name, _ in self.headers + self.secret_headers))
        return f"OutboundRequest({self.method}, headers=[{names}])"

    __str__ = __repr__


class OutboundResponse(Struct, frozen=True, kw_only=True):
    """One HTTP response, read whole; header names are lower case, repeated ones kept."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def __repr__(self) -> str:
        return f"OutboundResponse({self.status}, {len(self.body)} bytes)"

    __str__ = __repr__

    def header(self, name: str) -> str | None:
        """The first value of that header (lower-case name), or None."""
        return next((value for key, value in self.headers if key == name), None)


class Follower(Protocol):
    """Takes a response while it arrives."""

    def begin(self, status: int, headers: tuple[tuple[str, str], ...]) -> bool:
        """Whether the body is followed; otherwise it is read whole."""
        ...

    async def take(self, piece: bytes) -> None:
        """The next bytes of the body, decoded; what it raises ends the request."""
        ...


class Progress(Struct, frozen=True):
    """How far a call is: both numbers finite, the message harmless and short."""

    progress: float
    total: float | None = None
    message: str | None = None


class Block(Struct, frozen=True, kw_only=True):
    """One block of a tool's answer: `text`, or `data` of the type `mime_type`; never both.

    `uri` is the address of a resource, which a sound is too where nobody knows sounds.
    """

    kind: ContentKind
    text: str | None = None
    data: bytes | None = None
    mime_type: str = ""
    uri: str = ""

    def __repr__(self) -> str:
        return f"Block({self.kind}, {self.size} bytes)"

    __str__ = __repr__

    @property
    def size(self) -> int:
        """Bytes of what it carries: decoded, the text as UTF-8."""
        return len(self.data or b"") + len((self.text or "").encode(errors="replace"))


class Outcome(Struct, frozen=True, kw_only=True):
    """What an upstream call came to: JSON text, blocks, or both; or an error."""

    value: bytes | None = None
    """The result as JSON text: UTF-8, complete, depth checked."""
    content: tuple[Block, ...] = ()
    """The blocks of the answer; none: the JSON text is the answer."""
    error: Exception | None = None
    """A `McpassportError` of the upstream family."""
    upstream_status: int | None = None
    ratelimit: RateLimit | None = None
    notes: tuple[str, ...] = ()
    upstream_ms: int = 0
    bytes_out: int = 0
    bytes_in: int = 0
    sent: bool = False
    """Whether the request reached the network."""

    @property
    def size(self) -> int:
        """Bytes of the result, decoded."""
        return len(self.value or b"") + sum(block.size for block in self.content)

    def __repr__(self) -> str:
        return f"Outcome(status={self.upstream_status}, ok={self.error is None})"

    __str__ = __repr__


class CallScope(Struct, frozen=True):
    """What templates and expressions of one call may see."""

    args: dict[str, Any]
    context: dict[str, str]
