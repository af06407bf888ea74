"""Checks of Rate limits & errors: one call, one upstream request; one key, one object."""

from typing import Final

from mcpassport.evidence.bench import Bench, Grant, Message, document_of
from mcpassport.evidence.finding import Finding
from mcpassport.evidence.probe import CALLS, CREATE, GET
from mcpassport.evidence.upstream import Says

DAY_S: Final = 86_400
MARGIN_S: Final = 600
"""What the rest of the check may take."""
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


async def made_once(bench: Bench, finding: Finding) -> None:
    """LIM-05. Control: without the key, the same request is found to make a second object."""
    account = (await bench.grant()).account
    path, body = f"/integrated-account/{account}/mcp", {"name": "once", "config": {}}

    async def posted(key: str = "", name: str = "once") -> str:
        more = (("Idempotency-Key", key),) if key else ()
        answer = await bench.manage("POST", path, {**body, "name": name}, more=more)
        return str(document_of(answer).get("id", f"HTTP {answer.status}"))

    async def count() -> int:
        return len(document_of(await bench.manage("GET", f"{path}?limit=50"))["result"])

    started = await count()
    first, again = await posted("first"), await posted("first")
    finding.expect(first == again, "the same key again: the same object", (first, again))
    made = await count() - started
    finding.expect(made == 1, "one object was made", made)
    refused = await posted("first", "another name")
    finding.expect(refused == "HTTP 409", "another request under that key is refused", refused)
    await bench.sandbox.step(DAY_S - MARGIN_S)
    late = await posted("first")
    finding.expect(late == first, "just within 24 hours: still the same object", late)
    control = await posted() != await posted()
    finding.control = control and await count() - started == 1 + 2
    grant = await bench.grant()
    await bench.lab.answer()
    for _ in range(2):
        await bench.rpc(
            grant.address, Message.call(CREATE, CALLS[CREATE]), ("Idempotency-Key", "first")
        )
    sent = len(await bench.lab.seen())
    finding.expect(sent == 2, "two tool calls with one key: two upstream requests", sent)  # noqa: PLR2004
