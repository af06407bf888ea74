"""Filters: which tools of a catalog one server exposes."""

from collections.abc import Callable, Collection, Sequence

from mcpassport.catalog import digest
from mcpassport.errors import EmptyFilter, Problem, UnknownFilter
from mcpassport.records.integration import STANDARD_METHODS
from mcpassport.records.tool import Catalog, Filter, Surface, Tool

_READ = frozenset({"list", "get"})
_WRITE = frozenset({"create", "update", "delete"})
_GROUPS: dict[str, Callable[[str], bool]] = {
    "read": _READ.__contains__,
    "write": _WRITE.__contains__,
    "custom": lambda method: method not in STANDARD_METHODS,
}


def select(
    catalog: Catalog,
    wanted: Filter,
    removed: Sequence[str] = (),
    groups: Sequence[str] | None = None,
) -> Surface:
    """The surface: methods AND tags AND resources, less `removed` (`resource.method` each).

    `groups`: of what is left, only methods of these groups.

    Pure and deterministic, in tool-name order. It never raises: a name that a newer integration
    version no longer has matches nothing, so a server only ever narrows by itself.
    """
    gone = frozenset(removed)
    tools = tuple(
        tool
        for tool in catalog.tools
        if _matches(tool, wanted)
        and _at(tool) not in gone
        and (groups is None or _method_matches(tool.method.method, groups))
    )
    root = digest.root([digest.leaf(tool) for tool in tools])
    return Surface(catalog=catalog, tools=tools, digest=root)


def check_filter(catalog: Catalog, wanted: Filter) -> None:
    """Refuse a filter at the time it is written.

    Raises:
        UnknownFilter: a name is unknown; `problems` lists every one with the valid names.
        EmptyFilter: every name is known, but together they match no tool.
    """
    problems = (
        *_unknown("methods", wanted.methods, method_names(catalog)),
        *_unknown("tags", wanted.tags, sorted({tag for t in catalog.tools for tag in t.tags})),
        *_unknown(
            "resources", wanted.resources, sorted({t.method.resource for t in catalog.tools})
        ),
        *_unknown(
            "deny", wanted.deny, sorted(each for t in catalog.tools for each in (t.name, _at(t)))
        ),
    )
    if problems:
        raise UnknownFilter(" ".join(f"{p.message} {p.mend}" for p in problems), problems=problems)
    if not any(_matches(tool, wanted) for tool in catalog.tools):
        raise EmptyFilter


def method_names(catalog: Catalog) -> list[str]:
    """What a `methods` filter may name: the three groups, then the methods that there are."""
    return [*_GROUPS, *sorted({tool.method.method for tool in catalog.tools} - _GROUPS.keys())]


def kept_out_by(tool: Tool, wanted: Filter) -> tuple[str, ...]:
    """The members of the filter that leave this tool out; none when it is exposed."""
    held = {
        "methods": wanted.methods is None or _method_matches(tool.method.method, wanted.methods),
        "tags": wanted.tags is None or not set(wanted.tags).isdisjoint(tool.tags),
        "resources": wanted.resources is None or tool.method.resource in wanted.resources,
        "deny": not _denied(tool, wanted),
    }
    return tuple(member for member, holds in held.items() if not holds)


def _denied(tool: Tool, wanted: Filter) -> bool:
    return tool.name in wanted.deny or _at(tool) in wanted.deny


def _at(tool: Tool) -> str:
    return f"{tool.method.resource}.{tool.method.method}"


def _matches(tool: Tool, wanted: Filter) -> bool:
    return not kept_out_by(tool, wanted)


def _method_matches(method: str, names: Collection[str]) -> bool:
    return method in names or any(
        inside(method) for group, inside in _GROUPS.items() if group in names
    )


def _unknown(member: str, names: Sequence[str] | None, valid: Sequence[str]) -> list[Problem]:
    listed = ", ".join(valid) or "(none)"
    return [
        Problem(
            where=f"/{member}/{index}",
            rule="unknown_filter",
            message=f"{member} has no {name!r}.",
            mend=f"Valid: {listed}.",
        )
        for index, name in enumerate(names or ())
        if name not in valid
    ]
