"""The audit trail in one SQLite file of its own: `AuditStore` of the embedded deployment."""

import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from mcpassport.errors import StoreUnavailable
from mcpassport.records.audit import ChainedRow, Checkpoint
from mcpassport.store.protocol import GENESIS, Durability, Link, Pending, Space
from mcpassport.store.sqlite_engine import Database
from mcpassport.store.sqlite_open import Schema
from mcpassport.store.sqlite_search import SqliteSearch

SCHEMA: Final = Schema(
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
        ),
        (
            """CREATE TABLE open (
                request TEXT NOT NULL, chain TEXT NOT NULL, sequence INTEGER NOT NULL,
                PRIMARY KEY (request, chain, sequence)) WITHOUT ROWID""",
        ),
        (
            """CREATE TABLE checkpoints (
                chain TEXT NOT NULL, sequence INTEGER NOT NULL, body BLOB NOT NULL,
                PRIMARY KEY (chain, sequence)) WITHOUT ROWID""",
        ),
        (
            "CREATE TABLE proof (id INTEGER PRIMARY KEY CHECK (id = 1), mark INTEGER NOT NULL)",
            """CREATE TABLE segments (
                chain TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
                since INTEGER NOT NULL, until INTEGER NOT NULL, holds BLOB NOT NULL,
                PRIMARY KEY (chain, first)) WITHOUT ROWID""",
            "ALTER TABLE heads ADD COLUMN segmented INTEGER NOT NULL DEFAULT 0",
        ),
    ),
)
_KNOWN: Final = "SELECT 1 FROM chained WHERE event_id = ? AND event_id != ''"
_HEAD: Final = "SELECT sequence, hash FROM heads WHERE chain = ?"
_INSERT: Final = """
    INSERT INTO chained (chain, sequence, hash, body, event_id) VALUES (?, ?, ?, ?, ?)"""
_MOVE_HEAD: Final = """
    INSERT INTO heads (chain, sequence, hash) VALUES (?, ?, ?)
    ON CONFLICT DO UPDATE SET sequence = excluded.sequence, hash = excluded.hash"""
_OPEN: Final = "INSERT INTO open (request, chain, sequence) VALUES (?, ?, ?)"
_CLOSE: Final = """
    DELETE FROM open WHERE (request, chain, sequence) IN
        (SELECT request, chain, sequence FROM open WHERE request = ? AND chain = ?
         ORDER BY sequence LIMIT 1)"""
_OPEN_ROWS: Final = """
    SELECT chained.chain, chained.sequence, hash, body FROM open CROSS JOIN chained
    ON chained.chain = open.chain AND chained.sequence = open.sequence
    ORDER BY chained.chain, chained.sequence"""
_PAGES: Final = """
    SELECT page_count, freelist_count, page_size
    FROM pragma_page_count, pragma_freelist_count, pragma_page_size"""
_FORWARD: Final = """
    SELECT chain, sequence, hash, body FROM chained
    WHERE chain = ? AND sequence > ? ORDER BY sequence LIMIT ?"""
_BACKWARD: Final = """
    SELECT chain, sequence, hash, body FROM chained
    WHERE chain = ? AND sequence < ? ORDER BY sequence DESC LIMIT ?"""
_ADD_CHECKPOINT: Final = """
    INSERT OR IGNORE INTO checkpoints (chain, sequence, body) VALUES (?, ?, ?)"""
_CHECKPOINTS_FORWARD: Final = """
    SELECT body FROM checkpoints WHERE chain = ? AND sequence > ? ORDER BY sequence LIMIT ?"""
_CHECKPOINTS_BACKWARD: Final = """
    SELECT body FROM checkpoints
    WHERE chain = ? AND sequence < ? ORDER BY sequence DESC LIMIT ?"""
