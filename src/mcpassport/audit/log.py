"""The audit log: many waiting rows, one transaction.

A row's writer waits until its row is durable. While one transaction commits, rows that arrive
gather for the next, so the cost of a commit is shared by everybody who waits for it.

Failures: (1) when a batch fails, its groups are retried one by one, so that one bad row does not
fail the others; (2) when groups keep failing the store itself is at fault, and everybody who waits
is told so at once; (3) a full queue refuses instead of growing; (4) an outcome that the store did
not take is owed, and paid when the store is back. Nobody is ever told that a row is durable when it
is not.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import msgspec
import structlog

from mcpassport.audit.chain import link
from mcpassport.audit.entry import Entry
from mcpassport.audit.fingerprint import fingerprint
from mcpassport.audit.reserve import Reserve
from mcpassport.errors import McpassportError, StoreUnavailable
from mcpassport.records.audit import AuditRow, ChainedRow
from mcpassport.records.grants import Principal
from mcpassport.records.sources import Clock, Random
from mcpassport.store.protocol import Append, AuditStore, Pending, Store

_log = structlog.get_logger(__name__)
_encode = msgspec.json.Encoder().encode

BATCH_GROUPS = 256
"""Groups of rows per transaction."""
QUEUE_GROUPS = 8_192
"""Groups that may wait; beyond that a row is refused."""
STORE_IS_GONE_AFTER = 3
"""Groups failing alone, one after the other, before the rest of a batch is failed untried."""
QUIET_KEYS = 4_096
"""Dead tokens whose refusals are counted apart; beyond that they are folded per tenant."""
OWED = 16_384
"""Outcomes that may be owed; beyond that their intents are closed after this process has ended."""
FLUSH_S = 1.0
OUTBOX_ROWS = 500

FingerprintKey = Callable[[str], Awaitable[bytes]]
"""The tenant's fingerprint key; may raise `StoreUnavailable`."""


class _Group(NamedTuple):
    rows: tuple[Pending, ...]
    done: asyncio.Future[None]


