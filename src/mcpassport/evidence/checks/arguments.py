"""Checks of filters and arguments: what cannot be meant is refused before anything is sent."""

from typing import Any, Final

from mcpassport.evidence.bench import Bench
from mcpassport.evidence.finding import Finding
from mcpassport.evidence.probe import CREATE, GET
from mcpassport.evidence.unreached import content

REFUSED: Final = "invalid_arguments"
BAD: Final = 400
CREATED: Final = 201
TYPED: Final = "evidencetyped"
TOOL: Final = f"{TYPED}_thing_fetch"
_SCHEMA: Final = {
    "type": "object",
    "required": ["kind"],
    "properties": {
        "kind": {"type": "string", "enum": ["a", "b"], "description": "One of two."},
        "count": {"type": "integer", "minimum": 1, "description": "How many."},
        "day": {"type": "string", "format": "date", "description": "Which day."},
    },
}
_WRONG: Final[dict[str, dict[str, Any]]] = {
    "missing": {},
    "mistyped": {"kind": "a", "count": "many"},
    "out of range": {"kind": "a", "count": 0},
    "badly formatted": {"kind": "a", "day": "yesterday"},
    "not of the enum": {"kind": "c"},
    "null": {"kind": None},
}
_SEGMENTS: Final = ("", ".", "..", "%2e", "%2E%2e", ".%2e", "a\nb", "a\x00b", "a\x7fb")


async def filters(bench: Bench, finding: Finding) -> None:
    """SCO-02. Control: a filter of known names that matches is taken."""
    grant = await bench.grant()
    path = f"/integrated-account/{grant.account}/mcp"
    wrong: dict[str, dict[str, Any]] = {
        "an unknown method": {"methods": ["destroy"]},
        "an unknown tag": {"tags": ["nothing"]},
        "an unknown resource": {"resources": ["records", "nothing"]},
        "an unknown tool to deny": {"deny": ["nothing"]},
        "no tool left": {"methods": ["get"], "resources": ["notes"]},
    }
    for kind, config in wrong.items():
        made = await bench.manage("POST", path, {"name": "filtered", "config": config})
        changed = await bench.manage("PATCH", f"{path}/{grant.server}", {"config": config})
        told = (made.status, changed.status)
        finding.expect(told == (BAD, BAD), f"{kind}: refused when created or changed", told)
    kept = len(await bench.tools(grant))
    finding.expect(kept > 1, "the server has the tools it had", kept)
    good = {"name": "filtered", "config": {"methods": ["get"], "deny": [CREATE]}}
    finding.control = (await bench.manage("POST", path, good)).status == CREATED


async def checked(bench: Bench, finding: Finding) -> None:
    """SCO-03. Control: arguments that fit reach the upstream."""
    integration = content(TYPED, bench.lab.origin)
    integration["documentation"][0]["query_schema"] = _SCHEMA
    grant = await bench.grant_on(integration)
    await bench.lab.answer()
    for kind, arguments in _WRONG.items():
        came = await bench.call(grant, TOOL, **arguments)
        finding.expect(came == REFUSED, f"{kind}: {REFUSED}", came)
    sent = len(await bench.lab.seen())
    finding.expect(sent == 0, "0 upstream requests", sent)
    came = await bench.call(grant, TOOL, kind="a", count=1, day="2026-03-01")
    targets = [each.target for each in await bench.lab.seen()]
    finding.control = came == "ok" and targets == ["/fetch?kind=a&count=1&day=2026-03-01"]


async def one_segment(bench: Bench, finding: Finding) -> None:
    """SCO-04. Control: a plain value stands in the path as it is."""
    grant = await bench.grant()
    await bench.lab.answer()
    for value in _SEGMENTS:
        came = await bench.call(grant, GET, id=value)
        finding.expect(came == REFUSED, f"{value!r}: {REFUSED}", came)
    sent = len(await bench.lab.seen())
    finding.expect(sent == 0, "0 upstream requests", sent)
    for value, segment in (
        ("a/b", "a%2Fb"),
        ("a..b/c", "a..b%2Fc"),
        ("a?b=c#d", "a%3Fb%3Dc%23d"),
        ("a%2Fb", "a%252Fb"),
        ("ü ;", "%C3%BC%20%3B"),
    ):
        await bench.lab.answer()
        came = await bench.call(grant, GET, id=value)
        targets = [each.target.upper() for each in await bench.lab.seen()]
        expected = [f"/records/{segment}".upper()]
        finding.expect(targets == expected, f"{value!r} is one segment", (came, targets))
    await bench.lab.answer()
    await bench.call(grant, GET, id="plain-1")
    finding.control = [each.target for each in await bench.lab.seen()] == ["/records/plain-1"]
