"""Whether a body that a record describes can be written in the method's format.

Only where the arguments are the body: a template or a request expression makes another body of
them, which is judged when it is sent.
"""

from collections.abc import Mapping
from typing import Any, Final

from mcpassport.catalog.rules import MergeError
from mcpassport.catalog.schemas import COMBINATORS
from mcpassport.records.integration import Documentation, JsonSchema, Method

_ENCODINGS: Final = frozenset({"base64"})
_NESTING: Final = frozenset({"brackets", "indices"})
RULE: Final = "body_format"


def check_body_format(method: Method, record: Documentation) -> None:
    """Raise `MergeError` for a body that the format cannot hold, whatever the arguments."""
    schema = record.body_schema
    if method.body_format == "json" or schema is None:
        return
    _encodings(schema)
    if method.request is not None or method.body is not None:
        return
    if method.body_format == "raw":
        if _types(schema) != {"string"}:
            raise MergeError(RULE, "A raw body is one text, and body_schema is no string.")
        return
    if not isinstance(schema, dict) or COMBINATORS & schema.keys() or not _is_object(schema):
        raise MergeError(RULE, f"A {method.body_format} body has named parts.")
    if method.body_format == "form":
        for name, member in schema.get("properties", {}).items():
            _check_member(name, member, method.query_array_format)


def _is_object(schema: Mapping[str, Any]) -> bool:
    return _types(schema) == {"object"} or ("type" not in schema and "properties" in schema)


def _check_member(name: str, schema: JsonSchema, arrays: str) -> None:
    types = _types(schema)
    if types == {"object"} and arrays not in _NESTING:
        raise MergeError(RULE, f"'{name}' is an object, and lists are written as {arrays}.")
    items = schema.get("items") if isinstance(schema, dict) else None
    if types == {"array"} and _types(items) & {"object", "array"} and arrays != "indices":
        raise MergeError(RULE, f"'{name}' is a list of more than plain values.")


def _types(schema: Any) -> set[str]:
    kinds = schema.get("type") if isinstance(schema, Mapping) else None
    listed = kinds if isinstance(kinds, list) else [kinds] if isinstance(kinds, str) else []
    return set(listed) - {"null"}


def _encodings(schema: Any) -> None:
    """No file may be encoded in a way that nobody here decodes."""
    waiting = [schema]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting.extend(node)
        elif isinstance(node, Mapping):
            encoding = node.get("contentEncoding")
            if isinstance(encoding, str) and encoding not in _ENCODINGS:
                raise MergeError(RULE, f"The contentEncoding is '{encoding[:40]}'.")
            waiting.extend(node.values())
