"""Checks of Failure modes: an upstream API that is down or slow, and how long a call waits."""

import asyncio
from typing import Final

from mcpassport.evidence.bench import Bench, Grant
from mcpassport.evidence.finding import Finding
from mcpassport.evidence.processes import TELLING
from mcpassport.evidence.unreached import content, tool
from mcpassport.evidence.upstream import Says
from mcpassport.limits import LIMITS

DOWN: Final = "evidencedown"
SILENT: Final = "evidencesilent"
SLOW: Final = "evidenceslow"
USUAL: Final = "evidenceusual"
OWN_S: Final = 1
SOON_S: Final = 0.1
LATE_S: Final = 10
"""What a loaded machine may take longer than the time that is promised."""
EARLY_S: Final = 0.1
REFUSED: Final = 400
STALLS: Final = {
    "no answer": Says(fault={"kind": "delay", "seconds": 600}),
    "a body that stops": Says(body=b"x" * 9, fault={"kind": "stall", "bytes": 3, "seconds": 600}),
}


async def down_or_slow(bench: Bench, finding: Finding) -> None:
    """FAI-03. Control: an upstream that is slow, but within the time, is found to answer."""
    limits, ceiling = bench.sandbox.ready.limits, LIMITS["call_timeout_s"].ceiling
    down = await _grant(bench, DOWN, bench.unreached.refusing)
    refused, _ = await _timed(bench, down, DOWN)
    fact = "a host that refuses connections: upstream_unreachable"
    finding.expect(refused == "upstream_unreachable", fact, refused)
    silent = await _grant(bench, SILENT, bench.unreached.silent)
    slow = await bench.grant_on(content(SLOW, bench.lab.origin, OWN_S))
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(_timed(bench, silent, SILENT))
        for stall, says in STALLS.items():
            await bench.lab.answer(says)
            ended = await _timed(bench, slow, SLOW)
            _expect_cut(finding, f"{stall}, method with a time of its own", ended, OWN_S)
        if bench.full and limits["call_timeout_s"] < ceiling:  # which is our own patience too
            usual = await _grant(bench, USUAL, bench.lab.origin.removeprefix("http://"))
            ended = await _timed(bench, usual, USUAL)
            _expect_cut(finding, "a body that stops, usual time", ended, limits["call_timeout_s"])
    if TELLING:  # Linux, where a host can be made that does not even refuse
        case, seconds = "a host that accepts no connection", limits["connect_timeout_s"]
        _expect_cut(finding, case, waiting.result(), seconds)
    over = content("evidenceover", bench.lab.origin, ceiling + 1)
    pushed = await bench.manage("POST", "/integration", over)
    fact = f"a method that sets more than {ceiling} s is refused"
    finding.expect(pushed.status == REFUSED, fact, pushed.status)
    await bench.lab.answer(Says(fault={"kind": "delay", "seconds": SOON_S}))
    finding.control = (await _timed(bench, slow, SLOW))[0] == "ok"


async def _grant(bench: Bench, name: str, address: str) -> Grant:
    return await bench.grant_on(content(name, f"http://{address}"))


async def _timed(bench: Bench, grant: Grant, name: str) -> tuple[str, float]:
    """What a call came to, and after how many seconds."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    return await bench.call(grant, tool(name)), loop.time() - started


def _expect_cut(finding: Finding, case: str, ended: tuple[str, float], seconds: float) -> None:
    outcome, took = ended
    kept = outcome == "upstream_timeout" and seconds - EARLY_S <= took < seconds + LATE_S
    finding.expect(kept, f"{case}: upstream_timeout after {seconds} s", f"{outcome}, {took:.1f} s")
