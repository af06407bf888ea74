"""What an HTTP answer becomes: JSON-RPC messages, whatever the server or the network said."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from mcpassport.cli.bridge.messages import Peeked
from mcpassport.errors import MEANINGS, McpassportError, envelope_of, meaning_of
from mcpassport.records.calls import OutboundResponse

EVENTS: Final = "text/event-stream"
_LINE: Final = re.compile(rb"\r\n|\n|\r")
_CODES: Final = {meaning.type: meaning.code for meaning in MEANINGS.values()}
_FAILED: Final = -32603
_UNKNOWN_ADDRESS: Final = (
    "Nothing is served at this address: the URL or its token is wrong, revoked, suspended or "
    "expired."
)


def messages_of(response: OutboundResponse, asked: Peeked) -> Iterator[bytes]:
    """The messages for the client; a request that got none is answered with an error."""
    media = (response.header("content-type") or "").partition(";")[0].strip().lower()
    if media == EVENTS:
        found = list(events_of(response.body))
    else:
        found = [response.body] if _is_rpc(response.body) else []
    yield from found
    if not found and asked.ids:
        yield from _refusals(response, asked)


def refusal_of(response: OutboundResponse) -> Mapping[str, Any]:
    """The envelope of an answer without JSON-RPC members, or what can be said without one."""
    try:
        document = msgspec.json.decode(response.body, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError):
        document = {}
    envelope = document.get("error")
    found = envelope if isinstance(envelope, dict) else {}
    kind = found.get("type", "unexpected_answer")
    told = (
        _UNKNOWN_ADDRESS if kind == "not_found" else f"The server answered HTTP {response.status}."
    )
    return {**found, "type": kind, "message": found.get("message", told)}


def failures_of(error: McpassportError, asked: Peeked) -> Iterator[bytes]:
    """What a request is answered with when the server gave no answer at all."""
    kind = meaning_of(type(error)).type.removeprefix("upstream_")
    message = f"The MCP server gave no usable answer ({kind})."
    data = {**msgspec.to_builtins(envelope_of(error)), "type": "no_answer", "message": message}
    yield from _errors(asked, _FAILED, message, data)


def events_of(body: bytes) -> Iterator[bytes]:
    """The data of each event of a stream (WHATWG HTML, server-sent events), comments left out."""
    data: list[bytes] = []
    for line in [*_LINE.split(body.removeprefix(b"\xef\xbb\xbf")), b""]:
        name, _, value = line.partition(b":")
        if not line and data:
            yield b"\n".join(data)
            data = []
        elif name == b"data":
            data.append(value.removeprefix(b" "))


def _is_rpc(body: bytes) -> bool:
    try:
        document = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return False
    first = document[0] if isinstance(document, list) and document else document
    return isinstance(first, dict) and "jsonrpc" in first


def _refusals(response: OutboundResponse, asked: Peeked) -> Iterator[bytes]:
    envelope = refusal_of(response)
    code = _CODES.get(envelope["type"], _FAILED)
    yield from _errors(asked, code, envelope["message"], envelope)


def _errors(asked: Peeked, code: int, message: str, data: Mapping[str, Any]) -> Iterator[bytes]:
    """One error for each request of the message."""
    for each in asked.ids:
        error = {"code": code, "message": message, "data": data}
        yield msgspec.json.encode({"jsonrpc": "2.0", "id": each, "error": error})
