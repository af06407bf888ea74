"""An input schema flattened into rows: one per property, nested ones with dotted names."""

import json
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final

from msgspec import Struct

MAX_DEPTH: Final = 6
"""Steps that a chain of references, or the name of a type, is followed."""
MAX_NESTED: Final = 32
"""Properties inside each other; a file of an integration cannot hold more (JSON depth 64)."""
MAX_ROWS: Final = 400
MAX_WALKED: Final = 4000
"""Schemas that refer to each other unfold without end; the walk stops here."""
_COMBINATORS: Final = ("oneOf", "anyOf", "allOf")


class FlatProperty(Struct, frozen=True):
    """One row; `name` is dotted, `[]` marks the items of an array."""

    name: str
    type: str
    required: bool
    enum: tuple[str, ...]
    description: str


def flatten(schema: Mapping[str, Any]) -> tuple[tuple[FlatProperty, ...], int]:
    """The rows of an object schema, and how many more there are than `MAX_ROWS`."""
    rows = tuple(islice(_walk(schema, schema, "", ()), MAX_WALKED))
    return rows[:MAX_ROWS], max(0, len(rows) - MAX_ROWS)


def _walk(
    root: Mapping[str, Any], schema: Any, prefix: str, trail: tuple[int, ...]
) -> Iterator[FlatProperty]:
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    if not isinstance(properties, Mapping) or len(trail) >= MAX_NESTED:
        return
    required = schema.get("required", ())
    for name, raw in properties.items():
        part = _resolve(root, raw)
        yield FlatProperty(
            name=f"{prefix}{name}",
            type=_type_of(root, part, 0),
            required=isinstance(required, list) and name in required,
            enum=_enum_of(part),
            description=_description(raw, part),
        )
        if id(part) not in trail:
            yield from _inside(root, part, f"{prefix}{name}", (*trail, id(part)))


def _inside(
    root: Mapping[str, Any], part: Any, name: str, trail: tuple[int, ...]
) -> Iterator[FlatProperty]:
    yield from _walk(root, part, f"{name}.", trail)
    items = _resolve(root, part.get("items")) if isinstance(part, Mapping) else None
    if isinstance(items, Mapping) and id(items) not in trail:
        yield from _walk(root, items, f"{name}[].", trail)


def _resolve(root: Mapping[str, Any], part: Any) -> Any:
    """The part, or what its local `$ref` points at; chains are followed a few steps."""
    for _ in range(MAX_DEPTH):
        reference = part.get("$ref") if isinstance(part, Mapping) else None
        if not isinstance(reference, str) or not reference.startswith("#/"):
            return part
        target: Any = root
        for step in reference[2:].split("/"):
            key = step.replace("~1", "/").replace("~0", "~")
            target = target.get(key) if isinstance(target, Mapping) else None
        if target is None:
            return part
        part = target
    return part


def _description(raw: Any, part: Any) -> str:
    for source in (raw, part):
        if isinstance(source, Mapping) and isinstance(text := source.get("description"), str):
            return text
    return ""


def _enum_of(part: Any) -> tuple[str, ...]:
    if not isinstance(part, Mapping):
        return ()
    if isinstance(values := part.get("enum"), list):
        return tuple(_literal(value) for value in values)
    return (_literal(part["const"]),) if "const" in part else ()


def _literal(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _type_of(root: Mapping[str, Any], part: Any, depth: int) -> str:
    if not isinstance(part, Mapping):
        return "any" if part is True else "nothing"
    kind = part.get("type")
    if isinstance(kind, list):
        return " | ".join(str(each) for each in kind)
    if kind == "array" and depth < MAX_DEPTH:
        return f"array of {_type_of(root, _resolve(root, part.get('items', True)), depth + 1)}"
    if isinstance(kind, str):
        return kind + _qualified(part)
    return _implied(root, part, depth)


def _implied(root: Mapping[str, Any], part: Mapping[str, Any], depth: int) -> str:
    for word in _COMBINATORS:
        if isinstance(shapes := part.get(word), list) and depth < MAX_DEPTH:
            kinds = (_type_of(root, _resolve(root, shape), depth + 1) for shape in shapes)
            return " | ".join(dict.fromkeys(kinds))
    return "object" if "properties" in part else "any"


def _qualified(part: Mapping[str, Any]) -> str:
    form = part.get("format")
    return f" ({form})" if isinstance(form, str) else ""
