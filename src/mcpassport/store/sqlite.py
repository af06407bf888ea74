"""Records in one SQLite file: `Store` of the embedded deployment."""

import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from functools import cache, lru_cache
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Final, get_args

from mcpassport.records.sources import Clock
from mcpassport.store.listing import check_keys, check_listing, cursor_after, position_of
from mcpassport.store.protocol import (
    ABSENT,
    PROCESS_LEASE,
    Append,
    Delete,
    Entry,
    EtagConflict,
    IndexColumn,
    IndexValue,
    Key,
    Op,
    Page,
    Put,
    _All,
)
from mcpassport.store.sqlite_engine import Database, Parameter
from mcpassport.store.sqlite_open import Schema

_COLUMNS: Final[tuple[IndexColumn, ...]] = get_args(IndexColumn)
_KEYS_PER_STATEMENT: Final = 5_000
_SCAN_PAGE: Final = 500
_PURGE_BATCH: Final = 1_000

SCHEMA: Final = Schema(
    application_id=0x6D637031,
    holds="records",
    steps=(
        (
            """CREATE TABLE records (
                kind TEXT NOT NULL, tenant TEXT NOT NULL, id TEXT NOT NULL,
                value BLOB NOT NULL, etag TEXT NOT NULL,
                account TEXT, integration TEXT, key_version INTEGER, expires_at INTEGER,
                PRIMARY KEY (kind, tenant, id))""",
            "CREATE INDEX records_all ON records (kind, id, tenant)",
            *(
                f"CREATE INDEX records_{column} ON records (kind, tenant, {column}, id)"
                f" WHERE {column} IS NOT NULL"
                for column in _COLUMNS
            ),
            *(
                f"CREATE INDEX records_all_{column} ON records (kind, {column}, id, tenant)"
                f" WHERE {column} IS NOT NULL"
                for column in _COLUMNS
            ),
            "CREATE INDEX records_expiring ON records (expires_at) WHERE expires_at IS NOT NULL",
            """CREATE TABLE outbox (
                position INTEGER PRIMARY KEY AUTOINCREMENT,
                event_id TEXT NOT NULL UNIQUE, chain TEXT NOT NULL, body BLOB NOT NULL)""",
            """CREATE TABLE leases (
                name TEXT PRIMARY KEY, holder TEXT NOT NULL,
                fence INTEGER NOT NULL, expires_at REAL NOT NULL)""",
        ),
    ),
)

# 96 random bits from SQLite's own generator: no etag ever comes back, not after a delete and not
# after a restored backup, which a counter could not promise.
_PUT: Final = """
    INSERT INTO records
        (kind, tenant, id, value, account, integration, key_version, expires_at, etag)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, lower(hex(randomblob(12))))
    ON CONFLICT (kind, tenant, id) DO UPDATE SET
        value = excluded.value, etag = excluded.etag,
        account = excluded.account, integration = excluded.integration,
        key_version = excluded.key_version, expires_at = excluded.expires_at
    RETURNING etag"""
_DELETE: Final = "DELETE FROM records WHERE kind = ? AND tenant = ? AND id = ?"
_ETAG: Final = "SELECT etag FROM records WHERE kind = ? AND tenant = ? AND id = ?"
_APPEND: Final = "INSERT OR IGNORE INTO outbox (event_id, chain, body) VALUES (?, ?, ?)"
_LEASE: Final = """
    INSERT INTO leases (name, holder, fence, expires_at) VALUES (:name, :holder, 1, :until)
    ON CONFLICT (name) DO UPDATE SET
        fence = fence + (expires_at <= :now),
        holder = excluded.holder, expires_at = excluded.expires_at
    WHERE holder = excluded.holder OR expires_at <= :now
    RETURNING fence"""
_FORGET_PROCESSES: Final = "DELETE FROM leases WHERE name >= ? AND name < ? AND expires_at <= ?"
_PURGE: Final = """
    DELETE FROM records WHERE rowid IN
        (SELECT rowid FROM records WHERE expires_at <= ? LIMIT ?)"""


