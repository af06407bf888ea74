"""The audit trail in one SQLite file of its own: `AuditStore` of the embedded deployment."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from mcpassport.records.audit import ChainedRow, EdgeCount
from mcpassport.store.protocol import GENESIS, Link, Pending
from mcpassport.store.sqlite_engine import Database
from mcpassport.store.sqlite_open import Schema

_SCHEMA: Final = Schema(
    application_id=0x6D637032,
    holds="audit rows",
    steps=(
        (
            """CREATE TABLE chained (
                chain TEXT NOT NULL, sequence INTEGER NOT NULL,
                hash BLOB NOT NULL, body BLOB NOT NULL, event_id TEXT NOT NULL,
                PRIMARY KEY (chain, sequence)) WITHOUT ROWID""",
            "CREATE UNIQUE INDEX chained_event ON chained (event_id) WHERE event_id != ''",
            """CREATE TABLE heads (
                chain TEXT PRIMARY KEY, sequence INTEGER NOT NULL, hash BLOB NOT NULL)
                WITHOUT ROWID""",
            """CREATE TABLE edge (
                second INTEGER NOT NULL, reason TEXT NOT NULL, network TEXT NOT NULL,
                count INTEGER NOT NULL,
                PRIMARY KEY (second, reason, network)) WITHOUT ROWID""",
        ),
    ),
)
_KNOWN: Final = "SELECT 1 FROM chained WHERE event_id = ? AND event_id != ''"
_HEAD: Final = "SELECT sequence, hash FROM heads WHERE chain = ?"
_INSERT: Final = "INSERT INTO chained VALUES (?, ?, ?, ?, ?)"
_MOVE_HEAD: Final = """
    INSERT INTO heads VALUES (?, ?, ?)
    ON CONFLICT DO UPDATE SET sequence = excluded.sequence, hash = excluded.hash"""
_FORWARD: Final = """
    SELECT chain, sequence, hash, body FROM chained
    WHERE chain = ? AND sequence > ? ORDER BY sequence LIMIT ?"""
_BACKWARD: Final = """
    SELECT chain, sequence, hash, body FROM chained
    WHERE chain = ? AND sequence < ? ORDER BY sequence DESC LIMIT ?"""
_COUNT: Final = """
    INSERT INTO edge VALUES (?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET count = count + excluded.count"""
_NEWEST: Final = """
    SELECT second, reason, network, count FROM edge
    ORDER BY second DESC, reason, network LIMIT ?"""
_BEYOND: Final = 2**63 - 1


class SqliteAudit:
    """An `AuditStore` in the file at `path`. Several processes may append at once."""

    def __init__(self, path: Path) -> None:
        self._database = Database(path, _SCHEMA)

    async def append(self, rows: Sequence[Pending], link: Link) -> None:
        """Append to the chains in one transaction.

        1. The heads are read inside the transaction, so a writer of another process cannot come
           between the reading of a head and the row that follows it.
        2. An event that is in a chain already, or twice among `rows`, is skipped.
        3. Each row's hash covers the one before; the heads move in the same transaction.
        """

        def work(connection: sqlite3.Connection) -> None:
            heads: dict[str, tuple[int, bytes]] = {}
            for row in rows:
                if row.event_id and connection.execute(_KNOWN, (row.event_id,)).fetchone():
                    continue  # (2)
                if row.chain not in heads:
                    head = connection.execute(_HEAD, (row.chain,)).fetchone()  # (1)
                    heads[row.chain] = head or (0, GENESIS)
                last, previous = heads[row.chain]
                digest = link(previous, last + 1, row.body)  # (3)
                connection.execute(_INSERT, (row.chain, last + 1, digest, row.body, row.event_id))
                heads[row.chain] = (last + 1, digest)
            connection.executemany(_MOVE_HEAD, [(name, *head) for name, head in heads.items()])

        await self._database.write(work)

    async def rows(
        self, chain: str, *, after: int = 0, limit: int = 50, newest_first: bool = False
    ) -> list[ChainedRow]:
        """Rows of one chain; `after` 0 starts at the oldest, or with `newest_first` the newest."""
        query, start = (_BACKWARD, after or _BEYOND) if newest_first else (_FORWARD, after)
        found = self._database.read(query, (chain, start, max(limit, 0)))
        return [ChainedRow(*row) for row in found]

    async def count_edge(self, counts: Sequence[EdgeCount]) -> None:
        """Add to the counts of a second, reason and network."""
        added = [(count.second, count.reason, count.network, count.count) for count in counts]

        def work(connection: sqlite3.Connection) -> None:
            connection.executemany(_COUNT, added)

        await self._database.write(work)

    async def edge_counts(self, *, limit: int = 50) -> list[EdgeCount]:
        """The newest edge counts first."""
        return [EdgeCount(*row) for row in self._database.read(_NEWEST, (max(limit, 0),))]

    async def close(self) -> None:
        """Finish writes in progress and release the file."""
        await self._database.close()
