"""Whether this process can serve: store, keys and audit, and when each job last succeeded.

Strangers may ask, so (1) the answer names parts and nothing else, (2) it is found at most once a
second, however many ask, and (3) a part that hangs counts as one that failed. A process that is
about to end is not ready, whatever its parts say. A late job is reported but refuses nobody: every
process would go out of service at once, for want of a sweep.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any, Final

import structlog
from msgspec import Struct

from mcpassport.edge.draining import Draining
from mcpassport.jobs import Job, last_successes
from mcpassport.records.sources import Clock
from mcpassport.store.keys import Keys
from mcpassport.store.protocol import AuditStore, Store

_log = structlog.get_logger(__name__)

KEPT_S: Final = 1.0
PART_S: Final = 2.0
LATE_PERIODS: Final = 3


class JobTurn(Struct, frozen=True):
    """One job: its last success in seconds since 1970, and whether the next is overdue."""

    last_success: int | None
    late: bool


class Ready(Struct, frozen=True):
    """What was found."""

    ready: bool
    failing: tuple[str, ...]
    jobs: dict[str, JobTurn]


class Readiness:
    """Finds out, and keeps the answer for a second."""

    def __init__(
        self, store: Store, audit: AuditStore, keys: Keys, jobs: Sequence[Job], clock: Clock
    ) -> None:
        self._store = store
        self._audit = audit
        self._keys = keys
        self._jobs = jobs
        self._clock = clock
        self.draining = Draining()
        self._started = clock().timestamp()
        self._lock = asyncio.Lock()
        self._kept: tuple[float, Ready] | None = None

    async def now(self) -> Ready:
        """The answer, at most a second old; `draining` at once."""
        found = await self._lately()
        if self.draining.begun:
            return Ready(False, ("draining", *found.failing), found.jobs)
        return found

    async def _lately(self) -> Ready:
        async with self._lock:  # 2
            loop_time = asyncio.get_running_loop().time()
            if self._kept is None or loop_time - self._kept[0] >= KEPT_S:
                self._kept = (loop_time, await self._find())
            return self._kept[1]

    async def _find(self) -> Ready:
        successes, *others = await asyncio.gather(
            _tried("store", last_successes(self._store, self._jobs)),
            _tried("keys", self._keys.token_keys()),
            _tried("audit", self._audit.prove(int(self._clock().timestamp()))),
        )
        parts = zip(("store", "keys", "audit"), (successes, *others), strict=True)
        failing = tuple(name for name, found in parts if found is _FAILED)
        known = {} if successes is _FAILED else self._turns(successes)
        return Ready(not failing, failing, known)

    def _turns(self, successes: dict[str, int | None]) -> dict[str, JobTurn]:
        now = self._clock().timestamp()
        return {
            job.name: JobTurn(
                successes[job.name],
                now - (successes[job.name] or self._started) > LATE_PERIODS * job.period_s,
            )
            for job in self._jobs
        }


_FAILED: Final = object()


async def _tried(part: str, doing: Awaitable[Any]) -> Any:
    """What it came to, or the mark of failure; the log says the class, the answer does not (1)."""
    try:
        async with asyncio.timeout(PART_S):  # 3
            return await doing
    except Exception as error:  # noqa: BLE001 - whatever it is, this part does not work
        _log.warning("not_ready", part=part, kind=type(error).__name__)
        return _FAILED
