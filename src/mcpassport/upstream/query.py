"""Query strings and headers: values of calls as text on the wire."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

from mcpassport.errors import InvalidArguments, Problem
from mcpassport.expressions.placeholders import MISSING, as_text
from mcpassport.limits import FRAMING_HEADERS
from mcpassport.records.integration import QueryArrayFormat

HEADER_VALUE_MAX_CHARS: Final = 8_000

_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_BAD_VALUE: Final = re.compile("[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")


def encode_query(values: Mapping[str, Any], arrays: QueryArrayFormat) -> str:
    """Percent-encoded `name=value` pairs; absent values, nulls and empty arrays are left out.

    Arrays of `["a", "b"]`: `repeat` is `x=a&x=b`, `comma` `x=a,b`, `brackets` `x[]=a&x[]=b`,
    `indices` `x[0]=a&x[1]=b` (brackets percent-encoded). Objects are sent as compact JSON.
    """
    return "&".join(f"{quote(name, safe='')}={value}" for name, value in _pairs(values, arrays))


def checked_headers(values: Iterable[tuple[str, Any]]) -> dict[str, tuple[str, str]]:
    """Headers by lower-case name; later ones win, absent values and nulls are left out.

    Raises:
        InvalidArguments: a name or value could not be sent (CR, LF, NUL and other controls).
    """
    headers: dict[str, tuple[str, str]] = {}
    for name, value in values:
        lower = name.lower()
        if value is None or value is MISSING or lower in FRAMING_HEADERS:
            continue
        text = as_text(value)
        if _TOKEN.fullmatch(name) is None or not sendable(text):
            raise InvalidArguments(
                f"The header '{lower[:64]!a}' cannot be sent with this value.",
                problems=(Problem("", "header", "a header value holds a control character"),),
            )
        headers[lower] = (name, text)
    return headers


def sendable(text: str) -> bool:
    """Whether that text may be a header value (RFC 9110, 5.5)."""
    return len(text) <= HEADER_VALUE_MAX_CHARS and _BAD_VALUE.search(text) is None


def _pairs(values: Mapping[str, Any], arrays: QueryArrayFormat) -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if value is None or value is MISSING:
            continue
        if not isinstance(value, list | tuple):
            yield name, _quoted(value)
            continue
        items = [_quoted(item) for item in value if item is not None and item is not MISSING]
        if arrays == "comma":
            if items:
                yield name, ",".join(items)
        elif arrays == "indices":
            yield from ((f"{name}[{index}]", item) for index, item in enumerate(items))
        else:
            yield from ((f"{name}[]" if arrays == "brackets" else name, item) for item in items)


def _quoted(value: Any) -> str:
    return quote(as_text(value), safe="")
