"""Checks of Rate limits & errors: one call, one upstream request, whatever came of it."""

from mcpassport.evidence.bench import Bench, Finding

TOOL = "get_single_evidenceprobe_record_by_id"
STATUSES = (200, 302, 404, 429, 500, 503)


async def one_request(bench: Bench, finding: Finding) -> None:
    """LIM-03. Control: a second request beside the call is counted."""
    grant = await bench.grant()
    for status in STATUSES:
        await bench.lab.answer("/records*", status, id="r1")
        await bench.lab.forget()
        await bench.call(grant.token, TOOL, id="r1")
        count = len(await bench.lab.seen())
        finding.expect(count == 1, f"upstream status {status}: 1 upstream request")
    await bench.lab.forget()
    await bench.call(grant.token, TOOL)
    finding.expect(not await bench.lab.seen(), "arguments refused: 0 upstream requests")
    await bench.lab.answer("/records*", id="r1")
    await bench.call(grant.token, TOOL, id="r1")
    await bench.lab.reach("/records/beside")
    finding.control = len(await bench.lab.seen()) == 1 + 1
