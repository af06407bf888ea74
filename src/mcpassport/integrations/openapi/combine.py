"""Combinators at the root of a schema: unions of one and plain `allOf`s as one object.

A tool takes flat arguments, so a body that is an object must show its members at its root.
"""

from typing import Any, Final

from mcpassport.integrations.openapi.documents import Node
from mcpassport.integrations.openapi.keywords import IGNORED, SUBSCHEMA_LISTS
from mcpassport.records.integration import JsonSchema

_PLAIN: Final = frozenset({"type", "properties", "required", "description", "title", "nullable"})
MERGEABLE: Final = _PLAIN | {"allOf"}
"""The keywords of a schema that can be joined with another one, member by member."""


def only_member(node: Node) -> Node | None:
    """The member of a union of one, where nothing beside it says more."""
    for key in ("oneOf", "anyOf"):
        members = node.mapping.get(key)
        if isinstance(members, list) and len(members) == 1:
            return node.at(key, 0) if says_only(node, _PLAIN | {key}) else None
    return None


def says_only(node: Node, keywords: frozenset[str]) -> bool:
    """Whether a schema has no other keywords than these, and those that say nothing."""
    said = {key for key in node.mapping if not key.startswith("x-")}
    return said <= keywords | IGNORED


def without(node: Node) -> Node:
    """The node without its combinators."""
    left = {key: value for key, value in node.mapping.items() if key not in SUBSCHEMA_LISTS}
    return Node(left, node.file, node.pointer)


def joined(parts: list[JsonSchema]) -> JsonSchema:
    """One object of the members of all parts; a member that two describe must satisfy both."""
    objects = [part for part in parts if isinstance(part, dict)]
    result: dict[str, Any] = {}
    for part in objects:
        for key, value in part.items():
            if key == "properties":
                properties = result.setdefault(key, {})
                for name, member in value.items():
                    properties[name] = _both(properties.get(name), member)
            elif key == "required":
                result[key] = list(dict.fromkeys([*result.get(key, ()), *value]))
            elif key == "allOf":
                result[key] = [*result.get(key, ()), *value]
            else:
                result[key] = value
    if "properties" in result:
        result.setdefault("type", "object")
    return result


def _both(first: JsonSchema | None, second: JsonSchema) -> JsonSchema:
    if first is None or first == second:
        return second
    return {"allOf": [first, second]}


def is_list(schema: JsonSchema) -> bool:
    """Whether the schema describes a list, or a list or null."""
    if not isinstance(schema, dict):
        return False
    kinds = schema.get("type")
    return kinds == "array" or (isinstance(kinds, list) and set(kinds) - {"null"} == {"array"})
