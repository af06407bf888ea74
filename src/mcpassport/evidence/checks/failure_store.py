"""Checks of Failure modes: the store or the keys cannot be read."""

from typing import Final

from mcpassport.evidence.absence import away
from mcpassport.evidence.bench import Bench, Grant, Message, outcome_of
from mcpassport.evidence.finding import Finding
from mcpassport.evidence.probe import CALLS, GET
from mcpassport.store import DATA_FILE, KEYS_FILE

UNAVAILABLE: Final = "store_unavailable"
REFUSED: Final = 503


async def nothing_without_them(bench: Bench, finding: Finding) -> None:
    """FAI-02. Control: before and after, the same calls are served, and seen by the upstream."""
    grant = await bench.grant()
    await bench.lab.answer()
    served = [await bench.call(grant, GET, **CALLS[GET])]
    other = await bench.grant()
    await bench.sandbox.kill()
    await bench.sandbox.revive()  # so that no key is held in memory any more
    await bench.lab.answer()
    with away(bench.sandbox.data / DATA_FILE):
        await _expect(bench, finding, other, "the records", before=True)
        managed = await bench.manage("GET", f"/tenant/{other.tenant}")
        finding.expect(managed.status == REFUSED, "the management API: HTTP 503", managed.status)
    with away(bench.sandbox.data / KEYS_FILE):
        await _expect(bench, finding, other, "the keys", before=False)
    sent = len(await bench.lab.seen())
    finding.expect(sent == 0, "nothing was sent upstream", sent)
    served += [await bench.call(each, GET, **CALLS[GET]) for each in (grant, other)]
    finding.control = served == ["ok"] * 3 and len(await bench.lab.seen()) == len(served) - 1


async def _expect(bench: Bench, finding: Finding, grant: Grant, what: str, *, before: bool) -> None:
    for era in ("legacy", "modern"):
        answer = await bench.rpc(grant.address, Message.call(GET, CALLS[GET], era))
        outcome = outcome_of(answer)
        came = outcome == UNAVAILABLE and (answer.status == REFUSED or not before)
        moment = "before admission: HTTP 503" if before else f"after admission: {UNAVAILABLE}"
        finding.expect(came, f"{what} away, {era}, {moment}", (answer.status, outcome))
