"""The audit trail in PostgreSQL, in a schema of its own beside the records: `AuditStore`."""

from collections import deque
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from mcpassport.errors import StoreUnavailable
from mcpassport.records.audit import ChainedRow, Checkpoint
from mcpassport.store.postgres_open import Connection, PostgresSchema
from mcpassport.store.postgres_pool import Postgres
from mcpassport.store.postgres_search import PostgresSearch
from mcpassport.store.protocol import GENESIS, Durability, Link, Pending, Space

SCHEMA: Final = PostgresSchema(
    suffix="_audit",
    holds="audit rows",
    steps=(
        (
            """CREATE TABLE chained (
                chain TEXT COLLATE "C" NOT NULL, sequence BIGINT NOT NULL,
                hash BYTEA NOT NULL, body BYTEA NOT NULL, event_id TEXT NOT NULL,
                PRIMARY KEY (chain, sequence))""",
            "CREATE UNIQUE INDEX chained_event ON chained (event_id) WHERE event_id <> ''",
            """CREATE TABLE heads (
                chain TEXT COLLATE "C" PRIMARY KEY, sequence BIGINT NOT NULL,
                hash BYTEA NOT NULL)""",
        ),
        (
            """CREATE TABLE open (
                request TEXT COLLATE "C" NOT NULL, chain TEXT COLLATE "C" NOT NULL,
                sequence BIGINT NOT NULL, PRIMARY KEY (request, chain, sequence))""",
        ),
        (
            """CREATE TABLE checkpoints (
                chain TEXT COLLATE "C" NOT NULL, sequence BIGINT NOT NULL, body BYTEA NOT NULL,
                PRIMARY KEY (chain, sequence))""",
        ),
        (
            "CREATE TABLE proof (id INTEGER PRIMARY KEY CHECK (id = 1), mark BIGINT NOT NULL)",
            """CREATE TABLE segments (
                chain TEXT COLLATE "C" NOT NULL, first BIGINT NOT NULL, last BIGINT NOT NULL,
                since BIGINT NOT NULL, until BIGINT NOT NULL, holds BYTEA NOT NULL,
                PRIMARY KEY (chain, first))""",
            "ALTER TABLE heads ADD COLUMN segmented BIGINT NOT NULL DEFAULT 0",
        ),
    ),
)
_BEGIN_CHAINS: Final = """
    INSERT INTO heads (chain, sequence, hash)
    SELECT name, 0, $2::bytea FROM unnest($1::text[]) AS name
    ON CONFLICT (chain) DO NOTHING"""
_HEADS: Final = """
    SELECT chain, sequence, hash FROM heads
    WHERE chain = ANY ($1::text[]) ORDER BY chain FOR UPDATE"""
_KNOWN: Final = """
    SELECT event_id FROM chained WHERE event_id = ANY ($1::text[]) AND event_id <> ''"""
_INSERT: Final = """
    INSERT INTO chained (chain, sequence, hash, body, event_id) VALUES ($1, $2, $3, $4, $5)"""
_MOVE_HEAD: Final = "UPDATE heads SET sequence = $2, hash = $3 WHERE chain = $1"
_OPEN_OF: Final = """
    SELECT request, chain, sequence FROM open
    WHERE request = ANY ($1::text[]) ORDER BY sequence"""
_OPEN: Final = "INSERT INTO open (request, chain, sequence) VALUES ($1, $2, $3)"
_CLOSE: Final = "DELETE FROM open WHERE request = $1 AND chain = $2 AND sequence = $3"
_OPEN_ROWS: Final = """
    SELECT chained.chain, chained.sequence, hash, body FROM open JOIN chained
    ON chained.chain = open.chain AND chained.sequence = open.sequence
    ORDER BY chained.chain, chained.sequence"""
_USED: Final = """
    SELECT coalesce(sum(pg_total_relation_size(oid)), 0) FROM pg_class
    WHERE relnamespace = to_regnamespace(current_schema()) AND relkind = 'r'"""
