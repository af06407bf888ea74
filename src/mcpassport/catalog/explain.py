"""Why a tool is not on a server: every filter, override and rule that keeps it away."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Final, Literal, TypeAlias

from msgspec import Struct

from mcpassport.catalog.naming import tool_name
from mcpassport.catalog.rules import RULES
from mcpassport.catalog.select import kept_out_by
from mcpassport.records.integration import Integration
from mcpassport.records.tool import Catalog, Dropped, Filter, Tool

Kind: TypeAlias = Literal[
    "methods", "tags", "resources", "deny", "override", "dropped", "unknown", "server"
]
"""`server`: nobody can call it now, whatever it offers."""
NEAREST: Final = 5
_CUTOFF: Final = 0.4
_LONGEST_NAME: Final = 200
"""Of a name that is compared with others; longer ones are like none."""


class Reason(Struct, frozen=True):
    """One thing that keeps the tool away, and how to mend it."""

    kind: Kind
    message: str
    mend: str


class Explanation(Struct, frozen=True, kw_only=True):
    """What a name means on a server. No reason: the tool is offered."""

    name: str
    """Of the tool, where there is or would be one; else the name that was asked for."""
    resource: str = ""
    method: str = ""
    reasons: tuple[Reason, ...] = ()
    nearest: tuple[str, ...] = ()
    """Names that are much like an unknown one, the most similar first."""


def why_not(
    integration: Integration, catalog: Catalog, wanted: Filter, removed: Sequence[str], name: str
) -> Explanation:
    """Explain a tool's name, or `resource.method`, on a server with that filter.

    `removed` are the methods that overrides take from the account (`resource.method` each).
    """
    for tool in catalog.tools:
        at = f"{tool.method.resource}.{tool.method.method}"
        if name in {tool.name, at}:
            reasons = tuple(_hidden(tool, wanted, removed))
            return Explanation(
                name=tool.name,
                resource=tool.method.resource,
                method=tool.method.method,
                reasons=reasons,
            )
    would_be = _would_be(integration, catalog)
    for named, dropped in would_be.items():
        if name in {named, f"{dropped.resource}.{dropped.method}"}:
            return Explanation(
                name=named,
                resource=dropped.resource,
                method=dropped.method,
                reasons=(_dropped(dropped),),
            )
    known = [*(tool.name for tool in catalog.tools), *would_be]
    return _unknown(integration, known, name)


def _hidden(tool: Tool, wanted: Filter, removed: Sequence[str]) -> Iterator[Reason]:
    method = tool.method
    has = {
        "methods": f"its method is {method.method}",
        "tags": f"its tags are {_listed(tool.tags)}",
        "resources": f"its resource is {method.resource}",
    }
    for member in kept_out_by(tool, wanted):
        if member == "deny":
            yield Reason(
                "deny",
                f"The server denies {tool.name}.",
                "Take it out of `config.deny` of the server, or make a server without it.",
            )
            continue
        admitted = _listed(getattr(wanted, member))
        yield Reason(
            member,  # type: ignore[arg-type]  # the members of a filter are kinds
            f"The server's filter admits {member} {admitted}; {has[member]}.",
            f"Change `config.{member}` of the server, or make a server without it.",
        )
    if f"{method.resource}.{method.method}" in removed:
        yield Reason(
            "override",
            f"An admin removed {method.resource}.{method.method} for this account.",
            "Take it out of `overrides.removed_methods` of the account (admins only).",
        )


def _dropped(dropped: Dropped) -> Reason:
    mend = RULES[dropped.rule]
    said = dropped.reason.removesuffix(mend).strip()
    return Reason(
        "dropped",
        f"{dropped.resource}.{dropped.method} is not a tool ({dropped.rule}): {said}",
        f"{mend} Then push the integration.",
    )


def _unknown(integration: Integration, known: Sequence[str], name: str) -> Explanation:
    methods = [f"{method.resource}.{method.method}" for method in integration.methods]
    asked = name.lower()[:_LONGEST_NAME]
    nearest = get_close_matches(
        asked, methods if "." in asked else known, n=NEAREST, cutoff=_CUTOFF
    )
    like = f"Nearest: {_listed(nearest)}." if nearest else "Nothing is called much like it."
    reason = Reason(
        "unknown",
        f"{integration.name}@{integration.version} has no method that makes a tool of that name.",
        f"{like} `tool list` shows what the server offers.",
    )
    return Explanation(name=name, reasons=(reason,), nearest=tuple(nearest))


def _would_be(integration: Integration, catalog: Catalog) -> Mapping[str, Dropped]:
    """Tool names of what was dropped."""
    resources = {resource.name: resource for resource in integration.resources}
    return {
        tool_name(integration.name, resources[each.resource], each.method): each
        for each in catalog.dropped
        if each.resource in resources
    }


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "(none)"
