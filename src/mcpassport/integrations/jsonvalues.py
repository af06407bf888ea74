"""What JSON values a content may hold: exact numbers, text that can be written, finite depth."""

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

from mcpassport.integrations.crosscheck import Slip
from mcpassport.limits import MAX_SAFE_INTEGER

DEPTH_MAX: Final = 64
_PLACES_OF_SCHEMAS = (
    "path_schema",
    "query_schema",
    "header_schema",
    "body_schema",
    "response_schema",
)


def unusable_values(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[Slip]:
    """Every value that RFC 8785 cannot write exactly, so that no digest could cover it."""
    if len(path) > DEPTH_MAX:
        yield Slip(path, f"Nested more than {DEPTH_MAX} levels deep.", "Flatten it.")
    elif isinstance(value, Mapping):
        for key, member in value.items():
            if not isinstance(key, str):
                yield Slip(path, f"The key {key} is not text.", "Put it in quotes.")
                continue
            yield from _unusable_text(key, (*path, key))
            yield from unusable_values(member, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from unusable_values(item, (*path, index))
    else:
        yield from _unusable_scalar(value, path)


def _unusable_scalar(value: Any, path: tuple[str | int, ...]) -> Iterator[Slip]:
    if isinstance(value, str):
        yield from _unusable_text(value, path)
    elif isinstance(value, bool) or value is None:
        return
    elif isinstance(value, int):
        if abs(value) > MAX_SAFE_INTEGER:
            yield Slip(
                path,
                f"The number {value:.3g} is beyond 2^53-1, where JSON numbers are not exact."
                if abs(value) < 10**300
                else "The number is beyond 2^53-1, where JSON numbers are not exact.",
                "Remove the bound, or describe the value as a string with a pattern.",
            )
    elif isinstance(value, float):
        if not math.isfinite(value):
            yield Slip(path, "The number is not finite.", "Write a finite number.")
    else:
        yield Slip(path, "This is no JSON value.", "Write text, a number, a list or a mapping.")


def _unusable_text(text: str, path: tuple[str | int, ...]) -> Iterator[Slip]:
    try:
        text.encode()
    except UnicodeEncodeError:
        yield Slip(path, "The text holds half a surrogate pair.", "Write the whole character.")


def rounded_ids(documentation: Any) -> Iterator[Slip]:
    """Schemas of 64-bit integers that admit no string: such values lose digits in many clients."""
    for index, record in enumerate(documentation if isinstance(documentation, list) else ()):
        for part in _PLACES_OF_SCHEMAS:
            if isinstance(record, Mapping):
                yield from _rounded(record.get(part), ("documentation", index, part))


def _rounded(schema: Any, path: tuple[str | int, ...]) -> Iterator[Slip]:
    if isinstance(schema, Mapping):
        types = schema.get("type")
        types = types if isinstance(types, list) else [types]
        sized = schema.get("format") in ("int64", "uint64")  # a property may be called "format"
        if sized and "integer" in types and "string" not in types:
            yield Slip(
                path,
                "A 64-bit integer is described without admitting a string.",
                "Write type: [integer, string], so that no client rounds it.",
            )
        for key, member in schema.items():
            yield from _rounded(member, (*path, key))
    elif isinstance(schema, list):
        for index, item in enumerate(schema):
            yield from _rounded(item, (*path, index))