class SqliteStore:
    """A `Store` in the file at `path`. Several processes may use the file at once."""

    def __init__(self, path: Path, *, clock: Clock) -> None:
        self._clock = clock
        self._database = Database(path, SCHEMA)
        self._holder: str = self._database.read("SELECT lower(hex(randomblob(16)))")[0][0]

    async def get_many(self, keys: Sequence[Key]) -> list[Entry | None]:
        """The records in the order asked for; one statement for up to 5,000 keys."""
        entries: list[Entry | None] = [None] * len(keys)
        for start in range(0, len(keys), _KEYS_PER_STATEMENT):
            part = keys[start : start + _KEYS_PER_STATEMENT]
            query = _get_many_query(len(part))
            for position, value, etag in self._database.read(query, [*chain(*part)]):
                entries[start + position] = Entry(part[position], value, etag)
        return entries

    async def write(
        self, ops: Sequence[Op], expect: Mapping[Key, str] = MappingProxyType({})
    ) -> dict[Key, str]:
        """Apply all or nothing; the new etag of each record that was put and not deleted."""
        check_keys(ops)

        def work(connection: sqlite3.Connection) -> dict[Key, str]:
            _check_etags(connection, expect)
            etags: dict[Key, str] = {}
            for op in ops:
                _apply(connection, op, etags)
            return etags

        return await self._database.write(work)

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
        """One page in id order (across tenants: id, then tenant).

        Raises:
            InvalidInput: the cursor is not one of this listing, or the limit is below 1.
        """
        check_listing(index, value, limit)
        parameters: list[Parameter] = [kind]
        if isinstance(tenant, str):
            parameters.append(tenant)
        if index is not None:
            parameters.append(value)
        if cursor is not None:
            parameters += position_of(cursor, 1 if isinstance(tenant, str) else 2)
        query = _page_query(isinstance(tenant, str), index, cursor is not None)
        rows = self._database.read(query, (*parameters, limit + 1))
        entries = tuple(Entry(Key(*row[:3]), row[3], row[4]) for row in rows[:limit])
        if len(rows) <= limit:
            return Page(entries, None)
        return Page(entries, cursor_after(entries[-1].key, one_tenant=isinstance(tenant, str)))

    async def lease(self, name: str, ttl_s: float) -> int | None:
        """Take or renew a lease for this store object; a `ttl_s` of 0 gives it back.

        The fence stays while the lease is renewed in time; it grows when the lease had lapsed.
        """
        now = self._clock().timestamp()
        terms = {"name": name, "holder": self._holder, "now": now, "until": now + ttl_s}
        row = await self._database.write(lambda c: c.execute(_LEASE, terms).fetchone())
        return None if row is None else int(row[0])

    async def scan(self, kind: str, tenant: str | _All) -> AsyncIterator[Entry]:
        """Every record of a kind, page by page; writes between two pages may or may not show."""
        cursor: str | None = None
        while True:
            page = await self.page(kind, tenant, cursor=cursor, limit=_SCAN_PAGE)
            for entry in page.entries:
                yield entry
            cursor = page.cursor
            if cursor is None:
                return

    async def purge(self, now: datetime) -> int:
        """Remove what has expired, in transactions small enough to let others write between."""
        due = (int(now.timestamp()), _PURGE_BATCH)
        after = PROCESS_LEASE[:-1] + chr(ord(PROCESS_LEASE[-1]) + 1)
        gone = (PROCESS_LEASE, after, now.timestamp())
        await self._database.write(lambda c: c.execute(_FORGET_PROCESSES, gone))
        removed = count = await self._database.write(lambda c: c.execute(_PURGE, due).rowcount)
        while count == _PURGE_BATCH:
            count = await self._database.write(lambda c: c.execute(_PURGE, due).rowcount)
            removed += count
        return removed

    async def forget_deleted(self) -> None:
        """Fold the journal into the file, where deleted bytes are overwritten."""
        await self._database.empty_journal()

    async def outbox(self, limit: int = 500) -> list[Append]:
        """Events not yet moved into their chain, oldest first."""
        query = "SELECT event_id, chain, body FROM outbox ORDER BY position LIMIT ?"
        return [Append(*row) for row in self._database.read(query, (max(limit, 0),))]

    async def outbox_done(self, event_ids: Sequence[str]) -> None:
        """Forget events that are in their chain; unknown ones are no error."""
        done = [(event_id,) for event_id in event_ids]

        def work(connection: sqlite3.Connection) -> None:
            connection.executemany("DELETE FROM outbox WHERE event_id = ?", done)

        await self._database.write(work)

    async def close(self) -> None:
        """Finish writes in progress and release the file."""
        await self._database.close()


@lru_cache(maxsize=64)
def _get_many_query(count: int) -> str:
    # CROSS JOIN fixes the order: for each wanted key one look-up in the primary key. The plainer
    # `(kind, tenant, id) IN (VALUES …)` makes SQLite walk the table, 200 times slower at 24,000
    # records.
    wanted = ", ".join(f"({position}, ?, ?, ?)" for position in range(count))
    return f"""
        WITH wanted (position, k, t, i) AS (VALUES {wanted})
        SELECT position, value, etag FROM wanted CROSS JOIN records
        ON kind = k AND tenant = t AND id = i"""  # noqa: S608  # only positions and question marks


@cache
def _page_query(one_tenant: bool, index: IndexColumn | None, resumed: bool) -> str:  # noqa: FBT001  # parameters that the cache tells apart
    conditions = ["kind = ?"]
    if one_tenant:
        conditions.append("tenant = ?")
    if index is not None:
        conditions.append(f"{_COLUMNS[_COLUMNS.index(index)]} = ?")
    if resumed:
        conditions.append("id > ?" if one_tenant else "(id, tenant) > (?, ?)")
    return " ".join(
        (
            "SELECT kind, tenant, id, value, etag FROM records WHERE",
            " AND ".join(conditions),
            "ORDER BY id LIMIT ?" if one_tenant else "ORDER BY id, tenant LIMIT ?",
        )
    )


def _check_etags(connection: sqlite3.Connection, expect: Mapping[Key, str]) -> None:
    for key, etag in expect.items():
        row = connection.execute(_ETAG, key).fetchone()
        if etag != (ABSENT if row is None else row[0]):
            raise EtagConflict(key)


def _apply(connection: sqlite3.Connection, op: Op, etags: dict[Key, str]) -> None:
    if isinstance(op, Put):
        columns = [op.columns.get(column) for column in _COLUMNS]
        (etags[op.key],) = connection.execute(_PUT, (*op.key, op.value, *columns)).fetchone()
    elif isinstance(op, Delete):
        connection.execute(_DELETE, op.key)
        etags.pop(op.key, None)
    else:
        connection.execute(_APPEND, op)