_FORWARD: Final = """
    SELECT chain, sequence, hash, body FROM chained
    WHERE chain = $1 AND sequence > $2 ORDER BY sequence LIMIT $3"""
_BACKWARD: Final = """
    SELECT chain, sequence, hash, body FROM chained
    WHERE chain = $1 AND sequence < $2 ORDER BY sequence DESC LIMIT $3"""
_ADD_CHECKPOINT: Final = """
    INSERT INTO checkpoints (chain, sequence, body) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"""
_CHECKPOINTS_FORWARD: Final = """
    SELECT body FROM checkpoints WHERE chain = $1 AND sequence > $2 ORDER BY sequence LIMIT $3"""
_CHECKPOINTS_BACKWARD: Final = """
    SELECT body FROM checkpoints
    WHERE chain = $1 AND sequence < $2 ORDER BY sequence DESC LIMIT $3"""
_FORGET: Final = (
    "DELETE FROM chained WHERE chain = $1 AND sequence <= $2",
    "DELETE FROM checkpoints WHERE chain = $1 AND sequence < $2",
    "DELETE FROM segments WHERE chain = $1 AND last <= $2",
)
_PROVE: Final = """
    INSERT INTO proof (id, mark) VALUES (1, $1)
    ON CONFLICT (id) DO UPDATE SET mark = excluded.mark"""
_BEYOND: Final = 2**63 - 1
_BEGUN_MAX: Final = 65_536


class _OpenRows:
    """The open rows that one batch of appends may close, and what becomes of them."""

    def __init__(self, found: Sequence[Sequence[Any]]) -> None:
        self._waiting: dict[tuple[str, str], deque[int]] = {}
        self._stored = {(request, chain, sequence) for request, chain, sequence in found}
        self.opened: set[tuple[str, str, int]] = set()
        self.closed: set[tuple[str, str, int]] = set()
        for request, chain, sequence in found:
            self._waiting.setdefault((request, chain), deque()).append(sequence)

    def open(self, request: str, chain: str, sequence: int) -> None:
        self._waiting.setdefault((request, chain), deque()).append(sequence)
        self.opened.add((request, chain, sequence))

    def close(self, request: str, chain: str) -> bool:
        """Close the oldest; False when none is open."""
        waiting = self._waiting.get((request, chain))
        if not waiting:
            return False
        row = (request, chain, waiting.popleft())
        if row in self._stored:
            self.closed.add(row)
        self.opened.discard(row)
        return True


