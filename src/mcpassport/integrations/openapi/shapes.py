"""Questions to a self-contained schema: the list in an answer, what is at a path."""

from typing import Any, Final, NamedTuple

from mcpassport.integrations.openapi.combine import DEFS, flattened, is_list, resolved
from mcpassport.integrations.openapi.text import is_plural
from mcpassport.records.integration import JsonSchema

_USUAL_KEYS: Final = ("data", "items", "results", "records", "values", "entries", "value")


class Listed(NamedTuple):
    """A list in an answer: its key (empty: the answer is the list), and one record's schema."""

    path: str
    record: JsonSchema


def listed(schema: JsonSchema | None, resource: str) -> Listed | None:
    """The list that an answer carries; None when there is none, or more than one may be meant."""
    if not isinstance(schema, dict):
        return None
    definitions = schema.get(DEFS, {})
    root = resolved(schema, definitions)
    if is_list(root):
        return Listed("", _record(root, definitions))
    properties = root.get("properties", {})
    lists = {
        name: member
        for name, value in properties.items()
        if is_list(member := resolved(value, definitions)) and _is_step(name)
    }
    usual = [name for name in _USUAL_KEYS if name in lists]
    if not usual and is_plural(resource) and "id" not in properties:
        # A record may hold a list too; what answers for many has no `id` of its own.
        usual = [resource] if resource in lists else list(lists) if len(lists) == 1 else []
    return Listed(usual[0], _record(lists[usual[0]], definitions)) if usual else None


def at(schema: JsonSchema | None, path: str) -> dict[str, Any] | None:
    """The schema found along a path of names joined by dots, or None."""
    if not isinstance(schema, dict):
        return None
    definitions = schema.get(DEFS, {})
    found = resolved(schema, definitions)
    for name in path.split("."):
        member = found.get("properties", {}).get(name)
        if member is None:
            return None
        found = resolved(member, definitions)
    return found


def _record(schema: dict[str, Any], definitions: dict[str, Any]) -> JsonSchema:
    items = schema.get("items", {})
    return flattened(items | {DEFS: definitions}) if isinstance(items, dict) else items


def _is_step(name: str) -> bool:
    """Whether it can stand in a path of names joined by dots."""
    return bool(name) and not set(name) & set(". \t\r\n")