class AuditLog:
    """Writes the chains. Create it in the loop that uses it; `start` before, `close` after."""

    def __init__(
        self,
        *,
        store: Store,
        audit: AuditStore,
        clock: Clock,
        random: Random,
        fingerprint_key: FingerprintKey,
        reserve: Reserve | None = None,
    ) -> None:
        self._store = store
        self._audit = audit
        self._clock = clock
        self._random = random
        self._fingerprint_key = fingerprint_key
        self.reserve = reserve or Reserve(audit)
        """When it is full, only outcomes of calls under way are taken."""
        self._queue: deque[_Group] = deque()
        self._wake = asyncio.Event()
        self.process = random(12).hex()
        """Names this process in its intents and in its lease."""
        self._quiet: dict[str, AuditRow] = {}
        self._owed: deque[AuditRow] = deque(maxlen=OWED)
        self._moving = asyncio.Lock()
        self._tasks: tuple[asyncio.Task[None], ...] = ()
        self._accepting = False

    async def start(self) -> None:
        """Start committing."""
        self._accepting = True
        self._tasks = (
            asyncio.create_task(self._commit_forever(), name="audit-commit"),
            asyncio.create_task(self._flush_forever(), name="audit-flush"),
        )

    async def close(self) -> None:
        """Write what waits, then stop. Rows that come later are refused."""
        if not self._tasks:
            return
        committer, flusher = self._tasks
        flusher.cancel()
        with suppress(asyncio.CancelledError):
            await flusher
        await self.flush()
        self._accepting = False
        self._wake.set()
        await committer
        self._tasks = ()

    def open(self) -> Entry:
        """The audit entry of one HTTP request, with a fresh request id."""
        return Entry(self, self._clock, "req_" + self._random(16).hex(), self.process)

    @property
    def waiting(self) -> int:
        """Groups of rows that wait for the next commit."""
        return len(self._queue)

    async def append(self, *rows: AuditRow) -> None:
        """Commit the rows of one tenant together, in order; returns when they are durable.

        Queued before the first suspension: cancelling the waiter does not lose the rows.

        Raises:
            StoreUnavailable: none of the rows is in the chain.
        """
        if not self._accepting or self._tasks[0].done() or len(self._queue) >= QUEUE_GROUPS:
            raise StoreUnavailable
        if self.reserve.full and any(row.phase != "outcome" for row in rows):
            raise StoreUnavailable
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(_Group(_pending(rows), done))
        self._wake.set()
        await done

    def later(self, row: AuditRow, *, key: str) -> None:
        """Commit the row at the next flush; rows of one key become one row with a count."""
        if key not in self._quiet and len(self._quiet) >= QUIET_KEYS:
            key = "tenant:" + row.tenant
        known = self._quiet.get(key)
        if known is not None:
            row = msgspec.structs.replace(known, count=known.count + row.count)
        self._quiet[key] = row

    def owe(self, outcome: AuditRow) -> None:
        """Commit an outcome as soon as the store takes it; a second one of its intent is void."""
        self._owed.append(outcome)

    async def flush(self) -> None:
        """Commit what is owed and the rows given to `later`; on failure they wait for the next."""
        try:
            while self._owed:
                outcome = self._owed[0]
                await self.append(outcome)
                # Another flush may have paid it meanwhile; paid twice it is one row all the same.
                if self._owed and self._owed[0] is outcome:
                    self._owed.popleft()
        except McpassportError:
            pass
        waiting, self._quiet = self._quiet, {}
        for key, row in waiting.items():
            try:
                await self.append(row)
            except McpassportError:
                self.later(row, key=key)

    async def fingerprint(self, tenant: str, arguments: Mapping[str, Any]) -> str:
        """The fingerprint of the arguments under the tenant's key."""
        return fingerprint(await self._fingerprint_key(tenant), arguments)

    async def move_outbox(self) -> int:
        """Move queued management events into their chains; how many. Safe to repeat.

        An event is forgotten only after it is in its chain, and its id makes a second move of the
        same event a no-op, so a crash between the two steps neither loses nor doubles it.
        """
        moved = 0
        async with self._moving:
            while events := await self._store.outbox(OUTBOX_ROWS):
                rows = [Pending(event.chain, event.body, event.event_id) for event in events]
                await self._audit.append(rows, link)
                await self._store.outbox_done([event.event_id for event in events])
                moved += len(events)
        return moved

    async def rows(
        self, tenant: str, *, after: int = 0, limit: int = 50, newest_first: bool = False
    ) -> list[ChainedRow]:
        """Rows of one tenant's chain; `after` is a sequence, exclusive."""
        return await self._audit.rows(tenant, after=after, limit=limit, newest_first=newest_first)

    async def _commit_forever(self) -> None:
        while self._accepting or self._queue:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                size = min(len(self._queue), BATCH_GROUPS)
                await self._commit([self._queue.popleft() for _ in range(size)])

    async def _commit(self, batch: Sequence[_Group]) -> None:
        if not await self._write(batch):
            await self._retry_one_by_one(batch)

    async def _retry_one_by_one(self, batch: Sequence[_Group]) -> None:
        failed_in_a_row = 0
        for group in batch:
            if len(batch) == 1 or failed_in_a_row >= STORE_IS_GONE_AFTER:
                _fail(group)
            elif await self._write([group]):
                failed_in_a_row = 0
            else:
                failed_in_a_row += 1
                _fail(group)

    async def _write(self, batch: Sequence[_Group]) -> bool:
        try:
            await self._audit.append([row for group in batch for row in group.rows], link)
        except Exception as error:  # noqa: BLE001 - whatever it is, the waiters must be told
            _log.error("audit_commit_failed", kind=type(error).__name__, groups=len(batch))
            return False
        for group in batch:
            if not group.done.done():
                group.done.set_result(None)
        return True

    async def _flush_forever(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_S)
            await self.flush()


def _pending(rows: Sequence[AuditRow]) -> tuple[Pending, ...]:
    """The rows to append. An intent is open until its outcome, unless they are written together."""
    if len(rows) != 1:
        return tuple(Pending(row.tenant, _encode(row)) for row in rows)
    (row,) = rows
    opens = row.request_id if row.phase == "intent" else ""
    closes = row.request_id if row.phase == "outcome" else ""
    return (Pending(row.tenant, _encode(row), "", opens, closes),)


def _fail(group: _Group) -> None:
    if not group.done.done():
        group.done.set_exception(StoreUnavailable())


def event(
    principal: Principal,
    action: str,
    *,
    tenant: str,
    subject: str,
    clock: Clock,
    random: Random,
) -> Append:
    """A management change, to be written in the same transaction as the change itself."""
    event_id = "evt_" + random(16).hex()
    row = AuditRow(
        ts=clock(),
        phase="event",
        request_id=event_id,
        tenant=tenant,
        decision="allow",
        principal=principal.id,
        action=action,
        subject=subject,
    )
    return Append(event_id, tenant, _encode(row))
