"""Checks of Failure modes: what becomes of a call whose caller leaves."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from mcpassport.errors import McpassportError
from mcpassport.evidence.bench import Bench, Era, Grant, Message, document_of
from mcpassport.evidence.finding import Finding
from mcpassport.evidence.probe import CALLS, GET
from mcpassport.evidence.upstream import Says

NEVER_S: Final = 120
LATE_S: Final = 0.5
LOOKS: Final = 500
LOOK_S: Final = 0.02
Ended = tuple[Sequence[str], Sequence[str]]
"""How the upstream's exchanges ended, and the outcomes in the trail, oldest first."""


async def leaving(bench: Bench, finding: Finding) -> None:
    """FAI-05. Control: while the caller still waits, its call is found open on both sides."""
    grant = await bench.grant()
    never = Says(fault={"kind": "delay", "seconds": NEVER_S})
    waiting = await _left(bench, grant, "modern", never)
    ended = await _until(bench, grant, (["client_closed"], ["cancelled"]))
    fact = "2026-07-28: the upstream connection is closed, the outcome is `cancelled`"
    finding.expect(ended == (["client_closed"], ["cancelled"]), fact, ended)
    late = Says(fault={"kind": "delay", "seconds": LATE_S})
    await _left(bench, grant, "legacy", late)
    ended = await _until(bench, grant, (["answered"], ["cancelled", "ok"]))
    fact = "older revision: the upstream answers to the end, the outcome is `ok`"
    finding.expect(ended == (["answered"], ["cancelled", "ok"]), fact, ended)
    finding.control = waiting == (["open"], [])


async def _left(bench: Bench, grant: Grant, era: Era, says: Says) -> Ended:
    """Call, and hang up once the upstream has the request; how things stood just before."""
    await bench.lab.answer(says)
    message = Message.call(GET, CALLS[GET], era)
    calling = asyncio.create_task(bench.rpc(grant.address, message))
    await bench.lab.arrival()
    before = await _ended(bench, grant)
    calling.cancel()
    with suppress(asyncio.CancelledError, McpassportError):
        await calling
    return before


async def _until(bench: Bench, grant: Grant, wanted: Ended) -> Ended:
    """How it ended, once it is as wanted or nothing is open any more."""
    found = await _ended(bench, grant)
    for _ in range(LOOKS):
        if found == wanted or ("open" not in found[0] and len(found[1]) == len(wanted[1])):
            break
        await asyncio.sleep(LOOK_S)
        found = await _ended(bench, grant)
    return found


async def _ended(bench: Bench, grant: Grant) -> Ended:
    path = f"/audit?tenant={grant.tenant}&oldest_first=true&limit=50"
    rows = document_of(await bench.manage("GET", path)).get("result", [])
    outcomes = [row["outcome"] for row in rows if row.get("phase") == "outcome"]
    return await bench.lab.endings(), outcomes
