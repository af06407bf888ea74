"""Checks of Rate limits & errors: one call, one upstream request, whatever came of it."""

from typing import Final

from mcpassport.evidence.bench import Bench, Grant
from mcpassport.evidence.finding import Finding
from mcpassport.evidence.probe import CALLS, CREATE, GET
from mcpassport.evidence.upstream import Says

STATUSES: Final = (200, 302, 404, 429, 500, 503)
FAULTS: Final = {
    "an answer that is no JSON": Says(body=b"<html>"),
    "a connection that closes without an answer": Says(fault={"kind": "close"}),
    "a body that stops short": Says(fault={"kind": "truncated", "bytes": 3}),
    "an answer that is late": Says(fault={"kind": "delay", "seconds": 0.2}),
}


async def one_request(bench: Bench, finding: Finding) -> None:
    """LIM-03. Control: a second request beside the call is counted."""
    grant = await bench.grant()
    cases = {f"upstream status {status}": Says(status=status) for status in STATUSES} | FAULTS
    first = await bench.lab.reach("/before")
    for case, says in cases.items():
        counts = [await _requests(bench, grant, tool, says) for tool in (GET, CREATE)]
        finding.expect(counts == [1, 1], f"{case}: 1 upstream request per call", counts)
    count = await _requests(bench, grant, "", Says())
    finding.expect(count == 0, "a call that is refused: 0 upstream requests", count)
    total = await bench.lab.reach("/after") - first - 1
    finding.expect(total == 2 * len(cases), f"{total} requests for {2 * len(cases)} calls in all")
    # The control: a call with one more request beside it is no longer 1.
    await bench.lab.answer()
    await bench.call(grant, GET, **CALLS[GET])
    await bench.lab.reach("/records/beside")
    finding.control = len(await bench.lab.seen()) == 1 + 1


async def _requests(bench: Bench, grant: Grant, tool: str, says: Says) -> int:
    await bench.lab.answer(says)
    await bench.call(grant, tool, **CALLS.get(tool, {}))
    return len(await bench.lab.seen())
