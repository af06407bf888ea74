"""What a line says of itself, and the HTTP headers that go with it."""

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

from mcpassport.limits import HEADER_METHOD, HEADER_NAME, HEADER_PROTOCOL

Id: TypeAlias = str | int
Header: TypeAlias = tuple[str, str]

KEY_VERSION: Final = "io.modelcontextprotocol/protocolVersion"
NAMED_BY: Final = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
"""Methods whose parameter is repeated in `Mcp-Name` (spec: basic/transports, 2026-07-28)."""
MIRRORED: Final = "x-mcp-header"
_PLAIN: Final = re.compile(r"[!-~](?:[ -~]*[!-~])?")
_SENTINEL: Final = "=?base64?"
_DIGITS_MAX: Final = 4_000


class Peeked(NamedTuple):
    """The members of a message that decide how it travels; what cannot be read is left empty."""

    ids: tuple[Id, ...] = ()
    """Of the requests in it: one, or those of a batch."""
    method: str = ""
    params: Mapping[str, Any] = {}
    is_request: bool = False

    @property
    def modern(self) -> str | None:
        """The revision that a modern message claims, or None."""
        meta = self.params.get("_meta")
        claimed = meta.get(KEY_VERSION) if isinstance(meta, dict) else None
        return claimed if isinstance(claimed, str) else None

    @property
    def cancels(self) -> Id | None:
        """The id of the request that this notification cancels."""
        wanted = self.params.get("requestId")
        is_cancellation = self.method == "notifications/cancelled" and not self.is_request
        return wanted if is_cancellation and _is_id(wanted) else None


def peek(line: bytes) -> Peeked:
    """Look at a message; what is no JSON is for the server to refuse."""
    try:
        document = json.loads(line, parse_int=_whole)
    except (ValueError, RecursionError):
        return Peeked()
    if isinstance(document, list):
        return Peeked(ids=tuple(_ids(document)), is_request=True)
    if not isinstance(document, dict):
        return Peeked()
    method, params = document.get("method"), document.get("params")
    return Peeked(
        ids=tuple(_ids([document])),
        method=method if isinstance(method, str) else "",
        params=params if isinstance(params, dict) else {},
        is_request="id" in document and "method" in document,
    )


def headers_for(
    message: Peeked, negotiated: str | None, mirrors: Mapping[str, tuple[str, ...]]
) -> tuple[Header, ...]:
    """The headers of one message: of the revision it claims, else of the one negotiated.

    `mirrors` are the arguments of the called tool that are repeated in headers: header to path.
    """
    accept = ("accept", "application/json, text/event-stream")
    kind = ("content-type", "application/json")
    if message.modern is None:
        stated = () if negotiated is None else ((HEADER_PROTOCOL, negotiated),)
        return (kind, accept, *stated)
    return (
        *(kind, accept, (HEADER_PROTOCOL, message.modern), (HEADER_METHOD, message.method)),
        *_named(message),
        *_mirrored(message, mirrors),
    )


def mirrors_in(tools: Any) -> Iterator[tuple[str, dict[str, tuple[str, ...]]]]:
    """Of the `tools` of a listing: each name, and its mirrored arguments, header to path."""
    for tool in tools if isinstance(tools, list) else ():
        if isinstance(tool, dict) and isinstance(tool.get("name"), str):
            yield tool["name"], dict(_walk(tool.get("inputSchema"), ()))


def _walk(schema: Any, path: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
    properties = schema.get("properties") if isinstance(schema, dict) else None
    for name, inner in properties.items() if isinstance(properties, dict) else ():
        suffix = inner.get(MIRRORED) if isinstance(inner, dict) else None
        if isinstance(suffix, str):
            yield f"Mcp-Param-{suffix}", (*path, name)
        yield from _walk(inner, (*path, name))


def _named(message: Peeked) -> Iterable[Header]:
    name = message.params.get(NAMED_BY.get(message.method, ""))
    return ((HEADER_NAME, header_value(name)),) if isinstance(name, str) else ()


def _mirrored(message: Peeked, mirrors: Mapping[str, tuple[str, ...]]) -> Iterator[Header]:
    for header, path in mirrors.items():
        value: Any = message.params.get("arguments")
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        if isinstance(value, str):
            yield header, header_value(value)
        elif isinstance(value, bool | int | float):
            yield header, json.dumps(value)


def header_value(text: str) -> str:
    """The text as a header value: as it is, or in the Base64 form if it could not stand so."""
    if _PLAIN.fullmatch(text) and not text.startswith(_SENTINEL):
        return text
    return f"{_SENTINEL}{base64.b64encode(text.encode('utf-8', 'replace')).decode()}?="


def _ids(messages: Iterable[Any]) -> Iterator[Id]:
    for message in messages:
        if isinstance(message, dict) and "method" in message and _is_id(message.get("id")):
            yield message["id"]


def _whole(digits: str) -> int:
    """An integer; Python refuses to read very long ones, which are neither ids nor mirrored."""
    return int(digits) if len(digits) <= _DIGITS_MAX else 0


def _is_id(value: Any) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool)
