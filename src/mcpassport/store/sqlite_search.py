"""How rows of a chain are found in SQLite: by what their bodies hold, and by segments."""

import sqlite3
from collections.abc import Sequence
from typing import Final

import msgspec

from mcpassport.records.audit import ChainedRow, Segment
from mcpassport.store.protocol import Extent, Needs, Span
from mcpassport.store.sqlite_engine import Database, Parameter

_WITHIN: Final = """
    SELECT chain, sequence, hash, body FROM chained
    WHERE chain = ? AND sequence BETWEEN ? AND ?{texts} ORDER BY sequence {order} LIMIT ?"""
_HOLDS: Final = " AND instr(body, ?) > 0"
_EXTENT: Final = """
    SELECT (SELECT min(sequence) FROM chained WHERE chain = ?1),
           (SELECT max(sequence) FROM chained WHERE chain = ?1),
           (SELECT min(first) FROM segments WHERE chain = ?1),
           (SELECT last FROM segments WHERE chain = ?1 ORDER BY first DESC LIMIT 1)"""
_ADD_SEGMENT: Final = """
    INSERT OR IGNORE INTO segments (chain, first, last, since, until, holds)
    VALUES (?, ?, ?, ?, ?, ?)"""
_SEGMENTED: Final = "UPDATE heads SET segmented = max(segmented, ?) WHERE chain = ?"
_PROMISING: Final = """
    SELECT first, last FROM segments
    WHERE chain = ?1 AND last >= ?2 AND first <= ?3 AND first >= coalesce(
        (SELECT max(first) FROM segments WHERE chain = ?1 AND first <= ?2), 0)
    AND (length(holds) = 0 OR (until >= ?4 AND since < ?5{marks}))
    ORDER BY first"""
_HAS_MARK: Final = " AND instr(holds, ?) > 0"
_UNSEGMENTED: Final = """
    SELECT chain, segmented FROM heads WHERE sequence - segmented >= ? ORDER BY chain"""


class SqliteSearch:
    """The part of an `AuditStore` that finds rows."""

    _database: Database

    async def matching(
        self,
        chain: str,
        spans: Sequence[Span],
        texts: Sequence[bytes],
        *,
        limit: int,
        newest_first: bool = False,
    ) -> list[ChainedRow]:
        """Rows within the spans whose bodies hold every text."""
        order = "DESC" if newest_first else "ASC"
        query = _WITHIN.format(texts=_HOLDS * len(texts), order=order)
        found: list[ChainedRow] = []
        for span in spans:
            if len(found) >= limit:
                break
            given: list[Parameter] = [chain, span.first, span.last, *texts]
            given.append(limit - len(found))
            found += [ChainedRow(*row) for row in self._database.read(query, given)]
        return found

    async def extent(self, chain: str) -> Extent | None:
        """What the chain has now; None when it has no row."""
        ((first, last, begun, ended),) = self._database.read(_EXTENT, (chain,))
        if first is None:
            return None
        return Extent(Span(first, last), None if begun is None else Span(begun, ended))

    async def add_segments(self, segments: Sequence[Segment]) -> None:
        """Keep segments, each beginning where the one before of its chain ended."""
        rows = [msgspec.structs.astuple(segment) for segment in segments]
        ends = [(segment.last, segment.chain) for segment in segments]

        def work(connection: sqlite3.Connection) -> None:
            connection.executemany(_ADD_SEGMENT, rows)
            connection.executemany(_SEGMENTED, ends)

        await self._database.write(work)

    async def promising(self, chain: str, within: Span, needs: Needs) -> list[Span]:
        """The segments that reach into the span and may hold what is needed, oldest first."""
        query = _PROMISING.format(marks=_HAS_MARK * len(needs.marks))
        given: list[Parameter] = [chain, *within, needs.since, needs.until, *needs.marks]
        return [Span(*ends) for ends in self._database.read(query, given)]

    async def unsegmented(self, size: int) -> list[tuple[str, int]]:
        """Chains with at least so many rows behind their last segment, and where that ended."""
        return [(chain, last) for chain, last in self._database.read(_UNSEGMENTED, (size,))]
