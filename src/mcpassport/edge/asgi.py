"""The little of ASGI that raw endpoints need: headers in, one whole response out."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from mcpassport.protocol.accept import admits

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Header: TypeAlias = tuple[bytes, bytes]

SAFETY_HEADERS: Final[tuple[Header, ...]] = (
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)
"""On every answer: the address is a secret, and answers are one caller's own."""

_JSON: Final = (b"content-type", b"application/json")
_JSON_RANGES: Final = frozenset({"application/json", "application/*", "*/*"})
_USUAL: Final = frozenset({"application/json, text/event-stream", "application/json", "*/*"})
"""What nearly every client sends as `Accept`."""


class Answer(NamedTuple):
    """A whole HTTP response; an empty body has no content type."""

    status: int
    body: bytes = b""
    headers: tuple[Header, ...] = ()


def headers_of(raw: Sequence[Header]) -> dict[str, str]:
    """Headers by lower-case name, values trimmed; repeated ones joined by a comma (RFC 9110, 5.3).

    A header that must come once thus equals no valid value when it came twice.
    """
    headers: dict[str, str] = {}
    for name, value in raw:
        key = name.decode("latin-1").lower()
        text = value.decode("latin-1").strip()
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers


async def respond(send: Send, answer: Answer) -> None:
    """Send the response."""
    own: list[Header] = [*SAFETY_HEADERS, (b"content-length", b"%d" % len(answer.body))]
    if answer.body:
        own.append(_JSON)
    await send(
        {"type": "http.response.start", "status": answer.status, "headers": [*own, *answer.headers]}
    )
    await send({"type": "http.response.body", "body": answer.body})


def accepts_json(headers: Mapping[str, str]) -> bool:
    """Whether `Accept` admits JSON; an absent one admits everything (RFC 9110, 12.5.1)."""
    accept = headers.get("accept")
    return not accept or accept in _USUAL or admits(accept, _JSON_RANGES)


def sends_json(headers: Mapping[str, str]) -> bool:
    """Whether the body is plain JSON: the media type says so, and nothing is compressed."""
    media = headers.get("content-type", "").partition(";")[0].strip().lower()
    encoding = headers.get("content-encoding", "identity").lower()
    return media == "application/json" and encoding == "identity"
