"""Records in PostgreSQL: `Store` of a deployment with a database server."""

import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from itertools import groupby
from types import MappingProxyType
from typing import Any, Final, get_args
from zlib import crc32

from mcpassport.records.sources import Clock
from mcpassport.store.listing import check_keys, check_listing, cursor_after, position_of
from mcpassport.store.postgres_open import Connection, PostgresSchema
from mcpassport.store.postgres_pool import Postgres
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

_COLUMNS: Final[tuple[IndexColumn, ...]] = get_args(IndexColumn)
_SCAN_PAGE: Final = 500
_PURGE_BATCH: Final = 1_000
_STRIPES: Final = 256
_ETAG_BYTES: Final = 12
"""96 random bits: no etag ever comes back, not after a delete and not after a restored backup."""

# COLLATE "C": ids compare byte by byte, whatever the database's language is.
SCHEMA: Final = PostgresSchema(
    suffix="",
    holds="records",
    steps=(
        (
            """CREATE TABLE records (
                kind TEXT COLLATE "C" NOT NULL, tenant TEXT COLLATE "C" NOT NULL,
                id TEXT COLLATE "C" NOT NULL, value BYTEA NOT NULL, etag TEXT NOT NULL,
                account TEXT COLLATE "C", integration TEXT COLLATE "C",
                key_version BIGINT, expires_at BIGINT,
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
                position BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                event_id TEXT NOT NULL UNIQUE, chain TEXT NOT NULL, body BYTEA NOT NULL)""",
            """CREATE TABLE leases (
                name TEXT PRIMARY KEY, holder TEXT NOT NULL,
                fence BIGINT NOT NULL, expires_at DOUBLE PRECISION NOT NULL)""",
        ),
    ),
)

_GET: Final = """
    SELECT position, value, etag
    FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS wanted (k, t, i, position)
    JOIN records ON kind = k AND tenant = t AND id = i"""
_LOCK: Final = """
    SELECT pg_advisory_xact_lock(hashtext(current_schema()), stripe)
    FROM unnest($1::integer[]) AS stripe"""
_ETAGS: Final = """
    SELECT kind, tenant, id, etag
    FROM unnest($1::text[], $2::text[], $3::text[]) AS wanted (k, t, i)
    JOIN records ON kind = k AND tenant = t AND id = i
    FOR UPDATE OF records"""
_PUT: Final = """
    INSERT INTO records
        (kind, tenant, id, value, etag, account, integration, key_version, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    ON CONFLICT (kind, tenant, id) DO UPDATE SET
        value = excluded.value, etag = excluded.etag,
        account = excluded.account, integration = excluded.integration,
        key_version = excluded.key_version, expires_at = excluded.expires_at"""
_DELETE: Final = "DELETE FROM records WHERE kind = $1 AND tenant = $2 AND id = $3"
_APPEND: Final = """
    INSERT INTO outbox (event_id, chain, body) VALUES ($1, $2, $3)
    ON CONFLICT (event_id) DO NOTHING"""
_LEASE: Final = """
    INSERT INTO leases (name, holder, fence, expires_at) VALUES ($1, $2, 1, $4)
    ON CONFLICT (name) DO UPDATE SET
        fence = leases.fence + (leases.expires_at <= $3)::integer,
        holder = excluded.holder, expires_at = excluded.expires_at
    WHERE leases.holder = excluded.holder OR leases.expires_at <= $3
    RETURNING fence"""
# A record that is being written just now is not waited for: the next purge meets it.
_PURGE: Final = """
    DELETE FROM records WHERE ctid = ANY (ARRAY (
        SELECT ctid FROM records WHERE expires_at <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED))
    RETURNING 1"""
_FORGET_PROCESSES: Final = "DELETE FROM leases WHERE starts_with(name, $1) AND expires_at <= $2"
_OUTBOX: Final = "SELECT event_id, chain, body FROM outbox ORDER BY position LIMIT $1"
_DONE: Final = "DELETE FROM outbox WHERE event_id = ANY ($1::text[])"


