"""Which processes live, and the intents of those that do not.

A process that serves holds a lease and renews it. When it is killed, nobody writes the outcomes of
its calls: they are closed as `unknown`, once, but only after its lease has lapsed.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

import msgspec
import structlog

from mcpassport.audit.entry import unknown_outcome
from mcpassport.audit.log import AuditLog
from mcpassport.errors import McpassportError, StoreUnavailable
from mcpassport.records.audit import AuditRow
from mcpassport.records.sources import Clock
from mcpassport.store.protocol import PROCESS_LEASE, AuditStore, Store

_log = structlog.get_logger(__name__)

LEASE_S: Final = 10.0
"""A process whose lease was not renewed for so long counts as gone."""
BEAT_S: Final = 2.5
REAPER_PERIOD_S: Final = 5.0


class Heartbeat:
    """Holds the lease of this process. What is never given back lapses after `LEASE_S`."""

    def __init__(
        self,
        store: Store,
        process: str,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._name = PROCESS_LEASE + process
        self._sleep = sleep
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Take the lease, before the first intent; `StoreUnavailable` if that is not possible."""
        if await self._store.lease(self._name, LEASE_S) is None:
            raise StoreUnavailable
        self._task = asyncio.create_task(self._beat_forever(), name="heartbeat")

    async def close(self) -> None:
        """Stop renewing. The lease is left to lapse: rows of this process may still be queued."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def _beat_forever(self) -> None:
        while True:
            await self._sleep(BEAT_S)
            try:
                await self._store.lease(self._name, LEASE_S)
            except McpassportError as error:
                _log.error("heartbeat_failed", kind=type(error).__name__)


class Reaper:
    """Closes the intents that processes left open when they were killed."""

    def __init__(self, store: Store, audit: AuditStore, log: AuditLog, clock: Clock) -> None:
        self._store = store
        self._audit = audit
        self._log = log
        self._clock = clock

    async def reap(self) -> int:
        """Close what dead processes left open; how many. Safe to repeat and to do twice at once.

        1. What is open is read before the leases: an intent that comes later is not touched.
        2. This process lives, and so does whoever holds its lease; taking a lapsed one for no time
           tells. A process that was only stopped may take it again.
        3. The store skips the outcome of an intent that was closed meanwhile, so of a reaper,
           another reaper and a process that wakes up, one closes.
        """
        rows = [
            msgspec.json.decode(row.body, type=AuditRow)
            for row in await self._audit.open_rows()  # (1)
        ]
        gone = {
            process
            for process in {row.process for row in rows} - {self._log.process}
            if await self._store.lease(PROCESS_LEASE + process, 0) is not None  # (2)
        }
        left = [row for row in rows if row.process in gone]
        for row in left:
            await self._log.append(unknown_outcome(row, self._clock()))  # (3)
        if left:
            _log.warning("intents_closed", count=len(left), processes=len(gone))
        return len(left)
