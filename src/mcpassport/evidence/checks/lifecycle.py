"""Checks of Lifecycle: when a grant ends, from when on that holds, and what it ends."""

import asyncio
import json
from typing import Any, Final

from mcpassport.evidence.bench import NEVER_S, Bench, Grant, Message, outcome_of
from mcpassport.evidence.brief import TTL_S, brief_server
from mcpassport.evidence.finding import CheckFailed, Finding
from mcpassport.evidence.probe import CALLS, GET, INTEGRATION
from mcpassport.evidence.upstream import Says

OVERLAP_S: Final = 60
GONE: Final = "not_found"
_ERRORS: Final = 400
_CANCEL_S: Final = 1.0


async def expiry(bench: Bench, finding: Finding) -> None:
    """LIF-01. Control: a server that lives on serves at the very moment at which this one ended."""
    tenant = await bench.tenant()
    account = await bench.account(tenant, bench.canary("credential"))
    lasting = await bench.grant(tenant, account)
    await bench.lab.answer()
    brief = await brief_server(bench, lasting)
    await bench.sandbox.step(TTL_S - 2)
    finding.expect(await _called(bench, brief) == "ok", "before its expiry a server serves")
    await bench.sandbox.step(3)
    after = await _called(bench, brief)
    finding.expect(after == GONE, "after it, it answers the 404 of an unknown token", after)
    sent = len(await bench.lab.seen())
    finding.expect(sent == 1, "and sends nothing upstream", f"{sent} requests")
    finding.control = await _called(bench, lasting) == "ok"


async def revocation(bench: Bench, finding: Finding) -> None:
    """LIF-02. Control: a second server of the account, not revoked, goes on serving."""
    grant = await bench.grant()
    other = await bench.grant(grant.tenant, grant.account)
    await bench.lab.answer()
    finding.expect(await _called(bench, grant) == "ok", "before it is revoked a server serves")
    await _done(bench, "DELETE", _path(grant))
    after = await _called(bench, grant)
    finding.expect(after == GONE, "the next request gets the 404 of an unknown token", after)
    sent = len(await bench.lab.seen())
    finding.expect(sent == 1, "and sends nothing upstream", f"{sent} requests")
    finding.control = await _called(bench, other) == "ok"


async def rotation(bench: Bench, finding: Finding) -> None:
    """LIF-03. Control: in the overlap the old token is found to serve."""
    grant = await bench.grant()
    await bench.lab.answer()
    moved = await _rotated(bench, grant, OVERLAP_S)
    both = [await _called(bench, each) for each in (grant, moved)]
    finding.expect(both == ["ok", "ok"], "in the overlap both tokens serve", both)
    await bench.sandbox.step(OVERLAP_S + 1)
    after = [await _called(bench, each) for each in (grant, moved)]
    finding.expect(after == [GONE, "ok"], "after it only the new one", after)
    at_once = await _rotated(bench, moved, 0)
    after = [await _called(bench, each) for each in (moved, at_once)]
    finding.expect(after == [GONE, "ok"], "without an overlap the old one ends at once", after)
    finding.control = both[0] == "ok"


async def _rotated(bench: Bench, grant: Grant, overlap: int) -> Grant:
    answer = await _done(bench, "POST", f"{_path(grant)}/rotate", {"overlap_seconds": overlap})
    token = str(json.loads(answer)["token"])
    return Grant(grant.tenant, grant.account, grant.server, token, grant.credential)


async def suspension(bench: Bench, finding: Finding) -> None:
    """LIF-04. Control: once resumed, the same token serves again."""
    grant = await bench.grant()
    other = await bench.grant()
    await bench.lab.answer()
    for what, path in (("server", _path(grant)), ("tenant", f"/tenant/{grant.tenant}")):
        await _done(bench, "POST", f"{path}/suspend")
        after = await _called(bench, grant)
        finding.expect(after == GONE, f"a suspended {what} gets the 404 of an unknown token", after)
        finding.expect(await _called(bench, other) == "ok", "another tenant goes on")
        await _done(bench, "POST", f"{path}/resume")
    finding.control = await _called(bench, grant) == "ok"


