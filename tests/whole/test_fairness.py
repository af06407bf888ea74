"""One tenant floods a slow upstream with far more calls than there are places; others are served.

Nothing here is timed: the slow upstream answers nobody while the test runs.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.support.calling import legacy, legacy_headers
from tests.support.items import GET
from tests.support.lab import Lab, rule, running_lab
from tests.support.serving import until
from tests.support.whole import LIMITS, World, world

from mcpassport.limits import Limits, in_force

ENDLESS = {"kind": "delay", "seconds": 600}
SERVERS = 4
FLOOD = 200
CALLS = 30
TOGETHER = 3
"""What the flood leaves for one other tenant at once."""
PLACES = {"in_flight_server": 8, "in_flight_tenant": 20, "in_flight_host": 24}


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Answers ids that begin with `slow` never, and all others at once."""
    with running_lab() as running:
        running.answers(
            rule("/v1/items/slow*", json={"id": "1"}, fault=ENDLESS), rule("/*", json={"id": "1"})
        )
        yield running


@asynccontextmanager
async def flooded(tmp_path: Path, lab: Lab, limits: Limits) -> AsyncIterator[World]:
    """Acme calls the slow half through several servers, until all it can get is under way."""
    lab.forget()
    async with world(tmp_path, lab, limits=limits) as app:
        servers = [await app.house.server(app.accounts["acme"]) for _ in range(SERVERS)]
        tokens = [server["token"] for server in servers]
        flood = [
            asyncio.create_task(call(app, tokens[number % SERVERS], f"slow-{number}"))
            for number in range(FLOOD)
        ]
        try:
            allowed = min(limits.in_flight_tenant, 3 * limits.in_flight_host // 4)
            refused = await answered(flood, FLOOD - allowed)
            assert set(refused) == {"gateway_rate_limited"}
            await until(lambda: len(lab.requests()) == allowed, 60, "they are at the upstream")
            yield app
            assert len(lab.requests()) == allowed + CALLS
            assert sum(not task.done() for task in flood) == allowed, "nobody was served meanwhile"
        finally:
            for task in flood:
                task.cancel()
            await asyncio.wait(flood)


async def call(app: World, token: str, item: str) -> str:
    """One call; the type of its failure, or `ok`."""
    body = legacy("tools/call", {"name": GET, "arguments": {"id": item}})
    answer = await app.house.mcp(f"/mcp/{token}", body, legacy_headers())
    result = answer.json()["result"]
    return str(result["_meta"]["mcpassport/error"]["type"]) if "isError" in result else "ok"


async def answered(calls: list[asyncio.Task[str]], number: int) -> list[str]:
    """What so many of them were answered, once they were."""
    pending = set(calls)
    while len(calls) - len(pending) < number:
        _, pending = await asyncio.wait(pending, timeout=60, return_when="FIRST_COMPLETED")
    return [task.result() for task in calls if task.done()]


@pytest.mark.parametrize(
    "places",
    [
        # The tenant's cap is what holds it back.
        PLACES,
        # Caps that an operator raised beyond the host's places: the share holds it back.
        {**PLACES, "in_flight_server": 512, "in_flight_tenant": 512},
        {**PLACES, "in_flight_server": 512, "in_flight_tenant": 512, "in_flight_process": 24},
    ],
    ids=["by its cap", "by its share of the host", "by its share of the process"],
)
async def test_a_flood_keeps_nobody_out(places: dict[str, int], tmp_path: Path, lab: Lab) -> None:
    """Every call of another tenant is served, to the same upstream host, and in its order."""
    limits = in_force(LIMITS, places, {"place_wait_ms": 200})
    async with flooded(tmp_path, lab, limits) as app:
        token, order = app.servers["globex"]["token"], list[int]()

        async def numbered(number: int) -> None:
            assert await call(app, token, f"quick-{number}") == "ok"
            order.append(number)

        for number in range(CALLS - TOGETHER):
            await numbered(number)
        await asyncio.gather(*(numbered(number) for number in range(CALLS - TOGETHER, CALLS)))
        assert order[: CALLS - TOGETHER] == list(range(CALLS - TOGETHER))
        assert sorted(order) == list(range(CALLS))


async def test_a_flood_on_one_server_leaves_the_tenants_others(tmp_path: Path, lab: Lab) -> None:
    """A server that takes its places, and waits for more, does not use up its tenant's."""
    limits = in_force(LIMITS, PLACES, {"place_wait_ms": 200})
    lab.forget()
    async with world(tmp_path, lab, limits=limits) as app:
        other = (await app.house.server(app.accounts["acme"]))["token"]
        flood = [
            asyncio.create_task(call(app, app.servers["acme"]["token"], f"slow-{number}"))
            for number in range(50)
        ]
        try:
            await answered(flood, 50 - PLACES["in_flight_server"])
            assert [await call(app, other, "quick") for _ in range(5)] == ["ok"] * 5
        finally:
            for task in flood:
                task.cancel()
            await asyncio.wait(flood)
