"""Arguments mirrored in headers: the `x-mcp-header` keyword (spec: basic/transports, 2026-07-28).

An input schema that we pass on may ask clients to repeat an argument as `Mcp-Param-<suffix>`.
Whoever reads bodies must check the two against each other, or a middle box could be deceived.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NamedTuple

import msgspec

from mcpassport.errors import HeaderMismatch
from mcpassport.protocol.era import plain_header
from mcpassport.records.tool import Tool

KEYWORD: Final = "x-mcp-header"
PREFIX: Final = "mcp-param-"
SCALARS: Final = ("string", "integer", "boolean")


class Mirror(NamedTuple):
    """One mirrored argument: where it stands, and its header in lower case."""

    path: tuple[str, ...]
    header: str


def mirrors_of(tool: Tool) -> tuple[Mirror, ...]:
    """The tool's mirrored arguments: scalars reachable by `properties` alone."""
    return tuple(_walk(tool.input_schema, ()))


def check_mirrored(mirrors: Sequence[Mirror], arguments: bytes, headers: Mapping[str, str]) -> None:
    """Compare every mirrored argument with its header; `HeaderMismatch` on the first difference.

    A null or absent argument expects no header. Integers compare as numbers, so `42.0` is `42`.
    Arguments that cannot be decoded are left to the argument check, which says why.
    """
    try:
        values = msgspec.json.decode(arguments)
    except msgspec.DecodeError:
        return
    for mirror in mirrors:
        value = _at(values, mirror.path)
        if value is None:
            continue
        sent = headers.get(mirror.header)
        if sent is None or not _equal(value, plain_header(sent)):
            raise HeaderMismatch(
                f"Header {mirror.header!r} must be sent once and equal argument "
                f"{'.'.join(mirror.path)!r}."
            )


def _walk(schema: Any, path: tuple[str, ...]) -> Iterator[Mirror]:
    properties = schema.get("properties") if isinstance(schema, dict) else None
    if not isinstance(properties, dict):
        return
    for name, inner in properties.items():
        suffix = inner.get(KEYWORD) if isinstance(inner, dict) else None
        if isinstance(suffix, str) and inner.get("type") in SCALARS:
            yield Mirror((*path, name), PREFIX + suffix.lower())
        yield from _walk(inner, (*path, name))


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _equal(value: Any, sent: str | None) -> bool:
    if sent is None:
        return False
    if isinstance(value, bool):
        return sent == ("true" if value else "false")
    if isinstance(value, int | float):
        try:
            return Decimal(sent) == Decimal(str(value))
        except InvalidOperation:
            return False
    return isinstance(value, str) and sent == value
