"""The store and the audit file, timed. What they do is unchanged."""

from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from datetime import datetime
from time import perf_counter
from types import MappingProxyType
from typing import TypeVar

from mcpassport.errors import McpassportError
from mcpassport.observe.metrics import Metrics
from mcpassport.records.audit import ChainedRow, Checkpoint, Segment
from mcpassport.store.protocol import (
    Append,
    AuditStore,
    Entry,
    Extent,
    IndexColumn,
    IndexValue,
    Key,
    Link,
    Needs,
    Op,
    Page,
    Pending,
    Space,
    Span,
    Store,
    _All,
)

T = TypeVar("T")


class TimedStore:
    """A `Store` whose operations are timed."""

    def __init__(self, inner: Store, metrics: Metrics) -> None:
        self._inner = inner
        self._metrics = metrics

    async def _timed(self, operation: str, doing: Awaitable[T]) -> T:
        started, failed = perf_counter(), False
        try:
            return await doing
        except McpassportError:
            failed = True
            raise
        finally:
            self._metrics.stored(operation, perf_counter() - started, failed=failed)

    async def get_many(self, keys: Sequence[Key]) -> list[Entry | None]:
        """As in `Store`."""
        started, failed = perf_counter(), True  # as `_timed`, which costs each request two frames
        try:
            found = await self._inner.get_many(keys)
            failed = False
            return found
        finally:
            self._metrics.stored("get_many", perf_counter() - started, failed=failed)

    async def write(
        self, ops: Sequence[Op], expect: Mapping[Key, str] = MappingProxyType({})
    ) -> dict[Key, str]:
        """As in `Store`."""
        return await self._timed("write", self._inner.write(ops, expect))

    async def page(
        self,
        kind: str,
        tenant: str | _All,
        *,
        index: IndexColumn | None = None,
        value: IndexValue | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page:
        """As in `Store`."""
        doing = self._inner.page(kind, tenant, index=index, value=value, cursor=cursor, limit=limit)
        return await self._timed("page", doing)

    async def lease(self, name: str, ttl_s: float) -> int | None:
        """As in `Store`."""
        return await self._timed("lease", self._inner.lease(name, ttl_s))

    def scan(self, kind: str, tenant: str | _All) -> AsyncIterator[Entry]:
        """As in `Store`; not timed, since its pace is its reader's."""
        return self._inner.scan(kind, tenant)

    async def purge(self, now: datetime) -> int:
        """As in `Store`."""
        return await self._timed("purge", self._inner.purge(now))

    async def forget_deleted(self) -> None:
        """As in `Store`."""
        await self._timed("purge", self._inner.forget_deleted())

    async def outbox(self, limit: int = 500) -> list[Append]:
        """As in `Store`."""
        return await self._timed("outbox", self._inner.outbox(limit))

    async def outbox_done(self, event_ids: Sequence[str]) -> None:
        """As in `Store`."""
        await self._timed("outbox", self._inner.outbox_done(event_ids))

    async def close(self) -> None:
        """As in `Store`."""
        await self._inner.close()


class TimedAudit:
    """An `AuditStore` whose commits are timed."""

    def __init__(self, inner: AuditStore, metrics: Metrics) -> None:
        self._inner = inner
        self._metrics = metrics

    async def append(self, rows: Sequence[Pending], link: Link) -> None:
        """As in `AuditStore`."""
        started, failed = perf_counter(), True
        try:
            await self._inner.append(rows, link)
            failed = False
        finally:
            self._metrics.committed(perf_counter() - started, failed=failed)

    async def rows(
        self, chain: str, *, after: int = 0, limit: int = 50, newest_first: bool = False
    ) -> list[ChainedRow]:
        """As in `AuditStore`."""
        return await self._inner.rows(chain, after=after, limit=limit, newest_first=newest_first)

    async def open_rows(self) -> list[ChainedRow]:
        """As in `AuditStore`."""
        return await self._inner.open_rows()

    async def add_checkpoint(self, checkpoint: Checkpoint) -> None:
        """As in `AuditStore`."""
        await self._inner.add_checkpoint(checkpoint)

    async def checkpoints(
        self, chain: str, *, after: int = 0, limit: int = 50, newest_first: bool = False
    ) -> list[Checkpoint]:
        """As in `AuditStore`."""
        return await self._inner.checkpoints(
            chain, after=after, limit=limit, newest_first=newest_first
        )

    async def forget(self, chain: str, through: int) -> None:
        """As in `AuditStore`."""
        await self._inner.forget(chain, through)

    async def space(self) -> Space:
        """As in `AuditStore`."""
        return await self._inner.space()

    async def matching(
        self,
        chain: str,
        spans: Sequence[Span],
        texts: Sequence[bytes],
        *,
        limit: int,
        newest_first: bool = False,
    ) -> list[ChainedRow]:
        """As in `AuditStore`."""
        return await self._inner.matching(
            chain, spans, texts, limit=limit, newest_first=newest_first
        )

    async def extent(self, chain: str) -> Extent | None:
        """As in `AuditStore`."""
        return await self._inner.extent(chain)

    async def add_segments(self, segments: Sequence[Segment]) -> None:
        """As in `AuditStore`."""
        await self._inner.add_segments(segments)

    async def promising(self, chain: str, within: Span, needs: Needs) -> list[Span]:
        """As in `AuditStore`."""
        return await self._inner.promising(chain, within, needs)

    async def unsegmented(self, size: int) -> list[tuple[str, int]]:
        """As in `AuditStore`."""
        return await self._inner.unsegmented(size)

    async def prove(self, mark: int) -> None:
        """As in `AuditStore`."""
        await self._inner.prove(mark)

    async def close(self) -> None:
        """As in `AuditStore`."""
        await self._inner.close()
