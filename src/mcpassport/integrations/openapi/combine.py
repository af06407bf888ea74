"""Self-contained schemas, simplified at their root: references, unions of one, plain `allOf`s.

A tool takes flat arguments, so a body that is an object must show its members at its root. Nothing
below the root is touched, and `$defs` keeps what is still needed.
"""

from typing import Any, Final

from mcpassport.records.integration import JsonSchema

DEFS: Final = "$defs"
PREFIX: Final = "#/$defs/"
_PLAIN: Final = frozenset({"type", "properties", "required", "description", "title"})
_NULL: Final = {"type": "null"}
_HOPS_MAX: Final = 40


def flattened(schema: JsonSchema) -> JsonSchema:
    """The schema with its root inlined and joined to one object, where that says the same."""
    if not isinstance(schema, dict):
        return schema
    definitions = schema.get(DEFS, {})
    root = _Flattening(definitions).of({key: schema[key] for key in schema if key != DEFS})
    return with_needed(root, definitions)


def with_needed(root: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """The root with those definitions that it leads to."""
    needed: dict[str, Any] = {}
    waiting: list[Any] = [root]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting.extend(value)
        elif isinstance(value, dict):
            name = ref_name(value)
            if name in definitions and name not in needed:
                needed[name] = definitions[name]
                waiting.append(definitions[name])
            waiting.extend(value.values())
    return root | {DEFS: dict(sorted(needed.items()))} if needed else root


def ref_name(schema: dict[str, Any]) -> str:
    """The definition that the schema refers to, or an empty text."""
    ref = schema.get("$ref")
    return ref.removeprefix(PREFIX) if isinstance(ref, str) and ref.startswith(PREFIX) else ""


def resolved(schema: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    """The schema, or what its `$ref` or its union with null stands for."""
    for _ in range(_HOPS_MAX):
        if not isinstance(schema, dict):
            return {}
        name = ref_name(schema)
        inner = _without_null(schema)
        if name:
            said = {key: value for key, value in schema.items() if key != "$ref"}
            target = definitions.get(name, {})
            schema = target | said if isinstance(target, dict) else {}
        elif inner is schema:
            return schema
        else:
            schema = inner
    return {}


def is_list(schema: JsonSchema) -> bool:
    """Whether the schema describes a list, or a list or null."""
    return isinstance(schema, dict) and kinds_of(schema) - {"null"} == {"array"}


def kinds_of(schema: dict[str, Any]) -> set[str]:
    """The types that the schema names."""
    kinds = schema.get("type")
    return set(kinds) if isinstance(kinds, list) else {kinds} if isinstance(kinds, str) else set()


class _Flattening:
    """Flattens what one root leads to; each definition once, so that nothing grows or circles."""

    def __init__(self, definitions: dict[str, Any]) -> None:
        self._definitions = definitions
        self._done: dict[str, dict[str, Any]] = {}

    def of(self, schema: JsonSchema) -> dict[str, Any]:
        """The schema without a reference at its root, unless that would lead back to it."""
        if not isinstance(schema, dict):
            return {}
        name = ref_name(schema)
        if not name:
            return self._joined(schema)
        if name not in self._done:
            self._done[name] = {"$ref": PREFIX + name}
            self._done[name] = self.of(self._definitions.get(name, {}))
        return self._done[name] | {key: value for key, value in schema.items() if key != "$ref"}

    def _joined(self, schema: dict[str, Any]) -> dict[str, Any]:
        root = _without_null(schema)
        if root is not schema:
            return self.of(root)
        for key in ("oneOf", "anyOf", "allOf"):
            members = root.get(key, [])
            beside = {name: value for name, value in root.items() if name != key}
            if not members or not beside.keys() <= _PLAIN or (key != "allOf" and len(members) > 1):
                continue
            parts = [self.of(member) for member in members]
            if all(map(_is_plain_object, parts)):
                return _joined([*parts, beside])
            if len(parts) == 1 and beside.keys() <= {"description", "title"}:
                return parts[0] | beside
        return root


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """What a union with null is otherwise; the schema itself when it is no such union."""
    union = schema.get("anyOf", [])
    others = [member for member in union if member != _NULL]
    if len(others) != 1 or len(union) == 1 or not isinstance(others[0], dict):
        return schema
    only: dict[str, Any] = others[0]
    return only


def _is_plain_object(schema: dict[str, Any]) -> bool:
    return schema.keys() <= _PLAIN and kinds_of(schema) <= {"object", "null"}


def _joined(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """One object of the members of all parts; a member that two describe must satisfy both."""
    result: dict[str, Any] = {}
    for part in parts:
        for key, value in part.items():
            if key == "properties":
                properties = result.setdefault(key, {})
                for name, member in value.items():
                    properties[name] = _both(properties.get(name), member)
            elif key == "required":
                result[key] = list(dict.fromkeys([*result.get(key, ()), *value]))
            else:
                result[key] = value
    if "properties" in result:
        result = {"type": "object"} | result
    return result


def _both(first: JsonSchema | None, second: JsonSchema) -> JsonSchema:
    return second if first is None or first == second else {"allOf": [first, second]}
