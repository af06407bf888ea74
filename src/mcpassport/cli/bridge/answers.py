"""What an HTTP answer becomes: JSON-RPC messages, whatever the server or the network said."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any, Final

import msgspec

from mcpassport.cli.bridge.messages import Peeked
from mcpassport.errors import MEANINGS, McpassportError, envelope_of, meaning_of
from mcpassport.limits import LIMITS
from mcpassport.records.calls import OutboundResponse
from mcpassport.upstream.events import ServerSent

EVENTS: Final = "text/event-stream"
DEEPEST: Final = LIMITS["json_depth"].ceiling + 16
"""Nesting of a message: a result at its deepest, in an answer of ours."""
_CODES: Final = {meaning.type: meaning.code for meaning in MEANINGS.values()}
_FAILED: Final = -32603
_UNKNOWN_ADDRESS: Final = (
    "Nothing is served at this address: the URL or its token is wrong, revoked, suspended or "
    "expired."
)


def messages_of(response: OutboundResponse, asked: Peeked) -> Iterator[bytes]:
    """The messages for the client; a request that got none is answered with an error."""
    if _is_rpc(response.body):
        yield response.body
    elif asked.ids:
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


class Events:
    """Takes a stream of server-sent events; each one is a message that is passed on as it comes."""

    def __init__(self, write: Callable[[bytes], Awaitable[None]]) -> None:
        self._write = write
        self._splitter = ServerSent(LIMITS["upstream_body_bytes"].ceiling, DEEPEST)
        self.answers: list[bytes] = []
        """The messages that answer something, which is the last one as a rule."""

    def begin(self, _status: int, headers: tuple[tuple[str, str], ...]) -> bool:
        """Whether the body is such a stream; another one is read whole."""
        media = next((value for name, value in headers if name == "content-type"), "")
        return media.partition(";")[0].strip().lower() == EVENTS

    async def take(self, piece: bytes) -> None:
        """Pass on the events that this piece completes."""
        for event in self._splitter.feed(piece):
            if _is_answer(event.value):
                self.answers.append(event.value)
            await self._write(event.value)


def _is_answer(message: bytes) -> bool:
    try:
        return msgspec.json.decode(message, type=_Answering).id is not None
    except msgspec.MsgspecError:
        return False


class _Answering(msgspec.Struct):
    id: Any = None


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
