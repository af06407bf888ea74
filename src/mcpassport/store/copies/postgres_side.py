"""A PostgreSQL database as one side of a copy: one connection, apart from every pool."""

from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from mcpassport.errors import DataFolderError
from mcpassport.store.copies.layout import Part, Table
from mcpassport.store.copies.queries import (
    delete,
    select,
    select_count,
    select_last,
    select_live,
    select_unfinished,
)
from mcpassport.store.copies.side import Dumped, Mode, Row, older
from mcpassport.store.copies.sqlite_side import open_sqlite_side
from mcpassport.store.copies.transfer import copy, counted, counts
from mcpassport.store.postgres_open import (
    Address,
    Connection,
    address_of,
    adopt,
    connected,
    session_name,
    session_settings,
    shown,
    told,
    version_of,
)
from mcpassport.store.trouble import data_folder_error
from mcpassport.store.unready import Unfinished, unfinished_of

try:
    import asyncpg
except ModuleNotFoundError:  # the extra `postgres` is optional
    asyncpg = None

_ROWS_AHEAD: Final = 200
_LONG_S: Final = 86_400.0
"""A count, or a batch of a long trail, takes as long as it takes."""
_FROZEN_MS: Final = 10_000
"""How long a copy waits until whoever writes just now is done."""
_SESSIONS: Final = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = ANY ($1::text[])"""
_IDENTITIES: Final = """
    SELECT table_name::text, column_name::text FROM information_schema.columns
    WHERE table_schema = $1 AND is_identity = 'YES'"""


class PostgresSide:
    """Made by `open_postgres_side`."""

    def __init__(self, connection: Connection, address: Address, parts: Sequence[Part]) -> None:
        self.place = shown(address)
        self.parts = tuple(parts)
        self._opened = AsyncExitStack()
        self._connection = connection
        self._address = address
        self._absent: set[str] = set()

    async def prepare(self, mode: Mode) -> None:
        """See one moment, and let nobody else write, where `mode` says so.

        Tables are locked before anything is read, so that what is seen then is what stays.
        """
        for part in self.parts:
            name = schema_of(self._address, part)
            await self._connection.execute(f"SET search_path = {name}")
            version = await version_of(self._connection, name, part.postgres)
            if not version:
                self._absent.add(part.name)
            elif version < len(part.postgres.steps):
                raise older(self.place)
        if mode == "read":
            await self._connection.transaction(isolation="repeatable_read", readonly=True).start()
        elif mode == "frozen":
            await self._connection.transaction(isolation="repeatable_read").start()
            for part in self.parts:
                tables = ", ".join(self._name(part, table.name) for table in part.tables)
                if part.name not in self._absent:
                    await self._connection.execute(f"LOCK TABLE {tables} IN SHARE MODE")

    def keep(self, opened: AsyncExitStack) -> None:
        """Take over what `close` lets go of."""
        self._opened = opened

    async def rows(
        self, part: Part, table: Table, after: Row | None = None
    ) -> AsyncGenerator[Row, None]:
        """The rows behind that key, in the order of their keys."""
        if part.name in self._absent:
            return
        query = _numbered(select(table, self._name(part, table.name), resumed=after is not None))
        with failing(self.place):
            # Inside of the transaction that sees one moment, this is a savepoint.
            async with self._connection.transaction():
                async for row in self._connection.cursor(
                    query, *(after or ()), prefetch=_ROWS_AHEAD, timeout=_LONG_S
                ):
                    yield tuple(row)

    async def last(self, part: Part, table: Table) -> Row | None:
        """The greatest key; None if there is no row."""
        rows = await self._read(part, select_last(table, self._name(part, table.name)))
        return tuple(rows[0]) if rows else None

    async def count(self, part: Part, table: Table) -> int:
        """How many rows there are."""
        rows = await self._read(part, select_count(table, self._name(part, table.name)))
        return int(rows[0][0]) if rows else 0

    async def add(self, part: Part, table: Table, rows: Sequence[Row]) -> None:
        """Append rows, all of them or none."""
        with failing(self.place):
            await self._connection.copy_records_to_table(
                table.name,
                schema_name=schema_of(self._address, part),
                columns=table.columns,
                records=rows,
                timeout=_LONG_S,
            )

    async def clear(self, part: Part, table: Table) -> None:
        """Remove every row that a copy may have brought."""
        with failing(self.place):
            statement = delete(table, self._name(part, table.name))
            await self._connection.execute(statement, timeout=_LONG_S)

    async def finish(self) -> None:
        """Let identity columns go on behind their greatest value."""
        with failing(self.place):
            for part in self.parts:
                schema = schema_of(self._address, part)
                for table, column in await self._connection.fetch(_IDENTITIES, schema):
                    name = self._name(part, table)
                    await self._connection.execute(
                        f"SELECT setval(pg_get_serial_sequence('{name}', '{column}'), "  # noqa: S608  # names of our own tables
                        f"coalesce(max({column}), 0) + 1, false) FROM {name}"
                    )

    async def dump(self, folder: Path, told: Dumped) -> None:
        """Copy every part, row by row, all of them as they are at one moment."""
        for part in self.parts:
            if part.name in self._absent:
                raise data_folder_error(
                    self.place, f"there are no {part.postgres.holds}", "Name the right settings."
                )
        progress = counted(told, sum((await counts(self)).values()))
        target = open_sqlite_side(folder, self.parts, "write")
        try:
            await copy(self, target, progress)
        finally:
            await target.close()

    async def unfinished(self) -> Unfinished | None:
        """The copy into this place that is not complete; None if there is none."""
        for part in self.parts:
            if part.name == "records":
                rows = await self._read(part, select_unfinished(self._name(part, "records")))
                return unfinished_of(rows[0][0]) if rows else None
        return None

    async def served_until(self) -> datetime | None:
        """When the lease of the last process that serves this lapses; None if there is none."""
        until = 0.0
        for part in self.parts:
            if part.name == "records":
                rows = await self._read(part, select_live(self._name(part, "leases")))
                until = float(rows[0][0]) if rows else 0.0
        return datetime.fromtimestamp(until, UTC) if until else None

    async def sessions(self) -> int:
        """How many sessions of our programs work in these schemas."""
        names = [session_name(schema_of(self._address, part)) for part in self.parts]
        with failing(self.place):
            return int(await self._connection.fetchval(_SESSIONS, names))

    async def close(self) -> None:
        """Let go of the connection, and of what it locked."""
        await self._opened.aclose()

    def _name(self, part: Part, table: str) -> str:
        return f"{schema_of(self._address, part)}.{table}"

    async def _read(self, part: Part, query: str) -> list[Any]:
        if part.name in self._absent:
            return []
        with failing(self.place):
            rows: list[Any] = await self._connection.fetch(query, timeout=_LONG_S)
            return rows


async def open_postgres_side(url: str, parts: tuple[Part, ...], mode: Mode) -> PostgresSide:
    """Connect; with `write` the schemas are created or brought up to date.

    Raises:
        InvalidSettings: the URL cannot be read.
        DataFolderError: the server cannot be reached, or a schema is not one that we may use.
    """
    address = address_of(url)
    settings = session_settings(
        "copy",
        statement_timeout="0",
        lock_timeout=f"{_FROZEN_MS}",
        idle_in_transaction_session_timeout="0",
    )
    async with AsyncExitStack() as stack:
        with failing(shown(address)):
            if mode == "write":
                for part in parts:
                    await adopt(address.dsn, schema_of(address, part), part.postgres)
            connection = await stack.enter_async_context(connected(address.dsn, settings))
            side = PostgresSide(connection, address, parts)
            await side.prepare(mode)
        side.keep(stack.pop_all())
    return side


def schema_of(address: Address, part: Part) -> str:
    """The schema that holds a part."""
    return address.schema + part.postgres.suffix


@contextmanager
def failing(place: str) -> Iterator[None]:
    """What a failure of the driver means to who runs a copy."""
    try:
        yield
    except asyncpg.LockNotAvailableError:
        raise data_folder_error(
            place, "something else writes to it", "Stop what serves it, then run this again."
        ) from None
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        said = told(error, place)
        if said is not error:
            raise said from None
        raise _failed(place, type(error).__name__) from None
    except OSError as error:
        raise _failed(place, type(error).__name__) from None


def _failed(place: str, kind: str) -> DataFolderError:
    return data_folder_error(
        place,
        f"the server cannot be reached, or failed ({kind})",
        "Mend it, then run this again.",
    )


def _numbered(query: str) -> str:
    first, *rest = query.split("?")
    return first + "".join(f"${number}{part}" for number, part in enumerate(rest, 1))
