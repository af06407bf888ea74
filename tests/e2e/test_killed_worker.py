"""A worker that is killed under load: nothing untold, nothing twice, and the service comes back."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.support.lab import Lab, rule, running_lab
from tests.support.serving import Served, served, until

from mcpassport.audit.processes import LEASE_S, REAPER_PERIOD_S
from mcpassport.records.audit import AuditRow

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("killed")]

CALLERS = 16
KILLS = 2
REAPED_S = LEASE_S + 5 * REAPER_PERIOD_S
BACK_S = 20


@pytest.fixture
def lab() -> Iterator[Lab]:
    """An upstream that takes a while, so that calls are under way when the worker dies."""
    with running_lab() as running:
        slow = {"kind": "delay", "seconds": 0.05}
        running.answers(rule("/*", json={"id": "1"}, fault=slow))
        yield running


async def under_fire(house: Served) -> dict[str, dict[str, Any] | None]:
    """Call without pause while workers die; what each call was answered."""
    answers: dict[str, dict[str, Any] | None] = {}
    numbers, stop = count(), asyncio.Event()

    async def caller(session: aiohttp.ClientSession) -> None:
        while not stop.is_set():
            name = f"call-{next(numbers)}"
            answers[name] = await house.call(session, name)
            if answers[name] is None:
                await asyncio.sleep(0.02)

    timeout = aiohttp.ClientTimeout(total=10)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        callers = [asyncio.create_task(caller(session)) for _ in range(CALLERS)]
        first = set(house.workers())
        for _ in range(KILLS):
            served_before = len(answers)
            await until(lambda n=served_before: len(answers) > n + 200, BACK_S, "calls go through")
            workers = set(house.workers())
            # One worker may have all the connections: each of the first ones has its turn.
            killed = min(first & workers or workers)
            house.kill(killed)
            await until(
                lambda w=workers: len(set(house.workers()) - w) == 1, BACK_S, "a new worker"
            )
            good = sum(answer is not None for answer in answers.values())
            await until(
                lambda n=good: sum(a is not None for a in answers.values()) > n + 50,
                BACK_S,
                "calls are answered again",
            )
        stop.set()
        await asyncio.gather(*callers)
    return answers


def by_call(rows: list[AuditRow], phase: str) -> Counter[str]:
    """How many rows of that phase each call has."""
    return Counter(row.client_name for row in rows if row.phase == phase)


@pytest.mark.parametrize("workers", [pytest.param(1, marks=pytest.mark.slow), 2])
async def test_a_killed_worker_leaves_nothing_untold(
    tmp_path: Path, lab: Lab, workers: int
) -> None:
    """Each answer has its outcome, each upstream request its intent, each intent one outcome."""
    async with served(tmp_path, lab, {"workers": workers}, {}) as house:
        await until(lambda: len(house.workers()) == workers, BACK_S, "the workers")
        answers = await under_fire(house)
        await until(lambda: house.open_intents() == 0, REAPED_S, "no intent is open")
        rows = [row for row in await house.rows() if row.rpc_method == "tools/call"]
    intents, outcomes = by_call(rows, "intent"), by_call(rows, "outcome")
    answered = {name for name, answer in answers.items() if answer is not None}
    sent = {seen.target.rpartition("/")[2] for seen in lab.requests()}
    assert answered <= set(outcomes)
    assert sent <= set(intents)
    assert set(intents.values()) == set(outcomes.values()) == {1}
    assert set(intents) == set(outcomes)
    unknown = {row.client_name for row in rows if row.outcome == "unknown"}
    assert not unknown & answered
    assert unknown, "the workers were killed while calls were under way"
    assert all("isError" not in answer["result"] for answer in answers.values() if answer)
