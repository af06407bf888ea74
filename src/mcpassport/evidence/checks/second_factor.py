"""Checks of the API token as a factor, and of what becomes of what the caller shows."""

from typing import Final

from mcpassport.evidence.bench import Bench, Message, factor, outcome_of
from mcpassport.evidence.finding import Finding
from mcpassport.evidence.probe import CALLS, CREATE, GET
from mcpassport.evidence.upstream import Seen

REQUIRED: Final = "second_factor_required"
INVALID: Final = "second_factor_invalid"
FORBIDDEN: Final = 403
ROLES: Final = ("tenant", "auditor")


async def demanded(bench: Bench, finding: Finding) -> None:
    """AUT-02. Control: a live factor token of the tenant is found admitted."""
    grant, other = await bench.grant(require_api_token_auth=True), await bench.grant()
    good = await bench.api_token("factor", grant.tenant)
    ended = await bench.api_token("factor", grant.tenant)
    foreign = await bench.api_token("factor", other.tenant)
    roles = {role: await bench.api_token(role, grant.tenant) for role in ROLES}
    await bench.manage("DELETE", f"/api-token/{ended['id']}?tenant={grant.tenant}")
    shown = {
        "revoked": ended["token"],
        "of another tenant": foreign["token"],
        "of the role admin": bench.sandbox.ready.token,
        **{f"of the role {role}": made["token"] for role, made in roles.items()},
        "changed by a character": good["token"][:-1] + ("0" if good["token"][-1] != "0" else "1"),
        "the server token": grant.token,
    }
    await bench.lab.answer()
    call = Message.call(GET, CALLS[GET])
    bare = await bench.rpc(grant.address, call)
    told = (bare.status, outcome_of(bare))
    finding.expect(told == (FORBIDDEN, REQUIRED), "none: HTTP 403", told)
    for kind, token in shown.items():
        came = await bench.rpc(grant.address, call, factor(token))
        told = (came.status, outcome_of(came))
        finding.expect(told == (FORBIDDEN, INVALID), f"{kind}: HTTP 403", told)
    sent = len(await bench.lab.seen())
    finding.expect(sent == 0, "0 upstream requests", sent)
    finding.control = (
        outcome_of(await bench.rpc(grant.address, call, factor(good["token"]))) == "ok"
    )


async def not_passed_on(bench: Bench, finding: Finding) -> None:
    """AUT-04. Control: the account's own credential is found by the same search."""
    grant = await bench.grant(require_api_token_auth=True)
    token = (await bench.api_token("factor", grant.tenant))["token"]
    cookie, own = bench.canary("cookie"), bench.canary("header")
    more = (("Cookie", f"session={cookie}"), ("X-Custom", own))
    bearer = ("Authorization", f"Bearer {token}")
    ways = (
        (grant.address, (bearer,)),
        (grant.address, (factor(token), ("Authorization", f"Basic {own}"))),
        (grant.header_address, (*grant.by_header, factor(token))),
    )
    await bench.lab.answer()
    outcomes = [
        outcome_of(await bench.rpc(address, Message.call(tool, CALLS[tool], era), *shown, *more))
        for address, shown in ways
        for tool in (GET, CREATE)
        for era in ("legacy", "modern")
    ]
    seen = await bench.lab.seen()
    finding.expect(set(outcomes) == {"ok"}, f"{len(outcomes)} calls, three ways", outcomes)
    carried = {each.header("Authorization") for each in seen}
    expected = {f"Bearer {grant.credential}"}
    finding.expect(carried == expected, "each carries the account's own credential", carried)
    secrets = (token, grant.token, cookie, own)
    passed = [each for each in secrets if any(_holds(request, each) for request in seen)]
    finding.expect(not passed, "and nothing that the caller showed", len(passed))
    finding.control = bool(seen) and all(_holds(each, grant.credential) for each in seen)


def _holds(request: Seen, text: str) -> bool:
    whole = f"{request.method} {request.target} {request.headers}".encode() + request.body
    return text.encode() in whole
