"""Checks of Tool scope controls: what a filter removes is not listed and cannot be called."""

from typing import Any, Final

from mcpassport.evidence.bench import Bench, Grant
from mcpassport.evidence.finding import Finding
from mcpassport.evidence.probe import (
    CALLS,
    COUNT,
    CREATE,
    CREATE_NOTE,
    GET,
    LIST,
    LIST_NOTES,
    TOOLS,
)

OK: Final = 200
FILTERS: Final[tuple[tuple[dict[str, Any], set[str]], ...]] = (
    ({"methods": ["read"]}, {LIST, GET, LIST_NOTES}),
    ({"methods": ["write"]}, {CREATE, CREATE_NOTE}),
    ({"methods": ["custom"]}, {COUNT}),
    ({"methods": ["get", "count"]}, {GET, COUNT}),
    ({"tags": ["internal"]}, {LIST_NOTES, CREATE_NOTE}),
    ({"resources": ["records"]}, {LIST, GET, CREATE, COUNT}),
    ({"deny": [CREATE, "records.count"]}, {LIST, GET, LIST_NOTES, CREATE_NOTE}),
    ({"methods": ["read"], "tags": ["internal"], "resources": ["notes"]}, {LIST_NOTES}),
)
"""Each kind of filter, with what it must leave."""


async def hidden_tool(bench: Bench, finding: Finding) -> None:
    """SCO-01. Control: a server without a filter, judged by a filter, is caught."""
    wide = await bench.grant()
    await bench.lab.answer()
    for config, left in FILTERS:
        grant = await bench.grant(wide.tenant, wide.account, **config)
        wrong = await _beyond(bench, grant, left)
        finding.expect(not wrong, f"{_words(config)} leaves {len(left)} of {len(TOOLS)}", wrong)
    path = f"/integrated-account/{wide.account}"
    patch = {"overrides": {"removed_methods": ["records.create"]}}
    answer = await bench.manage("PATCH", path, patch)
    finding.expect(answer.status == OK, "the admin removed a method for the account")
    wrong = await _beyond(bench, wide, set(TOOLS - {CREATE}))
    finding.expect(not wrong, "a method that the admin removed is gone", wrong)
    finding.expect(not await bench.lab.seen(), "calls of hidden tools: 0 upstream requests")
    # The control: what is not hidden is listed, called by name, and reaches the upstream.
    caught = await _beyond(bench, await bench.grant(), TOOLS - {CREATE})
    finding.control = len(caught) == 2 and len(await bench.lab.seen()) == 1  # noqa: PLR2004  # listed, called


async def _beyond(bench: Bench, grant: Grant, left: set[str] | frozenset[str]) -> list[str]:
    """What a server shows or serves beyond the tools that must be left, and what it lacks."""
    listed = await bench.tools(grant)
    found = [f"listed: {tool}" for tool in sorted(listed - left)]
    found += [f"not listed: {tool}" for tool in sorted(left - listed)]
    for tool in sorted(TOOLS - left):
        outcome = await bench.call(grant, tool, **CALLS[tool])
        if outcome != "unknown_tool":
            found.append(f"called {tool}: {outcome}")
    return found


def _words(config: dict[str, Any]) -> str:
    return " and ".join(f"{name} {', '.join(values)}" for name, values in config.items())
