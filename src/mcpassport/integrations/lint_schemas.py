"""What the gate says about the schemas of a record: undescribed properties, unions at the root."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from mcpassport.records.integration import Documentation, Method

_PARTS: Final = ("path_schema", "query_schema", "header_schema", "body_schema")
_UNIONS = ("oneOf", "anyOf")
_NAMED_MAX = 5
_DEPTH_MAX = 8

Slip = tuple[tuple[str | int, ...], str, str]
Property = tuple[tuple[str | int, ...], str, Mapping[str, Any]]


def schema_slips(
    path: tuple[str | int, ...], record: Documentation, method: Method
) -> Iterator[Slip]:
    """One finding for each rule and part, at the first property it is about."""
    paging = method.pagination
    driven = {paging.limit_param, paging.cursor_param, paging.page_param}
    for part in _PARTS:
        schema = getattr(record, part)
        if not isinstance(schema, Mapping):
            continue
        if any(union in schema for union in _UNIONS):
            yield (*path, part), "root_union", f"{part} has a union at its root."
        yield from _undescribed((*path, part), schema, driven if method.method == "list" else set())


def _undescribed(
    path: tuple[str | int, ...], schema: Mapping[str, Any], driven: set[str | None]
) -> Iterator[Slip]:
    silent = [
        item
        for item in _properties(path, "", schema, 0)
        if not str(item[2].get("description", "")).strip() and item[1] not in driven
    ]
    enums = [item for item in silent if "enum" in item[2]]
    others = [item for item in silent if "enum" not in item[2]]
    for rule, found in (("undescribed_enum", enums), ("undescribed_property", others)):
        if found:
            yield found[0][0], rule, f"{path[-1]} does not describe {_listed(found)}."


def _listed(found: list[Property]) -> str:
    names = ", ".join(name for _, name, _ in found[:_NAMED_MAX])
    more = len(found) - _NAMED_MAX
    return f"{names} and {more} more" if more > 0 else names


def _properties(
    path: tuple[str | int, ...], prefix: str, schema: Any, depth: int
) -> Iterator[Property]:
    """Every property below a schema, as far as no `$ref` has to be followed."""
    if not isinstance(schema, Mapping) or depth > _DEPTH_MAX:
        return
    properties = schema.get("properties")
    for name, member in properties.items() if isinstance(properties, Mapping) else ():
        if not isinstance(member, Mapping):
            continue
        at = (*path, "properties", name)
        label = f"{prefix}{name}"
        if "$ref" not in member:
            yield at, label, member
        yield from _properties(at, f"{label}.", member, depth + 1)
    yield from _properties((*path, "items"), prefix, schema.get("items"), depth + 1)
