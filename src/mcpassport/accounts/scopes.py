"""Upstream OAuth scopes: what is asked for, and what was granted beyond the need."""

from collections.abc import Iterable

from mcpassport.catalog.select import check_filter, select
from mcpassport.records.integration import Credential
from mcpassport.records.tool import Catalog, Filter, Tool


def requested(
    credential: Credential, catalog: Catalog, chosen: Filter, removed: Iterable[str] = ()
) -> tuple[str, ...]:
    """The scopes that the enabled methods need, and those that the integration always asks for.

    Raises `UnknownFilter` or `EmptyFilter` for a filter that cannot be meant.
    """
    check_filter(catalog, chosen)
    surface = select(catalog, chosen, tuple(removed))
    return needed(credential, surface.tools)


def needed(credential: Credential | None, tools: Iterable[Tool]) -> tuple[str, ...]:
    """The scopes that the integration always asks for, and those that these tools declare."""
    oauth = credential.oauth if credential is not None else None
    declared = (scope for tool in tools for scope in tool.method.scopes)
    return tuple(dict.fromkeys((*(oauth.scopes if oauth else ()), *declared)))


def excess(granted: Iterable[str], wanted: Iterable[str]) -> tuple[str, ...]:
    """What was granted and is not needed."""
    known = set(wanted)
    return tuple(scope for scope in granted if scope not in known)
