"""What expressions see of a response, and what of its text may be shown."""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from mcpassport.records.calls import OutboundResponse

MESSAGE_MAX_CHARS: Final = 500
NOTE_INTEGERS: Final = "Integers of 16 or more digits in this answer are given as strings."

_CONTROL: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]+"
)
_HIDDEN_HEADERS: Final = frozenset({"set-cookie", "set-cookie2", "www-authenticate"})


def scope_of(
    response: OutboundResponse,
    body: bytes,
    arguments: Mapping[str, Any] | None = None,
    **more: Any,
) -> bytes:
    """The scope of an expression; `body` is JSON text and goes in as it is."""
    headers: dict[str, str] = {}
    for name, value in response.headers:
        if name not in _HIDDEN_HEADERS:
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
    scope = b'{"status":%d,"headers":%b,"body":%b' % (
        response.status,
        msgspec.json.encode(headers),
        body,
    )
    if arguments is not None:
        scope += b',"args":%b' % msgspec.json.encode(arguments)
    for name, value in more.items():
        scope += b',"%b":%b' % (name.encode(), msgspec.json.encode(value))
    return scope + b"}"


def harmless(message: str) -> str:
    """The text without control and direction characters, at most 500 characters long."""
    text = " ".join(_CONTROL.sub(" ", message[: MESSAGE_MAX_CHARS * 4]).split())
    return text if len(text) <= MESSAGE_MAX_CHARS else text[: MESSAGE_MAX_CHARS - 1] + "…"
