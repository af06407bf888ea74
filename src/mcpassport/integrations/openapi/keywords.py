"""The keywords of a schema: which travel on, which OpenAPI adds, and when a value is sound."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from jsonschema_rs import ValidationError

from mcpassport.catalog.schemas import compile_schema
from mcpassport.limits import MAX_SAFE_INTEGER

TYPES: Final = frozenset({"string", "number", "integer", "boolean", "array", "object", "null"})
FORMATS: Final = frozenset(
    [
        "date",
        "date-time",
        "time",
        "duration",
        "email",
        "idn-email",
        "hostname",
        "idn-hostname",
        "ipv4",
        "ipv6",
        "uri",
        "uri-reference",
        "iri",
        "iri-reference",
        "uuid",
        "uri-template",
        "json-pointer",
        "relative-json-pointer",
        "regex",
    ]
)
"""Those of JSON Schema 2020-12 (validation 7.3); OpenAPI's own say nothing to a JSON reader."""
BOUNDS: Final = frozenset(
    [
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "minLength",
        "maxLength",
        "minItems",
        "maxItems",
        "minProperties",
        "maxProperties",
    ]
)
SUBSCHEMAS: Final = frozenset({"items", "additionalProperties", "not"})
SUBSCHEMA_LISTS: Final = frozenset({"allOf", "anyOf", "oneOf"})
MODERN_SUBSCHEMAS: Final = frozenset(
    [
        *("contains", "propertyNames", "if", "then", "else", "contentSchema"),
        *("unevaluatedItems", "unevaluatedProperties"),
    ]
)
"""Those that JSON Schema 2020-12 has and the older description languages have not."""
MODERN_SUBSCHEMA_LISTS: Final = frozenset({"prefixItems"})
SUBSCHEMA_MAPS: Final = frozenset({"patternProperties", "dependentSchemas"})
NESTED: Final = frozenset({"properties", "$ref"}) | (
    SUBSCHEMAS | SUBSCHEMA_LISTS | MODERN_SUBSCHEMAS | MODERN_SUBSCHEMA_LISTS | SUBSCHEMA_MAPS
)
"""Keywords that hold schemas."""
HANDLED: Final = frozenset({"$ref", "properties", "nullable", "x-nullable", "format", "title"})
"""Read by the converter itself."""
IGNORED: Final = frozenset(
    [
        "discriminator",
        "xml",
        "externalDocs",
        "example",
        "examples",
        "readOnly",
        "writeOnly",
        "collectionFormat",
        "definitions",
        "$defs",
        "$schema",
        "$comment",
        "$anchor",
        "$dynamicAnchor",
    ]
)
"""OpenAPI's own: for documentation, XML, or code generators. readOnly and writeOnly are obeyed."""


def is_number(value: Any) -> bool:
    """Whether it is a JSON number."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_count(value: Any) -> bool:
    return is_number(value) and value >= 0 and value == int(value)


def _is_type(value: Any) -> bool:
    if isinstance(value, list):
        return bool(value) and len(set(map(str, value))) == len(value) and all(map(_is_type, value))
    return isinstance(value, str) and value in TYPES


def _is_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


@lru_cache(maxsize=4096)
def _compiles(pattern: str) -> bool:
    try:
        compile_schema({"type": "string", "pattern": pattern})
    except (ValidationError, ValueError):
        return False
    return True


def _is_pattern(value: Any) -> bool:
    return isinstance(value, str) and _compiles(value)


SOUND: Final[dict[str, Callable[[Any], bool]]] = {
    "type": _is_type,
    "description": lambda value: isinstance(value, str),
    "enum": lambda value: isinstance(value, list) and bool(value),
    "const": lambda _: True,
    "default": lambda _: True,
    "multipleOf": lambda value: is_number(value) and value > 0,
    "minimum": is_number,
    "maximum": is_number,
    "exclusiveMinimum": is_number,
    "exclusiveMaximum": is_number,
    "minLength": _is_count,
    "maxLength": _is_count,
    "minItems": _is_count,
    "maxItems": _is_count,
    "minProperties": _is_count,
    "maxProperties": _is_count,
    "uniqueItems": lambda value: isinstance(value, bool),
    "required": _is_names,
    "pattern": _is_pattern,
    "deprecated": lambda value: isinstance(value, bool),
}


def _is_dependent(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_is_names, value.values()))


MODERN_SOUND: Final[dict[str, Callable[[Any], bool]]] = {
    "minContains": _is_count,
    "maxContains": _is_count,
    "dependentRequired": _is_dependent,
    "contentEncoding": lambda value: isinstance(value, str),
    "contentMediaType": lambda value: isinstance(value, str),
}
"""Of JSON Schema 2020-12 only."""


def is_exact(value: Any) -> bool:
    """Whether every integer in it is one that all JSON readers keep exact."""
    if isinstance(value, dict):
        return all(map(is_exact, value.values()))
    if isinstance(value, list):
        return all(map(is_exact, value))
    return not is_number(value) or abs(value) <= MAX_SAFE_INTEGER
