"""Check of Tenancy: no request leans on an earlier one."""

from typing import Final

from mcpassport.evidence.bench import Bench, Message, document_of
from mcpassport.evidence.finding import Finding
from mcpassport.evidence.probe import CALLS, GET
from mcpassport.records.calls import OutboundResponse

SESSION: Final = "mcp-session-id"
GONE: Final = 404
_HELLO: Final = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "evidence", "version": "1"},
}
_MESSAGES: Final = (
    Message("initialize", _HELLO),
    Message("tools/list", {}),
    Message.call(GET, CALLS[GET]),
    Message("server/discover", {}, "modern"),
    Message("tools/list", {}, "modern"),
    Message.call(GET, CALLS[GET], "modern"),
)


async def no_session(bench: Bench, finding: Finding) -> None:
    """TEN-06. Control: a planted cookie and session header are found by the same search."""
    grant = await bench.grant()
    await bench.lab.answer()
    answers = [
        await bench.rpc(grant.address, message, *headers)
        for message in _MESSAGES
        for headers in ((), ((SESSION, "made-up"),))
    ]
    kept = [name for each in answers for name in _kept(each)]
    finding.expect(not kept, f"{len(answers)} answers issue no session and set no cookie", kept)
    cached = [each.header("cache-control") for each in answers]
    finding.expect(set(cached) == {"no-store"}, "each says no-store", cached)
    modern = [document_of(each).get("result", {}) for each in answers[len(answers) // 2 :]]
    scopes = {each.get("cacheScope") for each in modern if each.get("tools")}
    finding.expect(scopes == {"private"}, "lists of 2026-07-28 say private", scopes)
    path = f"/integrated-account/{grant.account}/mcp/{grant.server}"
    await bench.manage("DELETE", path)
    after = await bench.rpc(grant.address, Message("tools/list", {}), (SESSION, "made-up"))
    finding.expect(after.status == GONE, "once it is revoked, nothing goes on", after.status)
    planted = OutboundResponse(
        status=200, headers=((SESSION, "1"), ("set-cookie", "a=b")), body=b""
    )
    finding.control = len(_kept(planted)) == 2  # noqa: PLR2004


def _kept(answer: OutboundResponse) -> list[str]:
    return [name for name, _ in answer.headers if name in {SESSION, "set-cookie"}]
