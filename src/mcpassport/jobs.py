"""What runs by itself: a table of jobs, each under a lease, so one process at a time does it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Final, NamedTuple, TypeAlias

import structlog

from mcpassport.accounts.expiring import Expiring
from mcpassport.audit.keeper import Keeper
from mcpassport.audit.log import AuditLog
from mcpassport.audit.processes import REAPER_PERIOD_S, Reaper
from mcpassport.audit.segments import SEGMENTS_PERIOD_S, Segmenter
from mcpassport.gate.retirement import Retirement
from mcpassport.records.sources import Clock, Random
from mcpassport.store.protocol import PLATFORM, AuditStore, Key, Put, Store
from mcpassport.webhooks.delivery import PERIOD_S as WEBHOOKS_PERIOD_S

_log = structlog.get_logger(__name__)

SUCCESS_KIND: Final = "job_success"
"""When a job last succeeded, in any process: seconds since 1970."""

LONGEST_LEASE_S: Final = 600.0
"""How long a turn may take, or two periods; one whose process died in it is taken over then."""
_SYSTEM_CLOCK: Final[Clock] = partial(datetime.now, UTC)
Sleep: TypeAlias = Callable[[float], Awaitable[None]]


class Sources(NamedTuple):
    """Where jobs have time and randomness from."""

    clock: Clock
    random: Random


class Job(NamedTuple):
    """One job: how often it runs, in seconds, and what it does; it says how much it did."""

    name: str
    period_s: float
    run: Callable[[], Awaitable[int]]


class Sweeps(NamedTuple):
    """What owners of records do by themselves; each says how much it did."""

    data_keys: Callable[[], Awaitable[int]]
    refresh: Callable[[], Awaitable[int]]
    webhooks: Callable[[], Awaitable[int]]


def jobs_of(
    store: Store,
    audit: AuditStore,
    log: AuditLog,
    keeper: Keeper,
    sweeps: Sweeps,
    sources: Sources,
) -> tuple[Job, ...]:
    """The table of jobs."""
    clock, random = sources
    reaper, segmenter = Reaper(store, audit, log, clock), Segmenter(audit)
    grants, expiring = Retirement(store, clock, keeper.retention), Expiring(store, clock, random)

    async def purge() -> int:
        return await store.purge(clock())

    return (
        Job("purge", 600.0, purge),
        Job("outbox", 30.0, log.move_outbox),
        Job("reaper", REAPER_PERIOD_S, reaper.reap),
        Job("segments", SEGMENTS_PERIOD_S, segmenter.extend),
        Job("checkpoint", 3600.0, keeper.sign),
        Job("retention", 3600.0, keeper.retire),
        Job("dead-grants", 86_400.0, grants.retire),
        Job("data-keys", 3600.0, sweeps.data_keys),
        Job("refresh", 60.0, sweeps.refresh),
        Job("webhooks", WEBHOOKS_PERIOD_S, sweeps.webhooks),
        Job("expiring", 3600.0, expiring.tell),
    )


def _success_key(name: str) -> Key:
    return Key(SUCCESS_KIND, PLATFORM, name)


def _success(name: str, at: datetime) -> Put:
    return Put(_success_key(name), b"%d" % at.timestamp())


async def last_successes(store: Store, jobs: Sequence[Job]) -> dict[str, int | None]:
    """When each job last succeeded, in seconds since 1970; None: not yet."""
    found = await store.get_many([_success_key(job.name) for job in jobs])
    return {
        job.name: None if entry is None else int(entry.value)
        for job, entry in zip(jobs, found, strict=True)
    }


class Jobs:
    """Runs the table until it is closed. A job that fails is logged by class and tried again.

    Of several processes the one whose turn comes first does it, once in each period.
    """

    def __init__(
        self,
        store: Store,
        jobs: Sequence[Job],
        *,
        sleep: Sleep = asyncio.sleep,
        clock: Clock = _SYSTEM_CLOCK,
    ) -> None:
        self._store = store
        self._clock = clock
        self._jobs = jobs
        self._sleep = sleep
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Start every job; the first turn comes at once, where none came within its period."""
        self._tasks = [
            asyncio.create_task(self._repeat(job), name=f"job-{job.name}") for job in self._jobs
        ]

    async def close(self) -> None:
        """Stop every job and wait until it has."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task
        self._tasks = []

    async def _repeat(self, job: Job) -> None:
        while True:
            await self._sleep(await self._turn(job))

    async def _turn(self, job: Job) -> float:
        """One turn, unless another process did it or is at it; seconds until the next."""
        try:
            age = await self._age(job)
            if 0 <= age < job.period_s:
                return job.period_s - age
            ttl = min(2 * job.period_s, LONGEST_LEASE_S)
            if await self._store.lease(f"job:{job.name}", ttl) is None:
                return min(job.period_s, ttl)
            try:
                if 0 <= await self._age(job) < job.period_s:  # it was done just now
                    return job.period_s
                await job.run()
                await self._store.write([_success(job.name, self._clock())])
            finally:
                # Whoever dies between two turns keeps nobody waiting.
                await self._store.lease(f"job:{job.name}", 0.0)
        except Exception as error:  # noqa: BLE001 a job must not end; what failed is tried again
            _log.error("job_failed", job=job.name, kind=type(error).__name__)
        return job.period_s

    async def _age(self, job: Job) -> float:
        """Seconds since the job succeeded last, in any process; below 0: it never did."""
        last = (await last_successes(self._store, [job]))[job.name]
        return -1.0 if last is None else self._clock().timestamp() - last
