"""The two inputs that every paged list has, whatever the upstream calls its own."""

from typing import Any

from mcpassport.catalog.parts import Argument, Section
from mcpassport.limits import CURSOR_DESCRIPTION, NEXT_CURSOR_MAX_CHARS
from mcpassport.records.integration import JsonSchema, Method, Pagination

LIMIT = "limit"
NEXT_CURSOR = "next_cursor"
UNPAGED = "none"
_RANGE = frozenset({"range", "range-unit"})
"""Headers that kind `range` drives."""


def is_paged(method: Method) -> bool:
    """Whether the method is a list with pagination; others keep their inputs as they are."""
    return method.method == "list" and method.pagination.kind != UNPAGED


def split_paging(
    sections: list[Section], pagination: Pagination
) -> tuple[list[Section], tuple[Argument, ...]]:
    """The sections without the upstream's paging parameters, and the inputs that drive them.

    `limit` is offered where the upstream takes a page size; elsewhere nothing could honour it.
    """
    driven = {
        *(pagination.limit_param, pagination.cursor_param, pagination.page_param),
        *(pagination.offset_param, *pagination.params),
    }
    kept, limit = [], None
    for section in sections:
        stay = section.arguments
        if section.part == "query":
            stay = tuple(arg for arg in stay if arg.declared not in driven)
            sizes = (a for a in section.arguments if a.declared == pagination.limit_param)
            limit = next((a.schema for a in sizes), None)
        elif section.part == "header" and pagination.kind == "range":
            stay = tuple(arg for arg in stay if arg.declared.lower() not in _RANGE)
        kept.append(section._replace(arguments=stay))
    return kept, _injected(pagination, limit)


def takes_size(pagination: Pagination) -> bool:
    """Whether the upstream can be told how many records a page holds.

    A range always tells it; expressions do where the integration gives a size to begin with.
    """
    if pagination.kind == "expression" and pagination.default_limit is not None:
        return True
    return pagination.limit_param is not None or pagination.kind == "range"


def _injected(pagination: Pagination, declared: JsonSchema | None) -> tuple[Argument, ...]:
    cursor: JsonSchema = {
        "type": "string",
        "minLength": 1,
        "maxLength": NEXT_CURSOR_MAX_CHARS,
        "description": CURSOR_DESCRIPTION,
    }
    following = Argument(NEXT_CURSOR, NEXT_CURSOR, NEXT_CURSOR, cursor, required=False)
    if not takes_size(pagination):
        return (following,)
    limit = _limit_schema(pagination, declared if isinstance(declared, dict) else {})
    return (Argument(LIMIT, LIMIT, LIMIT, limit, required=False), following)


def _limit_schema(pagination: Pagination, declared: dict[str, Any]) -> dict[str, Any]:
    most = pagination.max_limit or _whole(declared.get("maximum"))
    usual = pagination.default_limit or _whole(declared.get("default"))
    schema: dict[str, Any] = {"type": "integer", "minimum": 1}
    if most is not None:
        schema["maximum"] = most
    if usual is not None:
        schema["default"] = usual
    schema["description"] = "How many records to return at most."
    return schema


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
