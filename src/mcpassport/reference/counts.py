"""What claims say of a catalog, counted from the catalog itself."""

from collections.abc import Sequence

from mcpassport.records.tool import EVERY_OTHER, Catalog, Tool
from mcpassport.reference.facts import safe

LIMIT = "limit"
NEXT_CURSOR = "next_cursor"
_NAMED = 5
"""More tools than this are counted, and the first of them named."""


def catalog_texts(catalog: Catalog) -> dict[str, str]:
    """Prose about the catalog, by the name that claims use."""
    return {
        "dropped_methods": _are(len(catalog.dropped), "method"),
        "paging_rule": _paging_rule(lists_of(catalog)),
        "undeclared_arguments": _undeclared(catalog.tools),
    }


def lists_of(catalog: Catalog) -> tuple[Tool, ...]:
    """The tools of `list` methods."""
    return tuple(tool for tool in catalog.tools if tool.method.method == "list")


def takes(tool: Tool, name: str) -> bool:
    """Whether that paging input was injected into the tool."""
    return any(route.part == "paging" and route.property == name for route in tool.routes)


def count(number: int, noun: str) -> str:
    """`1 tool`, `2 tools`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def named(tools: Sequence[Tool]) -> str:
    """The tools by name; of many the first ones."""
    names = ", ".join(f"`{safe(tool.name)}`" for tool in tools[:_NAMED])
    more = len(tools) - _NAMED
    return f"{names} and {more} more" if more > 0 else names


def _are(number: int, noun: str) -> str:
    return f"{count(number, noun)} {'is' if number == 1 else 'are'}"


def _paging_rule(lists: Sequence[Tool]) -> str:
    if not lists:
        return "This catalog has no `list` tool."
    paged = sum(takes(tool, NEXT_CURSOR) for tool in lists)
    sized = sum(takes(tool, LIMIT) for tool in lists)
    return (
        f"Of {count(len(lists), '`list` tool')} {paged} take `next_cursor` and {sized} `limit`; "
        "the others have one page, as large as the upstream API makes it."
        if paged < len(lists)
        else f"Every `list` tool ({len(lists)} in this catalog) takes `next_cursor`, {sized} of "
        "them also `limit`."
    )


def _undeclared(tools: Sequence[Tool]) -> str:
    free = [tool for tool in tools if any(route.property == EVERY_OTHER for route in tool.routes)]
    if not free:
        return "Unknown arguments are refused by every tool of this catalog."
    return (
        f"Unknown arguments are refused too, except by {count(len(free), 'tool')} whose own schema "
        f"admits them: {named(free)}."
    )
