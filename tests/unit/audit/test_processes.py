"""Leases of processes, and who closes what a dead one left open."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
from tests.support.calling import caller, fingerprint_key
from tests.support.stores import BACKENDS, SteppingClock

from mcpassport.audit.entry import Answered, Asked, Entry
from mcpassport.audit.log import AuditLog
from mcpassport.audit.processes import BEAT_S, LEASE_S, Heartbeat, Reaper
from mcpassport.errors import StoreUnavailable
from mcpassport.records.audit import AuditRow
from mcpassport.store.protocol import PROCESS_LEASE, AuditStore, Store

ASKED = Asked(rpc_method="tools/call", tool="get")
OK = Answered(outcome="ok", http_status=200)


class Process(NamedTuple):
    """What one serving process has."""

    store: Store
    audit: AuditStore
    log: AuditLog
    heartbeat: Heartbeat
    reaper: Reaper

    async def entry(self) -> Entry:
        """A call whose intent is written."""
        entry = self.log.open()
        entry.admitted(caller())
        await entry.intent(ASKED, {})
        return entry

    async def written(self) -> list[AuditRow]:
        """The rows of the tenant."""
        rows = await self.audit.rows("acme")
        return [msgspec.json.decode(row.body, type=AuditRow) for row in rows]


@pytest.fixture
def clock() -> SteppingClock:
    return SteppingClock()


@pytest.fixture
async def processes(tmp_path: Path, clock: SteppingClock) -> AsyncIterator[list[Process]]:
    """Two processes over the same files, each holding its lease."""
    numbers = count(1)

    def random(size: int) -> bytes:
        return next(numbers).to_bytes(size, "big")

    made: list[Process] = []
    for _ in range(2):
        store = BACKENDS["sqlite"].open_store(tmp_path, clock)
        audit = BACKENDS["sqlite"].open_audit(tmp_path)
        log = AuditLog(
            store=store, audit=audit, clock=clock, random=random, fingerprint_key=fingerprint_key
        )
        await log.start()
        heartbeat = Heartbeat(store, log.process)
        await heartbeat.start()
        made.append(Process(store, audit, log, heartbeat, Reaper(store, audit, log, clock)))
    yield made
    for process in made:
        await process.heartbeat.close()
        await process.log.close()
        await process.audit.close()
        await process.store.close()


async def test_an_intent_names_its_process(processes: list[Process]) -> None:
    """Each process has a name of its own, which its intents carry."""
    one, other = processes
    await one.entry()
    await other.entry()
    named = [row.process for row in await one.written()]
    assert named == [one.log.process, other.log.process]
    assert len(set(named)) == 2


async def test_what_a_living_process_left_open_is_not_touched(processes: list[Process]) -> None:
    """While the lease holds, neither the process itself nor another one closes its intents."""
    one, other = processes
    entry = await one.entry()
    assert [await process.reaper.reap() for process in processes] == [0, 0]
    await entry.outcome(OK)
    assert [row.outcome for row in await other.written()] == ["", "ok"]


async def test_what_a_dead_process_left_open_is_closed_once(
    processes: list[Process], clock: SteppingClock
) -> None:
    """After the lease lapsed the intent gets one outcome, `unknown`, however often is reaped."""
    one, other = processes
    await one.entry()
    clock.step(LEASE_S + 1)
    await other.heartbeat.start()
    assert [await other.reaper.reap() for _ in range(3)] == [1, 0, 0]
    intent, outcome = await other.written()
    assert (outcome.phase, outcome.outcome) == ("outcome", "unknown")
    assert outcome.request_id == intent.request_id
    assert (outcome.http_status, outcome.duration_ms, outcome.decision) == (None, None, "")
    assert outcome.process == one.log.process


async def test_a_process_that_wakes_up_does_not_close_again(
    processes: list[Process], clock: SteppingClock
) -> None:
    """An outcome that comes after the reaper's is not a second one, and the process lives on."""
    one, other = processes
    entry = await one.entry()
    clock.step(LEASE_S + 1)
    assert await other.reaper.reap() == 1
    await entry.outcome(OK)
    assert [row.outcome for row in await other.written()] == ["", "unknown"]
    assert await one.store.lease(PROCESS_LEASE + one.log.process, LEASE_S) is not None
    entry = await one.entry()
    assert await other.reaper.reap() == 0
    await entry.outcome(OK)
    assert [row.outcome for row in await other.written()] == ["", "unknown", "", "ok"]


async def test_the_lease_is_renewed_in_time(processes: list[Process]) -> None:
    """Two beats may fail before the lease lapses."""
    assert processes
    assert 3 * BEAT_S < LEASE_S


async def test_a_heartbeat_survives_a_store_that_is_gone(tmp_path: Path) -> None:
    """Beats go on failing without ending, and the first one must succeed."""
    clock: Callable[[], datetime] = SteppingClock()
    store = BACKENDS["sqlite"].open_store(tmp_path, clock)
    beats = count()

    class EnoughError(Exception):
        """Ends the test."""

    async def sleep(_: float) -> None:
        number = next(beats)
        if number == 1:
            await store.close()
        if number > 4:
            raise EnoughError

    heartbeat = Heartbeat(store, "p", sleep=sleep)
    await heartbeat.start()
    assert heartbeat._task is not None
    with pytest.raises(EnoughError):
        await heartbeat._task
    with pytest.raises(StoreUnavailable):
        await Heartbeat(store, "p").start()


async def test_leases_of_dead_processes_are_forgotten(
    processes: list[Process], clock: SteppingClock
) -> None:
    """The purge removes lapsed leases of processes and no other lease."""
    one, other = processes
    assert await one.store.lease("job:x", 1) == 1
    clock.step(LEASE_S + 1)
    await other.heartbeat.start()
    await other.store.purge(clock().astimezone(UTC))
    assert await other.store.lease("job:x", 1) == 2, "the fence of a job goes on growing"
    assert await one.store.lease(PROCESS_LEASE + other.log.process, 1) is None
    assert await one.store.lease(PROCESS_LEASE + one.log.process, 1) == 1
