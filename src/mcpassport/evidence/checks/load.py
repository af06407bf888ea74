"""Checks of limits: how much at once, how large, and that one tenant does not keep another out."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from mcpassport.errors import McpassportError
from mcpassport.evidence.bench import NEVER_S, Bench, Grant, Message, outcome_of
from mcpassport.evidence.finding import CheckFailed, Finding
from mcpassport.evidence.probe import GET
from mcpassport.evidence.upstream import LOOK_S, Says

LIMITED: Final = "gateway_rate_limited"
HELD: Final = "held"
PING: Final = Message("ping", {})
SMALL: Final = {"in_flight_tenant": 6, "in_flight_server": 4}
REFILL_S: Final = 10
GIVEN_UP_S: Final = 30


async def calls_at_once(bench: Bench, finding: Finding) -> None:
    """LIM-02. Control: two servers together are found to start more than one may."""
    grant, other = await bench.grant(), await bench.grant()
    limits = bench.sandbox.ready.limits
    most, started = limits["calls_per_10s"], asyncio.get_running_loop().time()
    counts = await _burst(bench, most + most // 2, grant)
    refilled = 1 + int((asyncio.get_running_loop().time() - started) * most / REFILL_S)
    allowed = counts["ok"] <= most + refilled
    finding.expect(allowed, f"{most} requests at once, and no more but what refilled", counts)
    finding.expect(counts["ok"] >= most, f"{most} requests are admitted", counts)
    finding.expect(counts[LIMITED] > 0, f"the rest is refused as {LIMITED}", counts)
    places = limits["in_flight_server"]
    async with _holding(bench, *[other] * places):
        refused = await bench.call(other, GET, id="one-more")
        finding.expect(
            refused == LIMITED, f"{places} calls in flight: one more is refused", refused
        )
    both = await _burst(bench, 2 * most, await bench.grant(), await bench.grant())
    finding.control = both["ok"] > most + refilled


async def tenants_share(bench: Bench, finding: Finding) -> None:
    """LIM-06. Control: another call of the tenant that floods is found refused."""
    tenant = await bench.tenant()
    await bench.manage("PATCH", f"/tenant/{tenant}", {"limits": SMALL})
    first = await bench.grant(tenant)
    second, third = [await bench.grant(tenant, first.account) for _ in range(2)]
    other = await bench.grant()
    held = [first] * SMALL["in_flight_server"]
    held += [second] * (SMALL["in_flight_tenant"] - len(held))
    async with _holding(bench, *held):
        flood = await asyncio.gather(*(bench.call(third, GET, id="more") for _ in range(20)))
        finding.expect(set(flood) == {LIMITED}, "a tenant with all its places gets no more", flood)
        served = [await bench.call(other, GET, id=f"r{number}") for number in range(10)]
        fact = "10 calls of another tenant to the same upstream host are served meanwhile"
        finding.expect(set(served) == {"ok"}, fact, served)
        finding.control = await bench.call(second, GET, id="more") == LIMITED
    after = await bench.call(third, GET, id="after")
    finding.expect(after == "ok", "when the flood is over, its own calls are served too", after)


async def sizes(bench: Bench, finding: Finding) -> None:
    """LIM-07. Control: the same messages, just within the limits, are found accepted."""
    grant, limits = await bench.grant(), bench.sandbox.ready.limits
    await bench.lab.answer()
    body, depth, batch = (
        limits[name] for name in ("request_body_bytes", "json_depth", "batch_length")
    )
    over = {
        "request_too_large": await _posted(bench, grant, _padded(body + 1)),
        "invalid_request": await _posted(bench, grant, _nested(depth + 1)),
        "invalid_request of a batch": await _posted(bench, grant, _batch(batch + 1), modern=False),
    }
    for kind, outcome in over.items():
        expected = kind.partition(" ")[0]
        finding.expect(outcome == expected, f"one over the limit: {kind}", outcome)
    finding.expect(not await bench.lab.seen(), "0 upstream requests")
    within = [
        await _posted(bench, grant, _padded(body)),
        await _posted(bench, grant, _nested(depth)),
        await _posted(bench, grant, _batch(batch), modern=False),
    ]
    finding.control = not set(within) & {"request_too_large", "invalid_request"}


async def large_answers(bench: Bench, finding: Finding) -> None:
    """LIM-04. Control: an answer that is not too large is found whole."""
    grant, most = await bench.grant(), bench.sandbox.ready.limits["upstream_body_bytes"]
    await bench.lab.answer(Says(body=b'"' + b"x" * (most - 1) + b'"'))
    outcome = await bench.call(grant, GET, id="large")
    finding.expect(
        outcome == "response_too_large", f"a body of {most + 1} bytes is refused", outcome
    )
    finding.expect(len(await bench.lab.seen()) == 1, "and not asked for again")
    text = "x" * 10_000
    await bench.lab.answer(Says(body=f'{{"id":"{text}"}}'.encode()))
    answer = await bench.rpc(grant.address, Message.call(GET, {"id": "whole"}))
    finding.control = outcome_of(answer) == "ok" and text.encode() in answer.body


async def _burst(bench: Bench, number: int, *grants: Grant) -> Counter[str]:
    """So many pings at once, spread over the servers: how often each outcome came."""
    calls = (bench.rpc(grants[n % len(grants)].address, PING) for n in range(number))
    return Counter(outcome_of(answer) for answer in await asyncio.gather(*calls))


@asynccontextmanager
async def _holding(bench: Bench, *grants: Grant) -> AsyncIterator[None]:
    """Calls that the upstream has and does not answer, one through each of the servers."""
    never: dict[str, Any] = {"kind": "delay", "seconds": NEVER_S}
    await bench.lab.answer(Says(path=f"/records/{HELD}", fault=never), Says())
    held = Message.call(GET, {"id": HELD}, "modern")  # whose caller cancels by leaving
    tasks = [asyncio.create_task(bench.rpc(grant.address, held)) for grant in grants]
    try:
        await bench.lab.arrival(len(tasks))
        yield
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        await _given_up(bench)
    if early := [each for each in ended if not isinstance(each, asyncio.CancelledError)]:
        raise CheckFailed(f"{len(early)} held calls ended early")


async def _given_up(bench: Bench) -> None:
    """Wait until the product has closed every request that nobody waits for."""
    async with asyncio.timeout(GIVEN_UP_S):
        while "open" in await bench.lab.endings():  # noqa: ASYNC110 - another process is asked
            await asyncio.sleep(LOOK_S)


async def _posted(bench: Bench, grant: Grant, body: bytes, *, modern: bool = True) -> str:
    revision = (("MCP-Protocol-Version", "2025-06-18"),) if modern else ()
    headers = (("Content-Type", "application/json"), ("Accept", "application/json"), *revision)
    try:
        return outcome_of(await bench.send("POST", grant.address, headers, body))
    except McpassportError as error:
        raise CheckFailed(f"a body of {len(body)} bytes: {type(error).__name__}") from None


def _padded(size: int) -> bytes:
    return PING.body + b" " * (size - len(PING.body))


def _nested(depth: int) -> bytes:
    """A message whose arguments are nested so deep that it is `depth` levels in all."""
    around = 3  # the message, its params, the arguments
    body = Message.call(GET, {"id": "r1", "deep": "HERE"}).body
    return body.replace(b'"HERE"', b"[" * (depth - around) + b"]" * (depth - around))


def _batch(length: int) -> bytes:
    return b"[" + b",".join([PING.body] * length) + b"]"
