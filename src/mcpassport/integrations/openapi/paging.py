"""Pagination that a description shows beyond doubt; everything else is left to the overlay.

A style holds when both of its sides are in the description: what a request sends, and what an
answer brings back for it.
"""

from collections.abc import Callable
from typing import Any, Final

from msgspec import Struct

from mcpassport.integrations.openapi.combine import kinds_of
from mcpassport.integrations.openapi.model import Operation, Parameter
from mcpassport.integrations.openapi.shapes import at

_LIMITS: Final = (
    "limit", "per_page", "page_size", "pageSize", "page[size]", "perPage", "max_results",
    "maxResults", "count", "size", "first",
)  # fmt: skip
_COUNT_MAX: Final = 100_000
_PAGE_LIMITS: Final = ("per_page", "page_size", "pageSize", "perPage", "limit", "size")

_OFFSETS: Final = ("offset", "skip", "startIndex")
_FROM_ONE: Final = frozenset({"startIndex"})
"""SCIM counts records from 1 (RFC 7644, 3.4.2.4)."""
_OFFSET_LIMITS: Final = (
    *("limit", "count", "top", "take", "size", "page_size", "pageSize", "per_page", "max_results"),
    *("maxResults",),
)
_TOTALS: Final = (
    *("total_count", "totalCount", "total", "totalResults", "meta.total", "meta.total_count"),
    *("pagination.total", "paging.total"),
)


class _Cursor(Struct, frozen=True):
    """A cursor that stands in the answer at `path` and goes back as `param`."""

    param: str
    path: str
    limit: str = ""
    """The name of the page size, where the answer alone is proof enough of the whole style."""


_CURSORS: Final = (
    _Cursor("starting_after", "pages.next.starting_after", "per_page"),
    _Cursor("after", "paging.next.after"),
    _Cursor("cursor", "response_metadata.next_cursor"),
    _Cursor("cursor", "meta.next_cursor"),
    _Cursor("cursor", "pagination.next_cursor"),
    _Cursor("cursor", "next_cursor"),
    _Cursor("cursor", "nextCursor"),
    _Cursor("next_cursor", "next_cursor"),
    _Cursor("page_token", "next_page_token"),
    _Cursor("pageToken", "nextPageToken"),
    _Cursor("marker", "next_marker"),
    _Cursor("continuation_token", "continuation_token"),
)
_NOT_WITH: Final = {"marker": "usemarker"}
"""A cursor that works only when another parameter switches it on."""


def detect(operation: Operation) -> dict[str, Any] | None:
    """The pagination of a list, or None when the description does not show one."""
    query = {item.name: item for item in operation.parameters if item.place == "query"}
    for style in _STYLES:
        found = style(operation, query)
        if found is not None:
            return found
    return None


def _next_page_header(operation: Operation, query: dict[str, Parameter]) -> dict[str, Any] | None:
    """Kinto and its kin: `Next-Page` holds the URL; the four parameters are theirs alone."""
    kinto = {"_limit", "_token", "_since", "_before"} <= query.keys()
    if not kinto and "next-page" not in operation.response.headers:
        return None
    limit = _limit(query, ("_limit", *_LIMITS))
    position = {"cursor_param": "_token"} if "_token" in query else {}
    return {"kind": "next_url", "next_header": "Next-Page"} | limit | position


def _link_header(operation: Operation, query: dict[str, Parameter]) -> dict[str, Any] | None:
    """A declared `Link` header beside a page or a cursor parameter (RFC 8288)."""
    position = next(
        (name for name in ("page", "cursor", "after", "page_token") if name in query), ""
    )
    if "link" not in operation.response.headers or not position:
        return None
    return {"kind": "link_header"} | _limit(query, _LIMITS) | {"cursor_param": position}


def _cursor(operation: Operation, query: dict[str, Parameter]) -> dict[str, Any] | None:
    for row in _CURSORS:
        if at(operation.response.schema, row.path) is None:
            continue
        if row.param not in query and (not row.limit or "page" in query):
            continue
        if _NOT_WITH.get(row.param, "") in query:
            continue
        limit = _limit(query, _LIMITS) or ({"limit_param": row.limit} if row.limit else {})
        return {"kind": "cursor", "cursor_path": row.path, "cursor_param": row.param} | limit
    return None


def _page(_operation: Operation, query: dict[str, Parameter]) -> dict[str, Any] | None:
    """`page` beside a page size, both whole numbers."""
    limit = next((name for name in _PAGE_LIMITS if name in query), "")
    if not limit or not _is_whole(query.get("page")) or not _is_whole(query[limit]):
        return None
    first = _keyword(query["page"], "minimum")
    start = {"first_page": 0} if first == 0 and _keyword(query["page"], "default") == 0 else {}
    return {"kind": "page", "page_param": "page"} | start | _limit(query, (limit,))


def _offset(operation: Operation, query: dict[str, Parameter]) -> dict[str, Any] | None:
    """Records to skip beside a page size, both whole numbers; a total where the answer has one."""
    position = next((name for name in _OFFSETS if _is_whole(query.get(name))), "")
    limit = _limit(query, _OFFSET_LIMITS)
    if not position or not limit:
        return None
    found: dict[str, Any] = {"kind": "offset", "offset_param": position}
    if position in _FROM_ONE:
        found["first_offset"] = 1
    totals = (at(operation.response.schema, path) for path in _TOTALS)
    total = next((path for path, at_ in zip(_TOTALS, totals, strict=True) if _counts(at_)), "")
    return found | ({"total_path": total} if total else {}) | limit


def _counts(schema: dict[str, Any] | None) -> bool:
    return schema is not None and bool(kinds_of(schema) & {"integer", "number"})


_STYLES: Final[tuple[Callable[[Operation, dict[str, Parameter]], dict[str, Any] | None], ...]] = (
    _next_page_header,
    _link_header,
    _cursor,
    _page,
    _offset,
)


def _limit(query: dict[str, Parameter], names: tuple[str, ...]) -> dict[str, Any]:
    """The parameter of the page size, with its default and maximum where they make sense."""
    name = next((name for name in names if _is_whole(query.get(name))), "")
    if not name:
        return {}
    found: dict[str, Any] = {"limit_param": name}
    largest, usual = _keyword(query[name], "maximum"), _keyword(query[name], "default")
    if usual is not None and 1 <= usual <= min(largest or _COUNT_MAX, _COUNT_MAX):
        found["default_limit"] = usual
    if largest is not None and 1 <= largest <= _COUNT_MAX:
        found["max_limit"] = largest
    return found


def _keyword(parameter: Parameter, key: str) -> int | None:
    value = parameter.schema.get(key) if isinstance(parameter.schema, dict) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _is_whole(parameter: Parameter | None) -> bool:
    if parameter is None or not isinstance(parameter.schema, dict):
        return False
    kinds = parameter.schema.get("type")
    return "integer" in (kinds if isinstance(kinds, list) else [kinds])