class PostgresAudit(PostgresSearch):
    """An `AuditStore` in the database at `url`. Any number of nodes may append at once."""

    def __init__(self, url: str, *, durability: Durability = "disk") -> None:
        self._database = Postgres(url, SCHEMA, synced=durability == "disk")
        self._begun: set[str] = set()
        """Chains that are known to have a head, which none ever loses."""

    async def append(self, rows: Sequence[Pending], link: Link) -> None:
        """Append to the chains in one transaction.

        1. The heads are locked, in one order for everyone, until the commit: no other node can
           come between the reading of a head and the row that follows it, nor between the reading
           of a chain's open rows and their closing.
        2. An event that is in a chain already, or twice among `rows`, is skipped.
        3. Each row's hash covers the one before; the heads move in the same transaction.
        4. A row that closes what is not open is skipped; who is first closes.
        """
        if not rows:
            return
        chains = sorted({row.chain for row in rows})

        async def work(connection: Connection) -> None:
            heads = await self._lock_heads(connection, chains)  # (1)
            events = [row.event_id for row in rows if row.event_id]
            found = await connection.fetch(_KNOWN, events) if events else ()
            closing = [row.closes for row in rows if row.closes]
            listed = _OpenRows(await connection.fetch(_OPEN_OF, closing) if closing else ())
            chained = _linked(rows, link, heads, {row[0] for row in found}, listed)
            moved = [(name, *head) for name, head in heads.items()]
            for statement, several in (
                (_INSERT, chained),
                (_OPEN, sorted(listed.opened)),
                (_CLOSE, sorted(listed.closed)),
                (_MOVE_HEAD, moved),
            ):
                if several:  # each is a round trip
                    await connection.executemany(statement, several)

        await self._database.write(work)
        if len(self._begun) >= _BEGUN_MAX:
            self._begun.clear()
        self._begun.update(chains)

    async def _lock_heads(
        self, connection: Connection, chains: list[str]
    ) -> dict[str, tuple[int, bytes]]:
        if not self._begun.issuperset(chains):
            await connection.execute(_BEGIN_CHAINS, chains, GENESIS)
        locked = await connection.fetch(_HEADS, chains)
        if len(locked) != len(chains):  # another database stands at this address by now
            self._begun.clear()
            raise StoreUnavailable
        return {chain: (sequence, digest) for chain, sequence, digest in locked}

    async def open_rows(self) -> list[ChainedRow]:
        """The rows that opened a request and were not closed."""
        return [ChainedRow(*row) for row in await self._database.read(_OPEN_ROWS)]

    async def space(self) -> Space:
        """What the tables of the trail take; a client cannot know what the server's disk has."""
        ((used,),) = await self._database.read(_USED)
        return Space(used=int(used), free=None)

    async def rows(
        self, chain: str, *, after: int = 0, limit: int = 50, newest_first: bool = False
    ) -> list[ChainedRow]:
        """Rows of one chain; `after` 0 starts at the oldest, or with `newest_first` the newest."""
        query, start = (_BACKWARD, after or _BEYOND) if newest_first else (_FORWARD, after)
        found = await self._database.read(query, chain, start, max(limit, 0))
        return [ChainedRow(*row) for row in found]

    async def add_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Keep a signed checkpoint; one that the chain has at this sequence already stays."""
        row = (checkpoint.chain, checkpoint.sequence, msgspec.json.encode(checkpoint))
        await self._database.write(lambda connection: connection.execute(_ADD_CHECKPOINT, *row))

    async def checkpoints(
        self, chain: str, *, after: int = 0, limit: int = 50, newest_first: bool = False
    ) -> list[Checkpoint]:
        """Signed checkpoints of one chain; `after` as for `rows`."""
        query, start = _CHECKPOINTS_FORWARD, after
        if newest_first:
            query, start = _CHECKPOINTS_BACKWARD, after or _BEYOND
        found = await self._database.read(query, chain, start, max(limit, 0))
        return [msgspec.json.decode(body, type=Checkpoint) for (body,) in found]

    async def forget(self, chain: str, through: int) -> None:
        """Remove the rows up to this sequence, and the checkpoints before it; the chain goes on."""

        async def work(connection: Connection) -> None:
            for statement in _FORGET:
                await connection.execute(statement, chain, through)

        await self._database.write(work)

    async def prove(self, mark: int) -> None:
        """Write the mark in place of the one before."""
        await self._database.write(lambda connection: connection.execute(_PROVE, mark))

    async def close(self) -> None:
        """Finish writes in progress and release the connections."""
        await self._database.close()


def _linked(
    rows: Sequence[Pending],
    link: Link,
    heads: dict[str, tuple[int, bytes]],
    known: set[str],
    listed: _OpenRows,
) -> list[tuple[str, int, bytes, bytes, str]]:
    """The rows as stored; moves `heads`, `known` and `listed` along."""
    chained: list[tuple[str, int, bytes, bytes, str]] = []
    for row in rows:
        if row.event_id in known:
            continue  # (2)
        if row.closes and not listed.close(row.closes, row.chain):
            continue  # (4)
        last, previous = heads[row.chain]
        digest = link(previous, last + 1, row.body)  # (3)
        chained.append((row.chain, last + 1, digest, row.body, row.event_id))
        if row.opens:
            listed.open(row.opens, row.chain, last + 1)
        heads[row.chain] = (last + 1, digest)
        known |= {row.event_id} - {""}
    return chained
