"""Checks of upstream accounts by OAuth: how they are connected, for what, and how they live on."""

import asyncio
import base64
import hashlib
from typing import Final

from mcpassport.evidence.authorizing import (
    ALWAYS,
    OK,
    READ,
    TTL_S,
    WRITE,
    Authorizing,
    arrive,
    called,
    depart,
)
from mcpassport.evidence.bench import Bench, Grant, document_of
from mcpassport.evidence.finding import Finding
from mcpassport.evidence.probe import CALLS, GET
from mcpassport.evidence.upstream import Says

AT_ONCE: Final = 12
GONE: Final = 404
UNAVAILABLE: Final = 503
AGAIN: Final = "reauthorization_required"
LATER: Final = "credential_refresh_failed"


async def single_use(bench: Bench, finding: Finding) -> None:
    """CRE-14. Control: the browser that began, with its own state, does connect."""
    provider, tenant = Authorizing(bench), await bench.tenant()
    await provider.prepare()
    made, other = await provider.link(tenant), await provider.link(await bench.tenant())
    hers, his = await depart(bench, made), await depart(bench, other)
    await bench.lab.answer(provider.grants(), Says())
    forged = {
        "an unknown state": (hers.cookie, hers.back(state="made-up")),
        "a state of another browser": (hers.cookie, his.back()),
        "another browser": (his.cookie, hers.back()),
        "no cookie": ("a=b", hers.back()),
    }
    for what, (cookie, address) in forged.items():
        status = (await arrive(bench, cookie, address)).status
        finding.expect(status == GONE, f"{what}: HTTP 404", status)
    tried = provider.asked(await bench.lab.seen())
    finding.expect(not tried, "their codes are not exchanged", len(tried))
    address = hers.back(code="the-code")
    came = (await arrive(bench, hers.cookie, address)).status
    (form,) = provider.asked(await bench.lab.seen()) or [{}]
    digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    sent = form.get("code") == "the-code" and challenge == hers.query["code_challenge"]
    finding.expect(sent, "the code is exchanged with the verifier of its challenge (S256)")
    again = (await arrive(bench, hers.cookie, address)).status
    finding.expect(again == GONE, "the same state again: HTTP 404", again)
    used = (await bench.send("GET", made["path"])).status
    finding.expect(used == GONE, "the same link again: HTTP 404", used)
    grant = await bench.grant(tenant, made["account"])
    finding.control = came == OK and await _called(provider, grant) == "ok"


async def least_scopes(bench: Bench, finding: Finding) -> None:
    """CRE-07. Control: a link for every method asks for more."""
    provider, tenant = Authorizing(bench), await bench.tenant()
    await provider.prepare()
    reading = await provider.link(tenant, methods=["read"])
    whole = await provider.link(tenant)
    gone = await depart(bench, reading)
    wanted = gone.query["scope"].split()
    finding.expect(wanted == [ALWAYS, READ], "asked for reading: what reading needs", wanted)
    await bench.lab.answer(provider.grants(scope=f"{ALWAYS} {WRITE}"), Says())
    await arrive(bench, gone.cookie, gone.back())
    path = f"/integrated-account/{reading['account']}"
    shown = document_of(await bench.manage("GET", path))["oauth"]
    both = shown["requested_scopes"], shown["granted_scopes"]
    finding.expect(
        both == ([ALWAYS, READ], [ALWAYS, WRITE]),
        "what was asked for and what was granted are shown beside each other",
        both,
    )
    server = (await bench.grant(tenant, reading["account"], methods=["read"])).server
    surface = document_of(await bench.manage("GET", f"{path}/mcp/{server}/tools"))
    beyond = surface["needed_scopes"], surface["excess_scopes"]
    fact = "of a server: what its tools need, and what was granted beyond it"
    finding.expect(beyond == ([ALWAYS, READ], [WRITE]), fact, beyond)
    finding.control = WRITE in (await depart(bench, whole)).query["scope"].split()


async def renewed(bench: Bench, finding: Finding) -> None:
    """CRE-15. Control: the token before is sent as long as it holds."""
    provider = Authorizing(bench)
    await provider.prepare()
    grant = await provider.connected()
    first, before = await _called(provider, grant), await _tokens(bench)
    finding.control = first == "ok" and before == {f"Bearer {provider.access}"}
    await bench.lab.answer(provider.grants(), Says())
    await bench.sandbox.step(TTL_S + 1)
    came = await asyncio.gather(*(_called(provider, grant) for _ in range(AT_ONCE)))
    finding.expect(set(came) == {"ok"}, f"{AT_ONCE} calls at once, all answered", came)
    count = provider.renewals(await bench.lab.seen())
    finding.expect(count == 1, "by one token request", count)
    new = await _tokens(bench)
    finding.expect(new == {f"Bearer {provider.access}"}, "and with the new token", new)
    await _of_the_moment(provider, grant, finding)
    await _unknown_end(provider, grant, finding)


async def _of_the_moment(provider: Authorizing, grant: Grant, finding: Finding) -> None:
    bench = provider.bench
    await bench.lab.answer(provider.refuses(UNAVAILABLE), Says())
    await bench.sandbox.step(TTL_S + 1)
    came = await _called(provider, grant)
    finding.expect(came == LATER, "a provider that cannot now: an error, safe to retry", came)
    await bench.lab.answer(provider.grants(), Says())
    tried = [await _called(provider, grant) for _ in range(3)]
    # The first may have waited for a renewal that the job began before.
    finding.expect(tried[-1] == "ok" and {*tried} <= {"ok", LATER}, "and calls go on", tried)


async def _unknown_end(provider: Authorizing, grant: Grant, finding: Finding) -> None:
    bench = provider.bench
    await bench.lab.answer(provider.grants(fault="close"), Says())
    await bench.sandbox.step(TTL_S + 1)
    came = [await _called(provider, grant) for _ in range(4)]
    settled = came[-1] == AGAIN and {*came} <= {LATER, AGAIN}
    finding.expect(settled, "a provider that hangs up: to be connected again", came)
    seen = await bench.lab.seen()
    tried = provider.renewals(seen), len(called(seen))
    finding.expect(tried == (2, 0), "after one more try, and no call to the API", tried)
    shown = document_of(await bench.manage("GET", f"/integrated-account/{grant.account}"))
    state = shown["status"], shown["reason"]
    finding.expect(state == ("needs_reauth", "lost_rotation"), "and the account says why", state)


async def _called(provider: Authorizing, grant: Grant) -> str:
    return await provider.bench.call(grant, provider.tool(GET), **CALLS[GET])


async def _tokens(bench: Bench) -> set[str]:
    """What calls of the API were authorized with."""
    return {each.header("Authorization") for each in called(await bench.lab.seen())}
