"""Whether a JSON Schema became narrower: can it refuse a value that it accepted before?

The answer is conservative: what cannot be compared keyword by keyword counts as narrower. Only a
new property of a nested object counts as an addition, also where the object was open before.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

Compare: TypeAlias = Callable[[Any, Any], bool]

_NOTES = frozenset(
    {"title", "description", "default", "examples", "deprecated", "$comment", "readOnly"}
)
_TYPES = ("null", "boolean", "integer", "number", "string", "array", "object")


def narrows(before: Any, after: Any) -> bool:
    """Whether `after` can refuse a value that `before` accepts."""
    if before == after or after is True or before is False:
        return False
    if after is False:
        return True
    before = {} if before is True else before
    if not isinstance(before, Mapping) or not isinstance(after, Mapping):
        return True
    keywords = [key for key in (*before, *after) if key not in _NOTES]
    return any(
        _KEYWORDS.get(key, _unequal)(before.get(key), after.get(key))
        for key in dict.fromkeys(keywords)
    )


def _unequal(before: Any, after: Any) -> bool:
    """A keyword that is compared as a whole; taking it away is no narrowing."""
    return after is not None and before != after


def _raised(before: Any, after: Any) -> bool:
    return after is not None and (before is None or after > before)


def _lowered(before: Any, after: Any) -> bool:
    return after is not None and (before is None or after < before)


def _fewer_types(before: Any, after: Any) -> bool:
    if after is None:
        return False
    return not _types(before) <= _types(after)


def _types(written: Any) -> set[str]:
    if written is None:
        return set(_TYPES)
    types = {written} if isinstance(written, str) else set(written)
    return types | {"integer"} if "number" in types else types


def _fewer_values(before: Any, after: Any) -> bool:
    if after is None:
        return False
    return before is None or any(value not in after for value in before)


def _more_required(before: Any, after: Any) -> bool:
    return not set(after or ()) <= set(before or ())


def _properties(before: Any, after: Any) -> bool:
    old, new = before or {}, after or {}
    gone = old.keys() - new.keys()
    return bool(gone) or any(narrows(old[name], new[name]) for name in old)


def _definitions(before: Any, after: Any) -> bool:
    """Only what both have: a reference to another definition shows at the reference."""
    old, new = before or {}, after or {}
    return any(narrows(old[name], new[name]) for name in old.keys() & new.keys())


def _additional(before: Any, after: Any) -> bool:
    return narrows(True if before is None else before, True if after is None else after)


_KEYWORDS: Mapping[str, Compare] = MappingProxyType(
    {
        "type": _fewer_types,
        "enum": _fewer_values,
        "required": _more_required,
        "properties": _properties,
        "$defs": _definitions,
        "items": _additional,
        "additionalProperties": _additional,
        "minimum": _raised,
        "exclusiveMinimum": _raised,
        "minLength": _raised,
        "minItems": _raised,
        "minProperties": _raised,
        "maximum": _lowered,
        "exclusiveMaximum": _lowered,
        "maxLength": _lowered,
        "maxItems": _lowered,
        "maxProperties": _lowered,
    }
)
