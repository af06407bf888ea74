"""Questions to a chain: which rows, found by reading it in bounded steps.

A row's body is the JSON that was hashed, and only this program writes it, so a member's exact text
(`"tool":"x"`) is in the body if and only if the member has that value: every quotation mark inside
a string is escaped. No row is decoded to be passed over.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Final, NamedTuple

import msgspec

from mcpassport.records.audit import ChainedRow
from mcpassport.store.protocol import AuditStore

BATCH_ROWS: Final = 500
"""Rows read at once; between two reads other requests have their turn."""
SCANNED_ROWS: Final = 20_000
"""Rows that one page may pass over; a page that ends there has a cursor, and may be short."""


class _Time(msgspec.Struct):
    ts: datetime


_time_of = msgspec.json.Decoder(_Time).decode


class Wanted(NamedTuple):
    """Which rows: members with exactly these values, and a span of time."""

    members: tuple[tuple[str, str], ...] = ()
    since: datetime | None = None
    """Inclusive."""
    until: datetime | None = None
    """Exclusive."""

    def judge(self) -> Callable[[bytes], bool]:
        """What decides of a row's body."""
        texts = [msgspec.json.encode({name: value})[1:-1] for name, value in self.members]
        since, until = self.since, self.until

        def fits(body: bytes) -> bool:
            if not all(text in body for text in texts):
                return False
            if since is None and until is None:
                return True
            time = _time_of(body).ts
            return (since is None or time >= since) and (until is None or time < until)

        return fits


class Span(NamedTuple):
    """Where to begin, exclusive (0: at the end where the direction starts), and which way."""

    after: int = 0
    newest_first: bool = False


class Found(NamedTuple):
    """One page, and the sequence to go on after; None at the end of the chain."""

    rows: list[ChainedRow]
    following: int | None


async def find(audit: AuditStore, chain: str, wanted: Wanted, span: Span, *, limit: int) -> Found:
    """Up to `limit` rows of the chain that are wanted; reads at most `SCANNED_ROWS`."""
    fits = wanted.judge()
    found: list[ChainedRow] = []
    passed, scanned = span.after, 0
    size = min(limit + 1, BATCH_ROWS) if wanted == Wanted() else BATCH_ROWS
    async for batch in _batches(audit, chain, span, size):
        for row in batch:
            good = fits(row.body)
            if scanned >= SCANNED_ROWS or (good and len(found) == limit):
                return Found(found, passed)
            if good:
                found.append(row)
            passed, scanned = row.sequence, scanned + 1
    return Found(found, None)


async def stream(
    audit: AuditStore, chain: str, wanted: Wanted, span: Span, *, limit: int
) -> AsyncIterator[list[ChainedRow]]:
    """The first `limit` wanted rows, batch by batch, so that memory stays bounded."""
    fits = wanted.judge()
    left = limit
    async for batch in _batches(audit, chain, span, min(limit, BATCH_ROWS)):
        rows = [row for row in batch if fits(row.body)][:left]
        left -= len(rows)
        if rows:
            yield rows
        if not left:
            return


async def _batches(
    audit: AuditStore, chain: str, span: Span, size: int
) -> AsyncIterator[list[ChainedRow]]:
    after = span.after
    while batch := await audit.rows(chain, after=after, limit=size, newest_first=span.newest_first):
        yield batch
        after = batch[-1].sequence
        if len(batch) < size or (span.newest_first and after == 1):
            return  # a row appended meanwhile belongs to the next question
        await asyncio.sleep(0)
