"""Questions to a self-contained schema: the list in an answer, what is at a path, a part of it."""

from typing import Any, NamedTuple

from mcpassport.integrations.openapi.combine import is_list
from mcpassport.records.integration import JsonSchema

_PREFIX = "#/$defs/"
_USUAL_KEYS = ("data", "items", "results", "records", "values", "entries", "value", "objects")
_HOPS_MAX = 30


class Listed(NamedTuple):
    """A list in an answer: its key (empty: the answer is the list), and one record's schema."""

    path: str
    record: JsonSchema


def listed(schema: JsonSchema | None, resource: str) -> Listed | None:
    """The list that an answer carries; None when there is none, or more than one could be meant."""
    if not isinstance(schema, dict):
        return None
    root = _resolved(schema, schema)
    if is_list(root):
        return Listed("", part(schema, root.get("items", {})))
    properties = root.get("properties", {})
    lists = {
        name: member
        for name, value in properties.items()
        if is_list(member := _resolved(schema, value)) and _is_step(name)
    }
    usual = [name for name in (*_USUAL_KEYS, resource) if name in lists]
    chosen = usual[0] if usual else next(iter(lists)) if len(lists) == 1 else None
    if chosen is None or not _is_envelope(properties, chosen, usual):
        return None
    return Listed(chosen, part(schema, lists[chosen].get("items", {})))


def _is_step(name: str) -> bool:
    """Whether it can stand in a path of names joined by dots."""
    return bool(name) and not set(name) & set(". \t\n\r")


def _is_envelope(properties: dict[str, Any], chosen: str, usual: list[str]) -> bool:
    """A record may hold a list too; an envelope has a usual key, or no `id` of its own."""
    return chosen in usual or "id" not in properties


def at(schema: JsonSchema | None, path: str) -> dict[str, Any] | None:
    """The schema found along a path of names joined by dots, or None."""
    if not isinstance(schema, dict):
        return None
    found = _resolved(schema, schema)
    for name in path.split("."):
        member = found.get("properties", {}).get(name)
        if member is None:
            return None
        found = _resolved(schema, member)
    return found


def part(root: dict[str, Any], schema: JsonSchema) -> JsonSchema:
    """A part of a schema as one of its own, with the definitions it needs."""
    if not isinstance(schema, dict):
        return schema
    inner = _resolved(root, schema)
    definitions = root.get("$defs", {})
    needed: dict[str, Any] = {}
    waiting = [value for key, value in inner.items() if key != "$defs"]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting.extend(value)
        elif isinstance(value, dict):
            name = _name(value)
            if name in definitions and name not in needed:
                needed[name] = definitions[name]
                waiting.append(definitions[name])
            waiting.extend(value.values())
    own = {key: value for key, value in inner.items() if key != "$defs"}
    return own | {"$defs": dict(sorted(needed.items()))} if needed else own


def _name(schema: dict[str, Any]) -> str:
    ref = schema.get("$ref")
    return ref.removeprefix(_PREFIX) if isinstance(ref, str) and ref.startswith(_PREFIX) else ""


def _resolved(root: dict[str, Any], schema: Any) -> dict[str, Any]:
    """The schema, or what its local `$ref` or its union with null stands for."""
    for _ in range(_HOPS_MAX):
        if not isinstance(schema, dict):
            return {}
        name = _name(schema)
        if name:
            said = {key: value for key, value in schema.items() if key != "$ref"}
            target = root.get("$defs", {}).get(name, {})
            schema = target | said if isinstance(target, dict) else {}
            continue
        others = [member for member in schema.get("anyOf", ()) if member != {"type": "null"}]
        if len(others) != 1 or len(schema["anyOf"]) == 1:
            return schema
        schema = others[0]
    return {}