_FORGET: Final = (
    "DELETE FROM chained WHERE chain = ? AND sequence <= ?",
    "DELETE FROM checkpoints WHERE chain = ? AND sequence < ?",
    "DELETE FROM segments WHERE chain = ? AND last <= ?",
)
_PROVE: Final = """
    INSERT INTO proof (id, mark) VALUES (1, ?) ON CONFLICT DO UPDATE SET mark = excluded.mark"""
_BEYOND: Final = 2**63 - 1


class SqliteAudit(SqliteSearch):
    """An `AuditStore` in the file at `path`. Several processes may append at once."""

    def __init__(self, path: Path, *, durability: Durability = "disk") -> None:
        self._path = path
        self._journal = path.with_name(f"{path.name}-wal")
        self._database = Database(path, SCHEMA, synced=durability == "disk")

    async def append(self, rows: Sequence[Pending], link: Link) -> None:
        """Append to the chains in one transaction.

        1. The heads are read inside the transaction, so a writer of another process cannot come
           between the reading of a head and the row that follows it.
        2. An event that is in a chain already, or twice among `rows`, is skipped.
        3. Each row's hash covers the one before; the heads move in the same transaction.
        4. A row that closes what is not open is skipped; who is first closes.
        """

        def work(connection: sqlite3.Connection) -> None:
            heads: dict[str, tuple[int, bytes]] = {}
            for row in rows:
                if row.event_id and connection.execute(_KNOWN, (row.event_id,)).fetchone():
                    continue  # (2)
                if row.closes and not connection.execute(_CLOSE, (row.closes, row.chain)).rowcount:
                    continue  # (4)
                if row.chain not in heads:
                    head = connection.execute(_HEAD, (row.chain,)).fetchone()  # (1)
                    heads[row.chain] = head or (0, GENESIS)
                last, previous = heads[row.chain]
                digest = link(previous, last + 1, row.body)  # (3)
                connection.execute(_INSERT, (row.chain, last + 1, digest, row.body, row.event_id))
                if row.opens:
                    connection.execute(_OPEN, (row.opens, row.chain, last + 1))
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

    async def open_rows(self) -> list[ChainedRow]:
        """The rows that opened a request and were not closed."""
        return [ChainedRow(*row) for row in self._database.read(_OPEN_ROWS)]

    async def space(self) -> Space:
        """Pages in use and the journal; what is free on the disk and in the file."""
        ((pages, empty, size),) = self._database.read(_PAGES)
        try:
            disk = os.statvfs(self._path.parent)
            journal = self._journal.stat().st_size
        except OSError:
            raise StoreUnavailable from None
        free = disk.f_bavail * disk.f_frsize + empty * size
        return Space(used=(pages - empty) * size + journal, free=free)

    async def add_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Keep a signed checkpoint; one that the chain has at this sequence already stays."""
        row = (checkpoint.chain, checkpoint.sequence, msgspec.json.encode(checkpoint))
        await self._database.write(
            lambda connection: connection.execute(_ADD_CHECKPOINT, row).rowcount
        )

    async def checkpoints(
        self, chain: str, *, after: int = 0, limit: int = 50, newest_first: bool = False
    ) -> list[Checkpoint]:
        """Signed checkpoints of one chain; `after` as for `rows`."""
        query, start = _CHECKPOINTS_FORWARD, after
        if newest_first:
            query, start = _CHECKPOINTS_BACKWARD, after or _BEYOND
        found = self._database.read(query, (chain, start, max(limit, 0)))
        return [msgspec.json.decode(body, type=Checkpoint) for (body,) in found]

    async def forget(self, chain: str, through: int) -> None:
        """Remove the rows up to this sequence, and the checkpoints before it; the chain goes on."""

        def work(connection: sqlite3.Connection) -> None:
            for statement in _FORGET:
                connection.execute(statement, (chain, through))

        await self._database.write(work)

    async def prove(self, mark: int) -> None:
        """Write the mark in place of the one before."""
        await self._database.write(lambda connection: connection.execute(_PROVE, (mark,)).rowcount)

    async def close(self) -> None:
        """Finish writes in progress and release the file."""
        await self._database.close()
