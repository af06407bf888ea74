"""Comparing what was recorded with what came of it: values, queries, bodies, blocks."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from contextlib import suppress
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl

import msgspec

from mcpassport.records.calls import Block
from mcpassport.upstream.media import is_json, is_textual, media_type

_SHOWN_MAX: Final = 200


class Difference(NamedTuple):
    """Where two values part, and in what."""

    path: tuple[str | int, ...]
    said: str


def difference(expected: Any, found: Any) -> Difference | None:
    """The first difference of two JSON values, depth first; None if they are equal.

    Numbers are equal by value; a truth value is no number.
    """
    if isinstance(expected, Mapping) and isinstance(found, Mapping):
        return _in_members(expected, found)
    if isinstance(expected, list) and isinstance(found, list):
        return _in_entries(expected, found)
    if expected == found and isinstance(expected, bool) == isinstance(found, bool):
        return None
    return Difference((), f"is {_short(found)}, not {_short(expected)}.")


def _in_members(expected: Mapping[str, Any], found: Mapping[str, Any]) -> Difference | None:
    for key in [*expected, *(key for key in found if key not in expected)]:
        if key not in found:
            return Difference((key,), f"lacks {key!r}.")
        if key not in expected:
            return Difference((), f"has {key!r}: {_short(found[key])}, which is not expected.")
        inner = difference(expected[key], found[key])
        if inner is not None:
            return Difference((key, *inner.path), inner.said)
    return None


def _in_entries(expected: list[Any], found: list[Any]) -> Difference | None:
    for index, (one, other) in enumerate(zip(expected, found, strict=False)):
        inner = difference(one, other)
        if inner is not None:
            return Difference((index, *inner.path), inner.said)
    if len(expected) == len(found):
        return None
    return Difference((), f"has {len(found)} entries, not {len(expected)}.")


def shown_query(url: str) -> tuple[str, list[tuple[str, str]]]:
    """An address and its query, whatever the order of the names."""
    address, _, query = url.partition("?")
    return address, sorted(parse_qsl(query, keep_blank_values=True))


def shown_body(body: bytes | None, content_type: str) -> Any:
    """A body as people write it: JSON as its value, a form as a mapping, parts as a list."""
    if body is None:
        return None
    media, _ = media_type(content_type)
    if is_json(media):
        return msgspec.json.decode(body)
    if media == "application/x-www-form-urlencoded":
        return _form(parse_qsl(body.decode(), keep_blank_values=True))
    if media.startswith("multipart/"):
        return _parts(body, content_type)
    text = _text(body, media)
    return text.get("text", text)


def shown_blocks(blocks: Sequence[Block]) -> list[dict[str, Any]]:
    """Blocks of an answer as people write them; bytes are Base64."""
    shown = []
    for block in blocks:
        entry: dict[str, Any] = {"type": block.kind}
        entry |= {"mime_type": block.mime_type} if block.mime_type else {}
        entry |= {"uri": block.uri} if block.kind == "resource" else {}
        if block.text is not None:
            entry["text"] = block.text
        elif block.data is not None:
            entry["data"] = b64encode(block.data).decode()
        shown.append(entry)
    return shown


def _form(pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """A name that stands once has a text, one that stands more often a list of them."""
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def _parts(body: bytes, content_type: str) -> list[dict[str, Any]]:
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    message = message_from_bytes(head + body, policy=policy.HTTP.clone(utf8=True))
    assert isinstance(message, EmailMessage)
    shown = []
    for part in message.iter_parts():
        disposition = part["Content-Disposition"].params
        entry: dict[str, Any] = {"name": disposition["name"]}
        if "filename" in disposition:
            entry["filename"] = disposition["filename"]
        content = part["Content-Type"]
        if content is not None:
            entry["content_type"] = str(content)
        payload = part.get_payload(decode=True)
        assert isinstance(payload, bytes)
        shown.append(entry | _text(payload, media_type(str(content or "text/plain"))[0]))
    return shown


def _text(body: bytes, media: str) -> dict[str, str]:
    """`{text}`, or of bytes `{data}` in Base64."""
    if is_textual(media):
        with suppress(UnicodeDecodeError):
            return {"text": body.decode()}
    return {"data": b64encode(body).decode()}


def _short(value: Any) -> str:
    text = msgspec.json.encode(value).decode(errors="replace")
    return text if len(text) <= _SHOWN_MAX else text[: _SHOWN_MAX - 1] + "…"
