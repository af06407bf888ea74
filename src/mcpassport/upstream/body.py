"""Upstream bodies: checked before anything of them is spliced into an answer of ours.

A body `1,"isError":false` would forge members of our answer, so a body is one complete JSON text:
1. UTF-8, without a byte order mark;
2. the grammar of RFC 8259: nothing after the value, no NaN or Infinity, no lone surrogate escapes;
3. nested no deeper than the limit;
4. no number that common readers refuse: beyond a double (`1e999`), or an integer of more than 4,300
   digits. It would cost the caller the whole message.
Duplicate member names are let through, as RFC 8259 does: the text is the upstream's, nested inside
ours, and whoever reads it decides as it would have without us (our own readers take the last).
"""

import math
import re
from itertools import accumulate
from typing import Any, Final

import msgspec

from mcpassport.errors import MalformedUpstreamResponse
from mcpassport.records.calls import OutboundResponse
from mcpassport.upstream.media import body_text, is_json, media_type

_BRACKETS: Final = frozenset(b"[]{}")
_NO_BRACKETS: Final = bytes(byte for byte in range(256) if byte not in _BRACKETS)
_STEP: Final = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}

_INTEGER_MAX_DIGITS: Final = 4_300
"""Longer ones are refused by Python's `int`, and so by every client that is written in it."""
_SHAPE: Final = bytes.maketrans(b"123456789E", b"000000000e")
_SUSPECTS: Final = (b"e000", b"0" * 309)
"""What a number beyond a double looks like, when each digit is a zero and pluses are left out."""
_STRING_OR_NUMBER: Final = re.compile(
    rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|-?([0-9]++(\.[0-9]++)?+([eE][+-]?[0-9]++)?+)', re.DOTALL
)

_RAW: Final = msgspec.json.Decoder(msgspec.Raw)
_MEMBERS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ELEMENTS: Final = msgspec.json.Decoder(list[msgspec.Raw])


def json_of(response: OutboundResponse, depth: int) -> bytes | None:
    """The body as checked JSON text: no body is `null`. None: it is of another media type.

    Raises:
        MalformedUpstreamResponse: it says that it is JSON and is not.
    """
    if not response.body.strip():
        return b"null"
    media, _ = media_type(response.header("content-type") or "application/json")
    return checked_json(response.body, depth) if is_json(media) else None


def text_as_json(response: OutboundResponse) -> bytes | None:
    """A body of `text/plain` as a JSON string; None for other types.

    Raises:
        MalformedUpstreamResponse: the body is not in its charset.
    """
    if media_type(response.header("content-type") or "")[0] != "text/plain":
        return None
    return msgspec.json.encode(body_text(response))


def json_or_null(response: OutboundResponse, depth: int) -> bytes:
    """The body if it is JSON or plain text, else `null`: for expressions that judge failures."""
    try:
        return json_of(response, depth) or text_as_json(response) or b"null"
    except MalformedUpstreamResponse:
        return b"null"


def checked_json(text: bytes, depth: int) -> bytes:
    """The text without surrounding space, byte for byte, if it is one complete JSON text."""
    try:
        text.decode()  # (1)
        raw = bytes(_RAW.decode(text))  # (2)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise MalformedUpstreamResponse from None
    if _deeper(raw, depth):  # (3)
        raise MalformedUpstreamResponse("The upstream API's answer is nested too deep.")
    if _overflows(raw):  # (4)
        raise MalformedUpstreamResponse("The upstream API's answer holds a number out of range.")
    return raw


def at_path(text: bytes, path: str) -> bytes | None:
    """The JSON text at a dotted path (names, or indexes of arrays), byte for byte; None if absent.

    `text` is checked JSON.
    """
    for step in path.split("."):
        if text.startswith(b"{"):
            found = _MEMBERS.decode(text).get(step)
        elif text.startswith(b"[") and step.isascii() and step.isdigit():
            elements = _ELEMENTS.decode(text)
            found = elements[int(step)] if int(step) < len(elements) else None
        else:
            return None
        if found is None:
            return None
        text = bytes(found)
    return text


def members(text: bytes) -> dict[str, bytes] | None:
    """The members of a checked JSON object as JSON texts; None if it is not an object."""
    if not text.startswith(b"{"):
        return None
    return {name: bytes(value) for name, value in _MEMBERS.decode(text).items()}


def length(text: bytes) -> int:
    """How many elements a checked JSON array has."""
    return len(_ELEMENTS.decode(text))


def scalar_text(text: bytes | None) -> str | None:
    """A string's characters, or the digits of a number as they stand; "" and null are None.

    Raises:
        MalformedUpstreamResponse: the value is an object, an array or a truth value.
    """
    if text is None or text in {b"null", b'""'}:
        return None
    if text[:1] == b'"':
        value: Any = msgspec.json.decode(text)
        return str(value)
    if text[:1] in b"-0123456789":
        return text.decode()
    raise MalformedUpstreamResponse


def _deeper(text: bytes, depth: int) -> bool:
    # Brackets inside strings only make the first figure too high, and it is all most bodies need.
    if text.count(b"[") + text.count(b"{") <= depth:
        return False
    # Backslashes stand only in strings, in runs that pair off from the left; without them and the
    # quotes they escape, every second piece between quotes is outside strings.
    unescaped = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    brackets = b"".join(unescaped.split(b'"')[::2]).translate(None, _NO_BRACKETS)
    return max(accumulate(map(_STEP.__getitem__, brackets)), default=0) > depth


def _overflows(text: bytes) -> bool:
    shape = text.translate(_SHAPE, b"+")
    if not any(suspect in shape for suspect in _SUSPECTS):
        return False
    for match in _STRING_OR_NUMBER.finditer(text):
        number, fraction, exponent = match.groups()
        if number is not None and (
            math.isinf(float(number)) if fraction or exponent else len(number) > _INTEGER_MAX_DIGITS
        ):
            return True
    return False
