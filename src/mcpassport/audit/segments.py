"""What finds rows in a long chain: for each stretch of it, which values its rows hold.

A segment is derived from rows, outside the path of a call, and may say too much but never too
little: a question passes over the stretches that cannot hold what it asks for, and reads the
others. Rows that have no segment yet are read too. Nothing about integrity rests on segments.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Final

import msgspec

from mcpassport.records.audit import ChainedRow, Segment
from mcpassport.store.protocol import AuditStore

SEGMENT_ROWS: Final = 128
SEGMENTS_PERIOD_S: Final = 5.0
_MARK_BYTES: Final = 4
_KEPT_AT_ONCE: Final = 16
_MICROSECONDS: Final = 1_000_000


class _Members(msgspec.Struct, gc=False):
    ts: datetime
    phase: str = ""
    account: str = ""
    server: str = ""
    tool: str = ""
    outcome: str = ""
    reason: str = ""
    request_id: str = ""


FILTERED: Final = _Members.__struct_fields__[1:]
"""The members of a row that questions may name."""
_members_of = msgspec.json.Decoder(_Members).decode


def mark(name: str, value: str) -> bytes:
    """What stands in a segment for a member with that value. Others may share it, rarely."""
    return blake2b(f"{name}\0{value}".encode(), digest_size=_MARK_BYTES).digest()


def microseconds(moment: datetime) -> int:
    """A time as segments hold it."""
    return round(moment.timestamp() * _MICROSECONDS)


def segment_of(rows: Sequence[ChainedRow]) -> Segment:
    """The segment of these rows of one chain, oldest first."""
    chain, first, last = rows[0].chain, rows[0].sequence, rows[-1].sequence
    values: set[tuple[str, str]] = set()
    times: list[datetime] = []
    try:
        for row in rows:
            members = _members_of(row.body)
            times.append(members.ts)
            values.update(zip(FILTERED, msgspec.structs.astuple(members)[1:], strict=True))
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return Segment(chain, first, last, 0, 0, b"")  # a damaged row: anything may be there
    holds = b"".join(mark(name, value) for name, value in values if value)
    return Segment(chain, first, last, microseconds(min(times)), microseconds(max(times)), holds)


class Segmenter:
    """Makes the segments of every chain that has grown."""

    def __init__(self, audit: AuditStore) -> None:
        self._audit = audit

    async def extend(self) -> int:
        """Make every whole segment that is missing; how many."""
        made = 0
        for chain, last in await self._audit.unsegmented(SEGMENT_ROWS):
            made += await self._extend(chain, last)
        return made

    async def _extend(self, chain: str, after: int) -> int:
        made = 0
        waiting: list[Segment] = []
        while True:
            rows = await self._audit.rows(chain, after=after, limit=SEGMENT_ROWS)
            if len(rows) == SEGMENT_ROWS:
                waiting.append(segment_of(rows))
                after = rows[-1].sequence
            if waiting and (len(rows) < SEGMENT_ROWS or len(waiting) == _KEPT_AT_ONCE):
                await self._audit.add_segments(waiting)
                made += len(waiting)
                waiting = []
            if len(rows) < SEGMENT_ROWS:
                return made
            await asyncio.sleep(0)
