"""JSON-RPC 2.0 messages, read and written by hand-picked members (JSON-RPC 2.0, sections 4 to 6).

`parse` never raises: whatever arrives becomes a message or a `Bad` that says what is wrong.
Ids are kept as the JSON text that arrived and are spliced into answers, so `0`, `""` and integers
of any size come back as they were. An id that is null or cannot be read is omitted, never null.
"""

import re
from typing import Any, Final, TypeAlias

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from mcpassport.errors import InvalidRequest, McpassportError, ParseError

_INTEGER: Final = re.compile(rb"-?(?:0|[1-9][0-9]{0,127})")
_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")
# An unfinished string runs to the end, so that no input makes the scan start over and over.
_STRINGS: Final = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)', re.DOTALL)
_TO_SQUARE: Final = bytes.maketrans(b"{}", b"[]")
_NOT_BRACKETS: Final = bytes(b for b in range(256) if b not in b"[]{}")


class _Wire(Struct):
    jsonrpc: Raw | UnsetType = UNSET
    id: Raw | UnsetType = UNSET
    method: Raw | UnsetType = UNSET
    params: Raw | UnsetType = UNSET
    result: Raw | UnsetType = UNSET
    error: Raw | UnsetType = UNSET


class Request(Struct, frozen=True):
    """A request. `id` and `params` are JSON text; `params` is None when absent."""

    id: bytes
    method: str
    params: bytes | None


class Notification(Struct, frozen=True):
    """A notification: nothing is ever answered to it."""

    method: str
    params: bytes | None


class Response(Struct, frozen=True):
    """A response that a client posted; we never ask anything, so it is acknowledged and dropped."""


class Bad(Struct, frozen=True):
    """Not a message. `id` is the JSON text of its id where it could be read."""

    error: McpassportError
    id: bytes | None = None


Single: TypeAlias = Request | Notification | Response | Bad


class Batch(Struct, frozen=True):
    """A JSON array of messages (revisions 2025-03-26 and older)."""

    items: tuple[Single, ...]


Message: TypeAlias = Single | Batch

_decode_wire = msgspec.json.Decoder(_Wire | list[Raw]).decode
_decode_item = msgspec.json.Decoder(_Wire).decode
_decode_any = msgspec.json.Decoder().decode
_decode_text = msgspec.json.Decoder(str).decode
_encode = msgspec.json.Encoder().encode


def parse(body: bytes, *, depth: int, batch: int) -> Message:
    """Read a request body: at most `depth` levels of nesting, at most `batch` messages."""
    if not is_utf8(body):
        return Bad(ParseError("The body is not UTF-8."))
    if too_deep(body, depth):
        return Bad(InvalidRequest(f"The body is nested deeper than {depth} levels."))
    try:
        wire = _decode_wire(body)
    except msgspec.ValidationError:
        return Bad(InvalidRequest() if _is_json(body) else _unreadable(body))
    except (msgspec.DecodeError, RecursionError):
        return Bad(_unreadable(body))
    if isinstance(wire, _Wire):
        return _message(wire)
    if not wire:
        return Bad(InvalidRequest("The batch is empty."))
    if len(wire) > batch:
        return Bad(InvalidRequest(f"The batch is longer than {batch} messages."))
    return Batch(tuple(_item(raw) for raw in wire))


def _item(raw: Raw) -> Single:
    try:
        return _message(_decode_item(raw))
    except msgspec.DecodeError:
        return Bad(InvalidRequest())


def _message(wire: _Wire) -> Single:
    """Numbered rungs: the first that fails decides."""
    # (1) The id, so that later refusals can name the request.
    message_id = None if isinstance(wire.id, UnsetType) else read_id(bytes(wire.id))
    # (2) The version of JSON-RPC.
    if isinstance(wire.jsonrpc, UnsetType) or bytes(wire.jsonrpc).strip() != b'"2.0"':
        return Bad(InvalidRequest("'jsonrpc' must be \"2.0\"."), message_id)
    # (3) Without a method it can only be a response.
    if isinstance(wire.method, UnsetType):
        answered = wire.result is not UNSET or wire.error is not UNSET
        return Response() if answered else Bad(InvalidRequest("'method' is missing."), message_id)
    method = _text(wire.method)
    if method is None:
        return Bad(InvalidRequest("'method' must be text."), message_id)
    # (4) MCP knows params by name only.
    params = None if isinstance(wire.params, UnsetType) else bytes(wire.params).strip()
    if params is not None and not params.startswith(b"{"):
        return Bad(InvalidRequest("'params' must be an object."), message_id)
    # (5) A member `id` makes it a request, and then the id must hold.
    if isinstance(wire.id, UnsetType):
        return Notification(method, params)
    if message_id is None:
        return Bad(InvalidRequest("'id' must be text or an integer."))
    return Request(message_id, method, params)


def read_id(raw: bytes) -> bytes | None:
    """The JSON text of an id, or None when it is neither text nor an integer."""
    raw = raw.strip()
    if raw.startswith(b'"'):
        text = _text(Raw(raw))
        return None if text is None else _encode(text)
    return raw if _INTEGER.fullmatch(raw) else None


def is_utf8(body: bytes) -> bool:
    """Whether the bytes are UTF-8; skipped members are otherwise never looked at."""
    if body.isascii():
        return True
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def too_deep(body: bytes, depth: int) -> bool:
    """Whether a JSON text nests deeper than `depth`, at the speed of C whatever the input.

    Few brackets need no look. Otherwise strings are dropped, and then `depth` times the innermost
    pairs; what is left then was nested deeper. Malformed texts are left to the parser.
    """
    if body.count(b"[") + body.count(b"{") <= depth:
        return False
    brackets = _STRINGS.sub(b"", body).translate(_TO_SQUARE, _NOT_BRACKETS)
    for _ in range(depth):
        stripped = brackets.replace(b"[]", b"")
        if len(stripped) == len(brackets):
            break
        brackets = stripped
    return b"[]" in brackets or len(brackets) > depth


def answer(message_id: bytes, result: bytes) -> bytes:
    """A response; `result` is JSON text that we made ourselves."""
    return b'{"jsonrpc":"2.0","id":%b,"result":%b}' % (message_id, result)


def fault(message_id: bytes | None, code: int, message: str, data: Any = None) -> bytes:
    """An error response; without an id the member is omitted (schema: JSONRPCErrorResponse)."""
    body: dict[str, Any] = {"code": code, "message": message}
    if data is not None:
        body["data"] = data
    if message_id is None:
        return b'{"jsonrpc":"2.0","error":%b}' % _encode(body)
    return b'{"jsonrpc":"2.0","id":%b,"error":%b}' % (message_id, _encode(body))


def _text(raw: Raw) -> str | None:
    try:
        return _decode_text(raw)
    except msgspec.DecodeError:
        return None


def _unreadable(body: bytes) -> ParseError:
    """Escaped surrogates get a hint: many languages write half a pair without a word."""
    if _SURROGATE.search(body) is None:
        return ParseError()
    return ParseError("The body is not valid JSON: a \\u escape may be half of a surrogate pair.")


def _is_json(body: bytes) -> bool:
    try:
        _decode_any(body)
    except msgspec.ValidationError:
        return True
    except (msgspec.DecodeError, RecursionError):
        return False
    return True
