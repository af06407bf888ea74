"""The blocks of an answer on the wire, in what the caller's revision knows (mcp-facts 1.4, 2.5)."""

from typing import Final

import msgspec
from msgspec import Struct

from mcpassport.protocol.exchange import Exchange
from mcpassport.protocol.listing import Offer
from mcpassport.protocol.present import KEY_NOTES, closing, is_structured
from mcpassport.records.calls import Block, Outcome

AUDIO_SINCE: Final = "2025-03-26"
"""Older legacy revisions have no audio block: there a sound is an embedded resource."""

_encode = msgspec.json.Encoder().encode


class _Text(Struct, tag_field="type", tag="text"):
    text: str


class _Image(Struct, tag_field="type", tag="image", rename="camel"):
    data: bytes
    """Encoded as Base64, like every `bytes` here."""
    mime_type: str


class _Audio(Struct, tag_field="type", tag="audio", rename="camel"):
    data: bytes
    mime_type: str


class _Contents(Struct, rename="camel", omit_defaults=True):
    uri: str
    mime_type: str = ""
    text: str | None = None
    blob: bytes | None = None


class _Resource(Struct, tag_field="type", tag="resource"):
    resource: _Contents


def blocks_result(exchange: Exchange, offer: Offer, outcome: Outcome) -> bytes:
    """The result of a call whose answer is blocks; `structuredContent` only beside a JSON value."""
    audio = exchange.modern or exchange.route.revision >= AUDIO_SINCE
    parts = [b'{"content":', _encode([_on_the_wire(each, audio=audio) for each in outcome.content])]
    if outcome.value is not None and is_structured(exchange, outcome.value):
        parts += (b',"structuredContent":', outcome.value)
    meta: dict[str, object] = {KEY_NOTES: outcome.notes} if outcome.notes else {}
    parts.append(closing(exchange, offer, meta))
    return b"".join(parts)


def _on_the_wire(block: Block, *, audio: bool) -> _Text | _Image | _Audio | _Resource:
    if block.data is not None and block.kind == "image":
        return _Image(block.data, block.mime_type)
    if block.data is not None and block.kind == "audio" and audio:
        return _Audio(block.data, block.mime_type)
    if block.kind == "text":
        return _Text(block.text or "")
    return _Resource(_Contents(block.uri, block.mime_type, block.text, block.data))