class PostgresStore:
    """A `Store` in the database at `url`, shared by any number of processes and machines."""

    def __init__(self, url: str, *, clock: Clock) -> None:
        self._clock = clock
        self._database = Postgres(url, SCHEMA)
        self._holder = secrets.token_hex(16)

    async def get_many(self, keys: Sequence[Key]) -> list[Entry | None]:
        """The records in the order asked for; one statement for any number of keys."""
        entries: list[Entry | None] = [None] * len(keys)
        for position, value, etag in await self._database.read(_GET, *_arrays(keys)):
            entries[position - 1] = Entry(keys[position - 1], value, etag)
        return entries

    async def write(
        self, ops: Sequence[Op], expect: Mapping[Key, str] = MappingProxyType({})
    ) -> dict[Key, str]:
        """Apply all or nothing; the new etag of each record that was put and not deleted.

        1. Writers that touch the same key come one after the other, so that an expectation holds
           until the commit, also that of a key that does not exist.
        2. The expectations are checked, and their rows kept from a purge.
        3. The operations apply in order.
        """
        check_keys(ops)

        async def work(connection: Connection) -> dict[Key, str]:
            stripes = _stripes(ops, expect)
            if stripes:
                await connection.execute(_LOCK, stripes)  # (1)
            await _check_etags(connection, expect)  # (2)
            etags: dict[Key, str] = {}
            for kind, run in groupby(ops, type):
                await _RUNS[kind](connection, list(run), etags)  # (3)
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
        one_tenant = isinstance(tenant, str)
        parameters: list[Any] = [kind]
        if one_tenant:
            parameters.append(tenant)
        if index is not None:
            parameters.append(value)
        if cursor is not None:
            parameters += position_of(cursor, 1 if one_tenant else 2)
        query = _page_query(one_tenant, index, cursor is not None)
        rows = await self._database.read(query, *parameters, limit + 1)
        entries = tuple(Entry(Key(*row[:3]), row[3], row[4]) for row in rows[:limit])
        if len(rows) <= limit:
            return Page(entries, None)
        return Page(entries, cursor_after(entries[-1].key, one_tenant=one_tenant))

    async def lease(self, name: str, ttl_s: float) -> int | None:
        """Take or renew a lease for this store object; a `ttl_s` of 0 gives it back.

        The fence stays while the lease is renewed in time; it grows when the lease had lapsed.
        """
        now = self._clock().timestamp()
        terms = (name, self._holder, now, now + ttl_s)
        rows = await self._database.write(lambda connection: connection.fetch(_LEASE, *terms))
        return int(rows[0][0]) if rows else None

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
        gone = (PROCESS_LEASE, now.timestamp())
        await self._database.write(lambda connection: connection.execute(_FORGET_PROCESSES, *gone))
        removed = 0
        while True:
            rows = await self._database.write(lambda connection: connection.fetch(_PURGE, *due))
            removed += len(rows)
            if len(rows) < _PURGE_BATCH:
                return removed

    async def forget_deleted(self) -> None:
        """The server's files keep what was deleted until it tidies up by itself."""

    async def outbox(self, limit: int = 500) -> list[Append]:
        """Events not yet moved into their chain, oldest first."""
        return [Append(*row) for row in await self._database.read(_OUTBOX, max(limit, 0))]

    async def outbox_done(self, event_ids: Sequence[str]) -> None:
        """Forget events that are in their chain; unknown ones are no error."""
        done = list(event_ids)
        await self._database.write(lambda connection: connection.execute(_DONE, done))

    async def close(self) -> None:
        """Finish writes in progress and release the connections."""
        await self._database.close()


def _arrays(keys: Sequence[Key]) -> tuple[list[str], ...]:
    return [key.kind for key in keys], [key.tenant for key in keys], [key.id for key in keys]


def _stripes(ops: Sequence[Op], expect: Mapping[Key, str]) -> list[int]:
    """The locks of the keys, in the one order that every writer takes them in.

    Stripes, since a lock per key would exhaust the server's table in a large write.
    """
    keys = {*expect, *(op.key for op in ops if not isinstance(op, Append))}
    packed = ("\0".join(key).encode(errors="surrogatepass") for key in keys)
    return sorted({crc32(key) % _STRIPES for key in packed})


async def _check_etags(connection: Connection, expect: Mapping[Key, str]) -> None:
    if not expect:
        return
    rows = await connection.fetch(_ETAGS, *_arrays([*expect]))
    current = {Key(*row[:3]): row[3] for row in rows}
    for key, etag in expect.items():
        if etag != current.get(key, ABSENT):
            raise EtagConflict(key)


async def _put(connection: Connection, run: list[Put], etags: dict[Key, str]) -> None:
    rows = []
    for op in run:
        etags[op.key] = secrets.token_hex(_ETAG_BYTES)
        columns = [op.columns.get(column) for column in _COLUMNS]
        rows.append((*op.key, op.value, etags[op.key], *columns))
    await connection.executemany(_PUT, rows)


async def _delete(connection: Connection, run: list[Delete], etags: dict[Key, str]) -> None:
    await connection.executemany(_DELETE, [op.key for op in run])
    for op in run:
        etags.pop(op.key, None)


async def _append(connection: Connection, run: list[Append], _etags: dict[Key, str]) -> None:
    await connection.executemany(_APPEND, run)


_RUNS: Final[Mapping[type, Any]] = MappingProxyType({Put: _put, Delete: _delete, Append: _append})


@cache
def _page_query(one_tenant: bool, index: IndexColumn | None, resumed: bool) -> str:  # noqa: FBT001  # parameters that the cache tells apart
    conditions = ["kind = $"]
    if one_tenant:
        conditions.append("tenant = $")
    if index is not None:
        conditions.append(f"{_COLUMNS[_COLUMNS.index(index)]} = $")
    if resumed:
        conditions.append("id > $" if one_tenant else "(id, tenant) > ($, $)")
    order = "id" if one_tenant else "id, tenant"
    query = " ".join(
        (
            "SELECT kind, tenant, id, value, etag FROM records WHERE",
            " AND ".join(conditions),
            f"ORDER BY {order} LIMIT $",
        )
    )
    first, *rest = query.split("$")
    return first + "".join(f"${number}{part}" for number, part in enumerate(rest, 1))