async def kill_switch(bench: Bench, finding: Finding) -> None:
    """LIF-06. Control: once it is on again, the same token serves."""
    mine, other = await bench.grant(), await bench.grant()
    await bench.lab.answer()
    for body, left in (
        ({"scope": "tenant", "name": mine.tenant}, ["switched_off", "ok"]),
        ({"scope": "integration", "name": INTEGRATION}, ["switched_off", "switched_off"]),
        ({"scope": "all"}, ["switched_off", "switched_off"]),
    ):
        switch = await bench.create("/switch", body)
        seen = [await _called(bench, each) for each in (mine, other)]
        finding.expect(seen == left, f"{body['scope']} off: exactly its calls are refused", seen)
        await _done(bench, "DELETE", f"/switch/{switch['id']}")
    sent = len(await bench.lab.seen())
    finding.expect(sent == 1, "only the call of the other tenant went upstream", f"{sent} requests")
    finding.control = [await _called(bench, each) for each in (mine, other)] == ["ok", "ok"]


async def running_calls(bench: Bench, finding: Finding) -> None:
    """LIF-07. Control: a call of a server that nobody ended is still under way."""
    clock = asyncio.get_running_loop().time
    keeps = await bench.grant()
    for how in ("revoked", "suspended", "switched off"):
        grant = await bench.grant()
        await bench.lab.answer(Says(fault={"kind": "delay", "seconds": NEVER_S}))
        call = Message.call(GET, CALLS[GET])
        ended = asyncio.create_task(bench.rpc(grant.address, call))
        lasting = asyncio.create_task(bench.rpc(keeps.address, call))
        await bench.lab.arrival(2)
        began = clock()
        await _end(bench, grant, how)
        outcome = outcome_of(await ended)
        took = clock() - began
        fact = f"{how}: the running call is cancelled within {_CANCEL_S:.0f} s, and says so"
        finding.expect(outcome == "cancelled" and took <= _CANCEL_S, fact, (outcome, took))
        finding.control = not lasting.done()
        lasting.cancel()
        await asyncio.gather(lasting, return_exceptions=True)
    await bench.lab.answer()


async def _end(bench: Bench, grant: Grant, how: str) -> None:
    if how == "switched off":
        body = {"scope": "tenant", "name": grant.tenant}
        await bench.create("/switch", body)
    elif how == "suspended":
        await _done(bench, "POST", f"{_path(grant)}/suspend")
    else:
        await _done(bench, "DELETE", _path(grant))


async def _called(bench: Bench, grant: Grant) -> str:
    return await bench.call(grant, GET, **CALLS[GET])


async def _done(bench: Bench, method: str, path: str, body: Any = None) -> bytes:
    answer = await bench.manage(method, path, body)
    if answer.status >= _ERRORS:
        raise CheckFailed(f"{method} of a step answered {answer.status}")
    return answer.body


def _path(grant: Grant) -> str:
    return f"/integrated-account/{grant.account}/mcp/{grant.server}"


async def leaked(bench: Bench, finding: Finding) -> None:
    """LIF-08. Control: a server whose token nobody reported goes on serving."""
    mine, other = await bench.grant(), await bench.grant()
    await bench.lab.answer()
    body = json.dumps({"text": f"found in a log: {mine.address}"}).encode()
    nothing = json.dumps({"text": "found in a log: nothing"}).encode()
    json_type = (("Content-Type", "application/json"),)
    answers = [await bench.send("POST", "/leaked", json_type, each) for each in (body, nothing)]
    same = len({(each.status, each.body) for each in answers}) == 1
    finding.expect(same, "the answer is the same with and without a live token")
    after = await _called(bench, mine)
    finding.expect(after == GONE, "the reported token is refused from the next request on", after)
    finding.expect(not await bench.lab.seen(), "and sends nothing upstream")
    events = await bench.manage("GET", f"/event?tenant={mine.tenant}")
    finding.expect(b"server.leaked" in events.body, "the tenant's events tell of it")
    finding.control = await _called(bench, other) == "ok"
