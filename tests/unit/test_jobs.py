"""Jobs run under a lease, survive their failures, and stop."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mcpassport.jobs import Job, Jobs
from mcpassport.store import open_store
from mcpassport.store.protocol import Key, Put, Store


class Turns:
    """A sleep that lets the test decide how many turns there are, and a clock that goes with it."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self.more = asyncio.Event()
        self.now = datetime(2026, 3, 1, tzinfo=UTC)

    async def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)
        await self.more.wait()
        self.more.clear()
        self.now += timedelta(seconds=seconds)

    def clock(self) -> datetime:
        return self.now


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path}")
    yield opened
    await opened.close()


async def until_asleep(turns: Turns, times: int) -> None:
    while len(turns.slept) < times:  # noqa: ASYNC110 a count is waited for
        await asyncio.sleep(0.001)


async def test_a_job_runs_at_once_and_again_after_its_period(store: Store) -> None:
    """The first turn comes at start, the next after the period."""
    done: list[int] = []

    async def run() -> int:
        done.append(1)
        return 1

    turns = Turns()
    jobs = Jobs(store, [Job("count", 7.0, run)], sleep=turns, clock=turns.clock)
    await jobs.start()
    await until_asleep(turns, 1)
    turns.more.set()
    await until_asleep(turns, 2)
    await jobs.close()
    assert (len(done), turns.slept) == (2, [7.0, 7.0])


async def test_one_process_at_a_time_does_a_job(tmp_path: Path) -> None:
    """While one holds the lease another does nothing."""
    done: list[str] = []
    stores = [open_store(f"sqlite:///{tmp_path}") for _ in range(2)]
    running: list[Jobs] = []
    for name, opened in zip("ab", stores, strict=True):

        async def run(name: str = name) -> int:
            done.append(name)
            return 1

        turns = Turns()
        jobs = Jobs(opened, [Job("one", 60.0, run)], sleep=turns, clock=turns.clock)
        await jobs.start()
        await until_asleep(turns, 1)
        running.append(jobs)
    assert done == ["a"]
    for jobs, opened in zip(running, stores, strict=True):
        await jobs.close()
        await opened.close()


async def test_a_job_that_was_done_a_while_ago_has_its_turn_when_it_is_due(
    tmp_path: Path,
) -> None:
    """A process that starts within the period waits for its end; whoever died keeps nothing."""
    done: list[str] = []
    first, second = (open_store(f"sqlite:///{tmp_path}") for _ in range(2))

    def counting(name: str) -> Callable[[], Awaitable[int]]:
        async def run() -> int:
            done.append(name)
            return 1

        return run

    turns, later = Turns(), Turns()
    jobs = Jobs(first, [Job("one", 3600.0, counting("a"))], sleep=turns, clock=turns.clock)
    await jobs.start()
    await until_asleep(turns, 1)
    await jobs.close()
    await first.close()  # as a killed process would leave it
    later.now += timedelta(seconds=1000)
    again = Jobs(second, [Job("one", 3600.0, counting("b"))], sleep=later, clock=later.clock)
    await again.start()
    await until_asleep(later, 1)
    assert (done, later.slept) == (["a"], [2600.0])
    later.more.set()
    await until_asleep(later, 2)
    assert (done, later.slept) == (["a", "b"], [2600.0, 3600.0])
    await again.close()
    await second.close()


async def test_a_failing_job_is_tried_again(store: Store) -> None:
    """An exception ends the turn, not the job."""
    calls: list[int] = []

    async def run() -> int:
        calls.append(1)
        raise RuntimeError("no")

    turns = Turns()
    jobs = Jobs(store, [Job("fails", 1.0, run)], sleep=turns, clock=turns.clock)
    await jobs.start()
    await until_asleep(turns, 1)
    turns.more.set()
    await until_asleep(turns, 2)
    await jobs.close()
    assert len(calls) == 2


async def test_the_purge_removes_what_has_expired(store: Store) -> None:
    """Records past their `expires_at` are gone after the purge; others stay."""
    old, new = Key("idempotency", "acme", "old"), Key("idempotency", "acme", "new")
    await store.write([Put(old, b"1", {"expires_at": 10}), Put(new, b"1", {"expires_at": 90})])
    await store.purge(datetime.fromtimestamp(50, UTC))
    found = await store.get_many([old, new])
    assert [entry is not None for entry in found] == [False, True]
