"""`application/x-www-form-urlencoded` (WHATWG URL, 5): names and texts.

Nulls and absent values are left out, truth values are `true` and `false`. Lists are written as
`query_array_format` says. Members of an object are `name[member]` where lists are written with
brackets or indices; a list of objects needs indices. What these rules do not say is refused.
"""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote_plus

from mcpassport.expressions.placeholders import MISSING, as_text
from mcpassport.records.integration import QueryArrayFormat
from mcpassport.upstream.bodies.encoded import (
    PARTS_MAX,
    Encoded,
    Members,
    checked_name,
    checked_text,
    refused,
)

MEDIA_TYPE = "application/x-www-form-urlencoded"
_NESTING = frozenset({"brackets", "indices"})


class Form:
    """Pairs of names and texts."""

    def encode(self, value: Any, members: Members) -> Encoded:
        """The bytes of an object. `InvalidArguments` if a member of it cannot be a text."""
        if not isinstance(value, Mapping):
            raise refused("", "is no object", "A form has names and values.")
        pairs = [pair for name in value for pair in _pairs(name, value[name], members.arrays)]
        if len(pairs) > PARTS_MAX:
            raise refused("", f"has more than {PARTS_MAX} values", "Send fewer.")
        text = "&".join(f"{quote_plus(name)}={quote_plus(item)}" for name, item in pairs)
        return Encoded(text.encode(), MEDIA_TYPE, fixed=True)


def _pairs(name: str, value: Any, arrays: QueryArrayFormat) -> Iterator[tuple[str, str]]:
    if value is None or value is MISSING:
        return
    if isinstance(value, Mapping):
        if arrays not in _NESTING:
            raise refused(name, "is an object, which this form cannot hold", "Give plain values.")
        for key, member in value.items():
            yield from _pairs(f"{name}[{key}]", member, arrays)
    elif isinstance(value, list | tuple):
        yield from _listed(name, [item for item in value if item is not None], arrays)
    else:
        text = as_text(value)
        checked_text(text, name)
        checked_text(checked_name(name), "")
        yield name, text


def _listed(name: str, items: list[Any], arrays: QueryArrayFormat) -> Iterator[tuple[str, str]]:
    if arrays == "indices":
        for index, item in enumerate(items):
            yield from _pairs(f"{name}[{index}]", item, arrays)
        return
    if any(isinstance(item, Mapping | list | tuple) for item in items):
        raise refused(name, "holds more than plain values", "Give a list of plain values.")
    if arrays == "comma":
        if items:
            yield from _pairs(name, ",".join(as_text(item) for item in items), arrays)
        return
    for item in items:
        yield from _pairs(f"{name}[]" if arrays == "brackets" else name, item, arrays)
