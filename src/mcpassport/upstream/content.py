"""The blocks of an answer that is more than JSON: by its media type, or as the integration says.

By media type (`content: auto`): a text is a text block, a picture or sound its own kind of block,
anything else an embedded resource.

As the integration says, one expression for all blocks, over the scope of `response`. In it `body`
is the JSON value, the text, or the bytes in Base64. Of what it gives:
1. undefined and null are no block; a list of texts gives one block for each;
2. a text block takes a text as it is and writes any other value as JSON;
3. pictures, sounds, and resources whose type is no text are Base64 (RFC 4648, section 4), which is
   decoded here and encoded anew, so that nothing of it is spliced as it came;
4. the media type is the integration's, else that of the response; it must fit the kind of block;
5. at least one block, at most 32, and together no larger than an upstream body may be.
"""

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

import msgspec

from mcpassport.errors import MalformedUpstreamResponse, ResponseTooLarge
from mcpassport.expressions import MISSING, Template, compile_expression, parse_template
from mcpassport.expressions.placeholders import Scopes, as_text
from mcpassport.records.calls import Block, OutboundResponse
from mcpassport.records.integration import ContentBlock, ContentKind
from mcpassport.upstream.media import body_text, is_media_type, is_textual, media_type

BLOCKS_MAX: Final = 32
URI_MAX_CHARS: Final = 2_000
_FAMILIES: Final[Mapping[str, ContentKind]] = {"image": "image", "audio": "audio"}


class Content:
    """The declared blocks of a method, compiled.

    Raises:
        InvalidExpression: a value or an address of it does not compile.
    """

    def __init__(self, blocks: tuple[ContentBlock, ...], slot: str) -> None:
        self._blocks = blocks
        self._uris = tuple(
            None if block.uri is None else parse_template(block.uri, f"{slot} content uri")
            for block in blocks
        )
        for place, block in enumerate(blocks):
            compile_expression(block.value, f"{slot} content {place}")
        # Each part compiles by itself, so it cannot reach out of its parentheses.
        parts = (f'"{place}": ({block.value}\n)' for place, block in enumerate(blocks))
        self.expression = compile_expression("{" + ", ".join(parts) + "}", f"{slot} content")

    def blocks(
        self, result: bytes | None, media: str, scopes: Scopes, default_uri: str
    ) -> Iterator[Block]:
        """The blocks that the expression's result makes, in the order of their declaration.

        `media` is the type of the response.

        Raises:
            MalformedUpstreamResponse: (3), (4), or no block at all.
        """
        try:
            values: dict[str, Any] = msgspec.json.decode(result or b"{}", type=dict[str, Any])
        except msgspec.DecodeError:
            raise MalformedUpstreamResponse from None
        made = 0
        for place, block in enumerate(self._blocks):
            for value in _each(values.get(str(place))):  # (1)
                made += 1
                yield _block(block, value, media, _uri(self._uris[place], scopes, default_uri))
        if not made:  # (5)
            raise MalformedUpstreamResponse("The upstream's answer gives none of the blocks.")


def by_media_type(response: OutboundResponse, uri: str) -> Block:
    """The one block of a response that is not JSON.

    Raises:
        MalformedUpstreamResponse: its media type is none, or a text is not in its charset.
    """
    text = body_text(response)
    if text is not None:
        return Block(kind="text", text=text)
    media = checked_media(response)
    kind = _FAMILIES.get(media.partition("/")[0], "resource")
    return Block(kind=kind, data=response.body, mime_type=media, uri=uri)


def body_for_expressions(response: OutboundResponse) -> bytes:
    """A body that is not JSON as a JSON string: the text, or the bytes in Base64."""
    text = body_text(response)
    return msgspec.json.encode(response.body if text is None else text)


def checked_media(response: OutboundResponse) -> str:
    """The media type of a response, without parameters: it travels in the answer."""
    media, _ = media_type(response.header("content-type") or "application/json")
    if not is_media_type(media):
        raise MalformedUpstreamResponse("The upstream's media type is none.")
    return media


def within(blocks: Iterator[Block], cap: int) -> tuple[Block, ...]:
    """(5) The blocks; `ResponseTooLarge` at the first one that is over the caps."""
    kept: list[Block] = []
    size = 0
    for block in blocks:
        size += block.size
        if size > cap or len(kept) == BLOCKS_MAX:
            raise ResponseTooLarge
        kept.append(block)
    return tuple(kept)


def own_uri(tool: str, values: Mapping[str, Any]) -> str:
    """The address of a resource that the integration gives none: the tool and its path's values.

    It says where the resource came from and leads nowhere; the upstream's own is not shown.
    """
    named = f"mcpassport://{tool}"
    uri = "/".join((named, *(quote(as_text(value), safe="") for value in values.values())))
    return uri if len(uri) <= URI_MAX_CHARS else named


def _each(value: Any) -> list[Any]:
    if value is None:
        return []
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return value
    return [value]


def _block(block: ContentBlock, value: Any, media: str, uri: str) -> Block:
    if block.type == "text":  # (2)
        text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
        return Block(kind="text", text=text)
    if not isinstance(value, str):
        raise MalformedUpstreamResponse(f"The upstream's answer gives no {block.type}.")
    mime_type = block.mime_type or media  # (4)
    if block.type == "resource" and is_textual(mime_type):
        return Block(kind="resource", text=value, mime_type=mime_type, uri=uri)
    if block.type != "resource" and not mime_type.startswith(f"{block.type}/"):
        raise MalformedUpstreamResponse(f"The upstream's answer is no {block.type}.")
    return Block(kind=block.type, data=_decoded(value), mime_type=mime_type, uri=uri)


def _decoded(text: str) -> bytes:
    """The bytes that Base64 stands for (3)."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if not data:
        raise MalformedUpstreamResponse("The upstream's answer gives no Base64.")
    return data


def _uri(template: Template | None, scopes: Scopes, default: str) -> str:
    """The address that the integration gives; one that lacks a value, or is too long, is ours."""
    if template is None:
        return default
    parts: list[str] = []
    for part in template.parts:
        value = part if isinstance(part, str) else part.value(scopes)
        if value is MISSING or value is None:
            return default
        parts.append(value if isinstance(part, str) else quote(as_text(value), safe=""))
    uri = "".join(parts)
    return uri if len(uri) <= URI_MAX_CHARS else default
