"""Check of OAuth 2.1: whose access token opens a server, and what it reaches."""

import json
import re
from typing import Any, Final

from mcpassport.evidence.bench import Bench, Grant, Message, document_of, outcome_of
from mcpassport.evidence.finding import Finding
from mcpassport.evidence.issuer import Provider, bearer
from mcpassport.evidence.probe import CALLS, CREATE, GET, LIST, LIST_NOTES, TOOLS
from mcpassport.records.calls import OutboundResponse

REQUIRED: Final = "access_token_required"
BEYOND: Final = "insufficient_scope"
READ: Final = "evidence:read"
WRITE: Final = "evidence:write"
READING: Final = {LIST, GET, LIST_NOTES}
UNAUTHORIZED: Final = 401
FORBIDDEN: Final = 403
NOT_FOUND: Final = 404
_MEMBER: Final = re.compile(r'(\w+)="([^"]*)"')


async def resource_server(bench: Bench, finding: Finding) -> None:
    """AUT-07. Control: a token with both scopes is found to reach every tool."""
    provider = Provider(bench.lab.origin, "")
    allowed = {"issuer": provider.issuer, "read_scope": READ, "write_scope": WRITE}
    config: dict[str, Any] = {"oauth": {**allowed, "required_claims": {"role": ["it"]}}}
    grant, plain = await bench.grant(**config), await bench.grant()
    other = await bench.grant(grant.tenant, grant.account, **config)
    await bench.lab.answer(*provider.says())
    provider.audience = await _found(bench, grant, finding, provider.issuer)
    for flaw, token in provider.bad().items():
        came = await _asked(bench, grant, token)
        refused = (came.status, outcome_of(came)) == (UNAUTHORIZED, REQUIRED)
        finding.expect(refused, f"{flaw}: HTTP 401", (came.status, outcome_of(came)))
    both = provider.token("at+jwt", scope=f"{READ} {WRITE}")
    for fact, elsewhere, status in (
        ("a token for another server of the same account: HTTP 401", other, UNAUTHORIZED),
        ("where no access token is allowed: the one HTTP 404", plain, NOT_FOUND),
    ):
        came = await _asked(bench, elsewhere, both)
        finding.expect(came.status == status, fact, came.status)
    reading = provider.token("at+jwt", scope=READ)
    seen = await _listed(bench, grant, reading)
    finding.expect(seen == READING, "with the read scope: only tools that read", seen)
    came = await _asked(bench, grant, reading, Message.call(CREATE, CALLS[CREATE]))
    told = (
        came.status,
        outcome_of(came),
        "insufficient_scope" in _challenge(came).get("error", ""),
    )
    finding.expect(told == (FORBIDDEN, BEYOND, True), "a tool beyond it: HTTP 403", told)
    bare = await _asked(bench, grant, provider.token("at+jwt"))
    finding.expect(bare.status == FORBIDDEN, "without a scope: HTTP 403", bare.status)
    sent = provider.passed(await bench.lab.seen())
    finding.expect(not sent, "refused calls: 0 upstream requests", len(sent))
    made = outcome_of(await _asked(bench, grant, both, Message.call(CREATE, CALLS[CREATE])))
    sent = provider.passed(await bench.lab.seen())
    passed = [each for each in sent if both.encode() in repr(each).encode()]
    finding.expect(not passed, f"{len(sent)} upstream request does not hold the token", passed)
    finding.control = made == "ok" and await _listed(bench, grant, both) == TOOLS


async def _found(bench: Bench, grant: Grant, finding: Finding, issuer: str) -> str:
    """The resource that its metadata names, found as a client finds it."""
    refused = await bench.rpc(grant.header_address, Message("tools/list", {}))
    address = _challenge(refused).get("resource_metadata", "")
    finding.expect(refused.status == UNAUTHORIZED, "without a token: HTTP 401", refused.status)
    path = address.removeprefix(bench.sandbox.ready.public_url)
    described: dict[str, Any] = json.loads((await bench.send("GET", path)).body or b"{}")
    servers = described.get("authorization_servers")
    resource = str(described.get("resource", ""))
    named = servers == [issuer] and resource.endswith(grant.header_address)
    finding.expect(named, "its metadata names the authorization server and itself", described)
    return resource


async def _asked(
    bench: Bench, grant: Grant, token: str, message: Message | None = None
) -> OutboundResponse:
    asked = message or Message("tools/list", {})
    return await bench.rpc(grant.header_address, asked, bearer(token))


async def _listed(bench: Bench, grant: Grant, token: str) -> set[str]:
    answer = document_of(await _asked(bench, grant, token))
    return {tool["name"] for tool in answer.get("result", {}).get("tools", [])}


def _challenge(answer: OutboundResponse) -> dict[str, str]:
    return dict(_MEMBER.findall(answer.header("www-authenticate") or ""))
