"""Questions to a chain: which rows, found by reading it in bounded steps.

A row's body is the JSON that was hashed, and only this program writes it, so a member's exact text
(`"tool":"x"`) is in the body if and only if the member has that value: every quotation mark inside
a string is escaped. So the store itself can pass over rows, and none is decoded for it; stretches
that cannot hold what is asked for are passed over by their segments.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from typing import Final, NamedTuple

import msgspec

from mcpassport.audit.segments import mark, microseconds
from mcpassport.records.audit import ChainedRow
from mcpassport.store.protocol import AuditStore, Needs, Span

BATCH_ROWS: Final = 500
"""Rows read at once; between two reads other requests have their turn."""
STRETCH_ROWS: Final = 1_024
"""Rows that one read looks through for those that fit."""
SCANNED_ROWS: Final = 20_000
"""Rows that one page may look through; a page that ends there has a cursor, and may be short."""
FIRST_WINDOW: Final = 2_048
"""Rows whose segments are looked through in the first read: most answers are near the start."""
WINDOW_ROWS: Final = 262_144
"""The most in one read; each is four times as wide as the one before."""
PASSED_PER_ROW: Final = 128
"""So many rows that segments pass over cost as much as one that is looked at."""


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

    def texts(self) -> list[bytes]:
        """What a body holds whose members have the values."""
        return [msgspec.json.encode({name: value})[1:-1] for name, value in self.members]

    def needs(self) -> Needs:
        """What a segment with such a row has."""
        needs = Needs(tuple(mark(name, value) for name, value in self.members))
        if self.since is not None:
            needs = needs._replace(since=microseconds(self.since))
        if self.until is not None:
            needs = needs._replace(until=microseconds(self.until))
        return needs

    def fits(self, body: bytes) -> bool:
        """Whether a body that holds the texts is of that time, or of none that can be read."""
        if self.since is None and self.until is None:
            return True
        try:
            ts = _time_of(body).ts
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return True
        return (self.since is None or ts >= self.since) and (self.until is None or ts < self.until)


class Walk(NamedTuple):
    """Where to begin, exclusive (0: at the end where the direction starts), and which way."""

    after: int = 0
    newest_first: bool = False


class Found(NamedTuple):
    """One page, and the sequence to go on after; None at the end of the chain."""

    rows: list[ChainedRow]
    following: int | None


class _Step(NamedTuple):
    """What one read found, the sequence up to which all is known now, and what it cost."""

    rows: list[ChainedRow]
    passed: int
    cost: int


async def find(audit: AuditStore, chain: str, wanted: Wanted, walk: Walk, *, limit: int) -> Found:
    """Up to `limit` rows of the chain that are wanted; looks through at most `SCANNED_ROWS`."""
    found: list[ChainedRow] = []
    spent = 0
    async for step in _steps(audit, chain, wanted, walk, limit + 1):
        found += step.rows
        spent += step.cost
        if len(found) > limit:
            return Found(found[:limit], found[limit - 1].sequence)
        if spent >= SCANNED_ROWS:
            return Found(found, step.passed)
    return Found(found, None)


async def stream(
    audit: AuditStore, chain: str, wanted: Wanted, walk: Walk, *, limit: int
) -> AsyncIterator[list[ChainedRow]]:
    """The first `limit` wanted rows, batch by batch, so that memory stays bounded."""
    left = limit
    async for step in _steps(audit, chain, wanted, walk, limit):
        rows = step.rows[:left]
        left -= len(rows)
        if rows:
            yield rows
        if not left:
            return


async def _steps(
    audit: AuditStore, chain: str, wanted: Wanted, walk: Walk, limit: int
) -> AsyncIterator[_Step]:
    size = min(limit, BATCH_ROWS)
    if wanted == Wanted():
        async for rows in _batches(audit, chain, walk, size):
            yield _Step(rows, rows[-1].sequence, len(rows))
        return
    texts, newest_first = wanted.texts(), walk.newest_first
    async for stretch in _stretches(audit, chain, wanted, walk):
        spans, cost = stretch.spans, stretch.cost
        while spans:
            rows = await audit.matching(chain, spans, texts, limit=size, newest_first=newest_first)
            whole = len(rows) < size
            passed = stretch.passed if whole else rows[-1].sequence
            yield _Step([row for row in rows if wanted.fits(row.body)], passed, cost)
            spans, cost = ([] if whole else _beyond(spans, passed, newest_first)), 0
        if not stretch.spans:
            yield _Step([], stretch.passed, cost)
        await asyncio.sleep(0)


async def _batches(
    audit: AuditStore, chain: str, walk: Walk, size: int
) -> AsyncIterator[list[ChainedRow]]:
    after = walk.after
    while batch := await audit.rows(chain, after=after, limit=size, newest_first=walk.newest_first):
        yield batch
        after = batch[-1].sequence
        if len(batch) < size or (walk.newest_first and after == 1):
            return  # a row appended meanwhile belongs to the next question
        await asyncio.sleep(0)


class _Stretch(NamedTuple):
    """Spans to look through, the sequence that is passed then, and what that costs."""

    spans: list[Span]
    passed: int
    cost: int


async def _stretches(
    audit: AuditStore, chain: str, wanted: Wanted, walk: Walk
) -> AsyncIterator[_Stretch]:
    """All of the chain that the walk goes over, cut into stretches of bounded cost."""
    extent = await audit.extent(chain)
    if extent is None:
        return
    path, needs = _Path(extent.rows, walk), wanted.needs()
    if extent.segmented is not None:
        for stretch in path.up_to(extent.segmented):
            yield stretch
        while (window := path.window(extent.segmented)) is not None:
            promising = await audit.promising(chain, window, needs)
            for segment in reversed(promising) if walk.newest_first else promising:
                for stretch in path.through(segment):
                    yield stretch
            for stretch in path.past(window):
                yield stretch
            await asyncio.sleep(0)
    for stretch in path.to_the_end():
        yield stretch


class _Path:
    """Goes along a chain, whichever way, and collects what must be looked through.

    Places count in the direction of travel: a sequence, or when the newest comes first, its
    negative. `_next` is the first place that nothing is known of yet.
    """

    def __init__(self, rows: Span, walk: Walk) -> None:
        self._sign = -1 if walk.newest_first else 1
        start, self._end = self._turned(*rows)
        self._next = max(start, self._sign * walk.after + 1) if walk.after else start
        self._spans: list[Span] = []
        self._cost = 0
        self._width = FIRST_WINDOW

    def up_to(self, segmented: Span) -> Iterator[_Stretch]:
        """Look through the rows before the part that segments tell of."""
        first, _ = self._turned(*segmented)
        return self._look_through(first - 1)

    def window(self, segmented: Span) -> Span | None:
        """The next piece of the part that segments tell of; None behind its end."""
        _, last = self._turned(*segmented)
        last = min(last, self._end, self._next + self._width - 1)
        self._width = min(4 * self._width, WINDOW_ROWS)
        return Span(*self._turned(self._next, last)) if self._next <= last else None

    def through(self, segment: Span) -> Iterator[_Stretch]:
        """Pass over what is before a segment, and look through it."""
        first, last = self._turned(*segment)
        self._pass_over(first - 1)
        return self._look_through(last)

    def past(self, window: Span) -> Iterator[_Stretch]:
        """Pass over the rest of a window."""
        _, last = self._turned(*window)
        self._pass_over(last)
        return self._cut()

    def to_the_end(self) -> Iterator[_Stretch]:
        """Look through what is left."""
        yield from self._look_through(self._end)
        if self._cost:
            yield self._collected()

    def _pass_over(self, to: int) -> None:
        if to >= self._next:
            self._cost += 1 + (to - self._next) // PASSED_PER_ROW
            self._next = to + 1

    def _look_through(self, to: int) -> Iterator[_Stretch]:
        to = min(to, self._end)
        while self._next <= to:
            last = min(to, self._next + STRETCH_ROWS - 1)
            self._spans.append(Span(*self._turned(self._next, last)))
            self._cost += last - self._next + 1
            self._next = last + 1
            yield from self._cut()

    def _cut(self) -> Iterator[_Stretch]:
        if self._cost >= STRETCH_ROWS:
            yield self._collected()

    def _collected(self) -> _Stretch:
        stretch = _Stretch(self._spans, abs(self._next - 1), self._cost)
        self._spans, self._cost = [], 0
        return stretch

    def _turned(self, first: int, last: int) -> tuple[int, int]:
        """Sequences as places, or places as sequences: the same either way."""
        return (first, last) if self._sign > 0 else (-last, -first)


def _beyond(spans: list[Span], passed: int, newest_first: bool) -> list[Span]:  # noqa: FBT001
    """What is left of the spans once everything up to that sequence is known."""
    if newest_first:
        cut = [Span(span.first, min(span.last, passed - 1)) for span in spans]
    else:
        cut = [Span(max(span.first, passed + 1), span.last) for span in spans]
    return [span for span in cut if span.first <= span.last]
