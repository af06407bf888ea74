"""How rows of a chain are found in PostgreSQL: by what their bodies hold, and by segments."""

from collections.abc import Sequence
from typing import Final

import msgspec

from mcpassport.records.audit import ChainedRow, Segment
from mcpassport.store.postgres_open import Connection
from mcpassport.store.postgres_pool import Postgres
from mcpassport.store.protocol import Extent, Needs, Span

# OFFSET 0 keeps the planner from joining in another order: each span is one walk along the key,
# also in a plan that is kept for any parameters.
_WITHIN: Final = """
    SELECT found.* FROM unnest($2::bigint[], $3::bigint[]) AS span (first, last)
    CROSS JOIN LATERAL (
        SELECT chain, sequence, hash, body FROM chained
        WHERE chain = $1 AND sequence BETWEEN span.first AND span.last{texts} OFFSET 0) AS found
    ORDER BY found.sequence {order} LIMIT $4"""
_EXTENT: Final = """
    SELECT (SELECT min(sequence) FROM chained WHERE chain = $1),
           (SELECT max(sequence) FROM chained WHERE chain = $1),
           (SELECT min(first) FROM segments WHERE chain = $1),
           (SELECT last FROM segments WHERE chain = $1 ORDER BY first DESC LIMIT 1)"""
_ADD_SEGMENT: Final = """
    INSERT INTO segments (chain, first, last, since, until, holds)
    VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING"""
_SEGMENTED: Final = "UPDATE heads SET segmented = greatest(segmented, $1) WHERE chain = $2"
_PROMISING: Final = """
    SELECT first, last FROM segments
    WHERE chain = $1 AND last >= $2 AND first <= $3 AND first >= coalesce(
        (SELECT max(first) FROM segments WHERE chain = $1 AND first <= $2), 0)
    AND (length(holds) = 0 OR (until >= $4 AND since < $5{marks}))
    ORDER BY first"""
_UNSEGMENTED: Final = """
    SELECT chain, segmented FROM heads WHERE sequence - segmented >= $1 ORDER BY chain"""


class PostgresSearch:
    """The part of an `AuditStore` that finds rows."""

    _database: Postgres

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
        query = _WITHIN.format(
            texts=_each_in("body", texts, 5), order="DESC" if newest_first else "ASC"
        )
        ends = ([span.first for span in spans], [span.last for span in spans])
        found = await self._database.read(query, chain, *ends, max(limit, 0), *texts)
        return [ChainedRow(*row) for row in found]

    async def extent(self, chain: str) -> Extent | None:
        """What the chain has now; None when it has no row."""
        ((first, last, begun, ended),) = await self._database.read(_EXTENT, chain)
        if first is None:
            return None
        return Extent(Span(first, last), None if begun is None else Span(begun, ended))

    async def add_segments(self, segments: Sequence[Segment]) -> None:
        """Keep segments, each beginning where the one before of its chain ended."""
        rows = [msgspec.structs.astuple(segment) for segment in segments]
        ends = [(segment.last, segment.chain) for segment in segments]

        async def work(connection: Connection) -> None:
            await connection.executemany(_ADD_SEGMENT, rows)
            await connection.executemany(_SEGMENTED, ends)

        await self._database.write(work)

    async def promising(self, chain: str, within: Span, needs: Needs) -> list[Span]:
        """The segments that reach into the span and may hold what is needed, oldest first."""
        query = _PROMISING.format(marks=_each_in("holds", needs.marks, 6))
        bounds = (needs.since, needs.until)
        found = await self._database.read(query, chain, *within, *bounds, *needs.marks)
        return [Span(*ends) for ends in found]

    async def unsegmented(self, size: int) -> list[tuple[str, int]]:
        """Chains with at least so many rows behind their last segment, and where that ended."""
        return [(chain, last) for chain, last in await self._database.read(_UNSEGMENTED, size)]


def _each_in(column: str, texts: Sequence[bytes], first: int) -> str:
    """The condition that the column holds each text; they are parameters from that number on."""
    numbers = range(first, first + len(texts))
    return "".join(f" AND position(${number}::bytea IN {column}) > 0" for number in numbers)
