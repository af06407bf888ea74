"""JSON Schema 2020-12: where sub-schemas sit, what we refuse, how local references move.

The lists of keywords follow the meta-schemas of draft 2020-12 (vocabularies applicator, unevaluated
and content). Data that only looks like a schema (`const`, `enum`, `default`, `examples`, a property
named `$ref`) is never touched.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import quote, unquote, urldefrag, urljoin

from jsonschema_rs import (
    Draft202012Validator,
    FancyRegexOptions,
    ReferencingError,
    ValidationError,
)

from mcpassport.catalog.rules import MergeError
from mcpassport.limits import MAX_SAFE_INTEGER
from mcpassport.records.integration import JsonSchema

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
COMBINATORS: Final = frozenset(
    {
        "allOf",
        "anyOf",
        "oneOf",
        "not",
        "if",
        "then",
        "else",
        "dependentSchemas",
        "$ref",
        "$dynamicRef",
    }
)
"""Keywords that bring another schema to bear on the same value."""

_ONE = frozenset(
    {
        "items",
        "contains",
        "additionalProperties",
        "propertyNames",
        "unevaluatedItems",
        "unevaluatedProperties",
        "contentSchema",
        "if",
        "then",
        "else",
        "not",
    }
)
_SEQUENCE = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_NAMED = frozenset({"properties", "patternProperties", "dependentSchemas", "$defs", "definitions"})
_REFERENCES = ("$ref", "$dynamicRef")
_ANCHORS = ("$anchor", "$dynamicAnchor", "$dynamicRef")
_BACKTRACK_LIMIT = 50_000
"""Steps of the regex engine per match, about 1.5 ms; a match that needs more fails."""
_PATTERNS = FancyRegexOptions(backtrack_limit=_BACKTRACK_LIMIT)
_MESSAGE_CHARS = 300


class Place(NamedTuple):
    """A sub-schema: its JSON pointer, the schema, and the base URI that references start from."""

    pointer: str
    schema: dict[str, Any]
    base: str


def compile_schema(schema: JsonSchema, *, mask: str | None = None) -> Draft202012Validator:
    """A validator with the options that hold everywhere: no retrieval, formats enforced.

    Regular expressions are bounded (see `_BACKTRACK_LIMIT`); a match that reaches the bound fails,
    so a value is refused, never let through. With `mask`, messages show it in place of values.
    """
    return Draft202012Validator(
        schema, offline=True, validate_formats=True, pattern_options=_PATTERNS, mask=mask
    )


def check_schema(schema: JsonSchema, label: str) -> None:
    """Raise `MergeError` unless the schema is valid, local, of 2020-12, and within number bounds.

    `label` names the schema in the message, such as `query_schema`.
    """
    check_numbers(schema, label)
    places = list(_places(schema))
    known = {place.base for place in places}
    for place in places:
        _check_place(place, known, label)
    try:
        compile_schema(schema)
    except (ValidationError, ReferencingError) as error:
        pointer = pointer_of(getattr(error, "instance_path", []))
        text = error.message[:_MESSAGE_CHARS]
        raise MergeError("invalid_schema", f"{label}{pointer}: {text}.") from None
    except (ValueError, RecursionError):
        # Lone surrogates, values that JSON does not have, nesting beyond 255 levels.
        raise MergeError(
            "invalid_schema", f"{label} is nested too deep or is not JSON throughout."
        ) from None


def check_numbers(value: Any, label: str) -> None:
    """Raise `MergeError` where a number cannot be carried exactly by every JSON reader."""
    waiting: list[tuple[str, Any]] = [("", value)]
    while waiting:
        pointer, item = waiting.pop()
        if isinstance(item, dict):
            waiting.extend((f"{pointer}/{escaped(str(key))}", sub) for key, sub in item.items())
        elif isinstance(item, list | tuple):
            waiting.extend((f"{pointer}/{index}", sub) for index, sub in enumerate(item))
        elif isinstance(item, float) and not math.isfinite(item):
            raise MergeError("invalid_schema", f"{label}{pointer} is not a JSON number.")
        elif isinstance(item, int | float) and abs(item) > MAX_SAFE_INTEGER:
            raise MergeError("number_bound", f"{label}{pointer} is beyond ±(2^53−1).")


def has_anchors(schema: JsonSchema) -> bool:
    """Whether the schema declares or refers to anchors, outside of resources with an own `$id`."""
    return any(
        any(name in place.schema for name in _ANCHORS) or _is_anchor(place.schema.get("$ref"))
        for place in _places(schema)
        if not place.base
    )


def moved(schema: JsonSchema, move: Callable[[str], str]) -> JsonSchema:
    """The schema with every local reference (`#…`) sent through `move`; the same object if none.

    A sub-schema with its own `$id` is a resource of its own, whose references stay as they are.
    Keep to schemas that `check_schema` has passed: the recursion relies on its depth limit.
    """
    if isinstance(schema, bool) or "$id" in schema:
        return schema
    changed: dict[str, Any] = {}
    for keyword, value in schema.items():
        replacement = _moved_member(keyword, value, move)
        if replacement is not value:
            changed[keyword] = replacement
    # Rebuilt in the order of the original, so that what is emitted reads as it was written.
    return {key: changed.get(key, value) for key, value in schema.items()} if changed else schema


def split_fragment(reference: str) -> list[str]:
    """The unescaped tokens of a `#/a/b` reference (RFC 6901, section 6); empty for `#`."""
    return [
        unquote(token).replace("~1", "/").replace("~0", "~") for token in reference.split("/")[1:]
    ]


def joined_fragment(tokens: list[str]) -> str:
    """The reference that those tokens make."""
    return "#" + "".join("/" + quote(escaped(token), safe="~$-_.!*'()") for token in tokens)


def escaped(token: str) -> str:
    """A JSON pointer token (RFC 6901, section 3)."""
    return token.replace("~", "~0").replace("/", "~1")


def pointer_of(path: list[str | int]) -> str:
    """The JSON pointer of a path."""
    return "".join(f"/{escaped(str(token))}" for token in path)


def _places(schema: JsonSchema) -> Iterator[Place]:
    waiting: list[tuple[str, Any, str]] = [("", schema, "")]
    while waiting:
        pointer, item, base = waiting.pop()
        if not isinstance(item, dict):
            continue
        if isinstance(own := item.get("$id"), str):
            base = urldefrag(urljoin(base, own)).url
        yield Place(pointer, item, base)
        waiting.extend((pointer + step, sub, base) for step, sub in _children(item))


def _children(schema: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for keyword, value in schema.items():
        if keyword in _ONE:
            yield f"/{keyword}", value
        elif keyword in _SEQUENCE and isinstance(value, list):
            yield from ((f"/{keyword}/{index}", sub) for index, sub in enumerate(value))
        elif keyword in _NAMED and isinstance(value, dict):
            yield from ((f"/{keyword}/{escaped(str(name))}", sub) for name, sub in value.items())


def _check_place(place: Place, known: set[str], label: str) -> None:
    where = label + place.pointer
    if place.schema.get("$schema", DIALECT) not in {DIALECT, DIALECT + "#"}:
        raise MergeError("invalid_schema", f"{where} is of another dialect than draft 2020-12.")
    for keyword in _REFERENCES:
        reference = place.schema.get(keyword)
        if not isinstance(reference, str) or reference.startswith("#"):
            continue
        if urldefrag(urljoin(place.base, reference)).url not in known - {""}:
            raise MergeError("remote_ref", f"{where} refers to something outside of the schema.")


def _is_anchor(reference: Any) -> bool:
    return (
        isinstance(reference, str) and reference.startswith("#") and reference[1:2] not in {"", "/"}
    )


def _moved_member(keyword: str, value: Any, move: Callable[[str], str]) -> Any:
    if keyword in _REFERENCES and isinstance(value, str) and value.startswith("#"):
        target = move(value)
        return value if target == value else target
    if keyword in _ONE and isinstance(value, dict):
        return moved(value, move)
    if keyword in _SEQUENCE and isinstance(value, list):
        subs = [moved(sub, move) for sub in value]
        return subs if any(a is not b for a, b in zip(subs, value, strict=True)) else value
    if keyword in _NAMED and isinstance(value, dict):
        named = {name: moved(sub, move) for name, sub in value.items()}
        return named if any(named[name] is not value[name] for name in value) else value
    return value
