"""One schema of a PostgreSQL database: a pool of connections, one transaction per write."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit

from mcpassport.errors import DataFolderError, InvalidSettings, StoreUnavailable
from mcpassport.store.listing import unstorable

try:
    import asyncpg
except ModuleNotFoundError:  # the extra `postgres` is optional
    asyncpg = None

T = TypeVar("T")
Connection: TypeAlias = Any
"""A connection of the driver, which carries no types."""

POOL_SIZE: Final = 10
"""Connections of one process to one schema."""
CONNECT_S: Final = 5.0
"""How long an operation waits for a connection, new or returned by another."""
STATEMENT_MS: Final = 10_000
"""How long the server works on one statement, waiting for locks included."""
_ANSWER_S: Final = 15.0
"""How long we wait for the answer to a statement: a server that hangs cannot time out itself."""
_DEFAULT_SCHEMA: Final = "mcpassport"
_SCHEMA_NAME: Final = re.compile(r"[a-z_][a-z0-9_]{0,39}")
_FORM: Final = "write it as postgresql://user:password@host:port/database"

_HAS_SCHEMA: Final = "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = current_schema())"
_HAS_TABLES: Final = "SELECT to_regclass('schema_version') IS NOT NULL"
_VERSIONS: Final = "CREATE TABLE schema_version (holds TEXT PRIMARY KEY, version INTEGER NOT NULL)"
_SET_VERSION: Final = """
    INSERT INTO schema_version VALUES ($1, $2)
    ON CONFLICT (holds) DO UPDATE SET version = excluded.version"""


class PostgresSchema(NamedTuple):
    """The tables of one schema. `steps[n]` leads from version n to n + 1; steps are only added."""

    suffix: str
    """What follows the name of the schema in the URL: each kind has a schema of its own."""
    holds: str
    """What the schema holds, for messages: `records`, `audit rows`, `keys`."""
    steps: tuple[tuple[str, ...], ...]


class Address(NamedTuple):
    """What the driver is given, and the name of the schema; holds the password, so never shown."""

    dsn: str
    schema: str


def address_of(url: str) -> Address:
    """Take `?schema=` out of the URL; everything else is the driver's.

    Raises:
        InvalidSettings: it is not such a URL, or the driver is not installed; never repeats it.
    """
    if asyncpg is None:
        raise InvalidSettings(
            "A store in PostgreSQL needs the driver: run pip install 'mcpassport[postgres]'"
        )
    try:
        parts = urlsplit(url)
        usable = parts.scheme == "postgresql" and parts.port != 0 and len(parts.path) > 1
        options = parse_qsl(parts.query, keep_blank_values=True)
    except ValueError:
        usable, options = False, []
    if not usable or parts.fragment:
        raise InvalidSettings(f"The URL of the PostgreSQL store cannot be read: {_FORM}") from None
    schema = dict(options).get("schema", _DEFAULT_SCHEMA)
    if not _SCHEMA_NAME.fullmatch(schema):
        raise InvalidSettings("`schema` in the store's URL is a name such as mcpassport")
    rest = urlencode([(name, value) for name, value in options if name != "schema"])
    return Address(parts._replace(query=rest).geturl(), schema)


class Postgres:
    """Connects on first use, and again whenever the server was away.

    Every operation runs in a task of its own: who waits for it may be cancelled, the transaction
    happens as a whole or not at all.
    """

    def __init__(self, url: str, schema: PostgresSchema, *, synced: bool = True) -> None:
        address = address_of(url)
        self._synced = synced
        self._dsn = address.dsn
        self._name = address.schema + schema.suffix
        self._schema = schema
        self._pool: Any = None
        self._opening = asyncio.Lock()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closed = False

    async def read(self, query: str, *parameters: Any) -> list[Any]:
        """All rows of one query, from one moment; sees every write that was awaited before.

        Raises:
            StoreUnavailable: the server failed or cannot be reached.
            InvalidInput: a text or number cannot be stored, so it cannot be looked up either.
            DataFolderError: on first use, the schema is not one of ours.
        """
        return await self._apart(self._read(query, parameters))

    async def write(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Run `work` in one transaction; what it raises rolls everything back and is raised here.

        Raises as `read` does. After `StoreUnavailable` it did not happen, unless the connection
        was lost in the very commit.
        """
        return await self._apart(self._transact(work))

    async def close(self) -> None:
        """Finish what was begun and release the connections; harmless when repeated."""
        self._closed = True
        if self._tasks:
            await asyncio.wait(self._tasks)
        pool, self._pool = self._pool, None
        if pool is not None:
            try:
                async with asyncio.timeout(CONNECT_S):
                    await pool.close()
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                pool.terminate()

    async def _apart(self, work: Coroutine[Any, Any, T]) -> T:
        if self._closed:
            work.close()
            raise StoreUnavailable
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return await asyncio.shield(task)

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        # Whoever waited may be gone: an exception that nobody fetches must not become a warning.
        if not task.cancelled():
            task.exception()

    async def _read(self, query: str, parameters: tuple[Any, ...]) -> list[Any]:
        async with self._connected() as connection:
            rows: list[Any] = await connection.fetch(query, *parameters)
            return rows

    async def _transact(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        async with self._connected() as connection, connection.transaction():
            return await work(connection)

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Connection]:
        try:
            pool = await self._opened()
            async with pool.acquire(timeout=CONNECT_S) as connection:
                yield connection
        except asyncpg.DataError:
            raise unstorable() from None
        except asyncpg.InterfaceError as error:
            # The driver's own data error has no public name; it is the one that is a ValueError.
            if isinstance(error, ValueError):
                raise unstorable() from None
            raise StoreUnavailable from None
        except (asyncpg.PostgresError, OSError, MemoryError):
            raise StoreUnavailable from None

    async def _opened(self) -> Any:
        async with self._opening:
            if self._pool is None:
                pool = _pool(self._dsn, self._name, synced=self._synced)
                try:
                    await pool
                    async with pool.acquire(timeout=CONNECT_S) as connection:
                        await _adopt(connection, self._name, self._schema)
                except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                    raise _told(error, self._name) from None
                else:
                    self._pool = pool
                finally:
                    if self._pool is None:
                        pool.terminate()
            return self._pool


async def _keep(_connection: Connection) -> None:
    """Our statements change nothing of a session, so nothing is reset between two uses."""


def _pool(dsn: str, schema: str, *, synced: bool) -> Any:
    return asyncpg.create_pool(
        dsn,
        min_size=0,
        max_size=POOL_SIZE,
        timeout=CONNECT_S,
        command_timeout=_ANSWER_S,
        reset=_keep,
        server_settings={
            "application_name": "mcpassport",
            "search_path": schema,
            "synchronous_commit": "on" if synced else "off",
            "statement_timeout": f"{STATEMENT_MS}",
            "idle_in_transaction_session_timeout": f"{STATEMENT_MS * 3}",
        },
    )


def _told(error: Exception, name: str) -> Exception:
    """What the operator must mend, said plainly; any other failure as it is."""
    if isinstance(error, asyncpg.ClientConfigurationError):
        return InvalidSettings(f"The URL of the PostgreSQL store cannot be read: {_FORM}")
    if isinstance(error, asyncpg.InvalidAuthorizationSpecificationError):
        return _error(name, "the server refuses this user or password", "Correct `store_url`.")
    if isinstance(error, asyncpg.InvalidCatalogNameError):
        return _error(name, "the server has no such database", "Create it, or correct `store_url`.")
    if isinstance(error, asyncpg.InsufficientPrivilegeError):
        return _error(
            name,
            "this user may not create its schema or tables",
            "Grant CREATE on the database, or let another user create the schema and own it.",
        )
    return error


async def _adopt(connection: Connection, name: str, schema: PostgresSchema) -> None:
    """Bring the schema up to date in one transaction, of several processes one after the other.

    Raises:
        DataFolderError: says what is wrong, where, and how to mend it.
    """
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", name)
        if await connection.fetchval("SHOW server_encoding") != "UTF8":
            raise _error(name, "the database is not UTF-8", "Create one with ENCODING 'UTF8'.")
        if not await connection.fetchval(_HAS_SCHEMA):
            await connection.execute(f"CREATE SCHEMA {name}")
        if not await connection.fetchval(_HAS_TABLES):
            await connection.execute(_VERSIONS)
        found = dict(await connection.fetch("SELECT holds, version FROM schema_version"))
        version, known = found.pop(schema.holds, 0), len(schema.steps)
        if found:
            raise _error(name, f"this is not one of our {schema.holds}", "Choose another schema.")
        if version > known:
            raise _error(
                name,
                f"a newer release wrote these {schema.holds} "
                f"(schema {version}, this program knows {known})",
                "Nothing was changed. Run that release or a later one.",
            )
        if version < known:
            for statement in (sql for step in schema.steps[version:] for sql in step):
                await connection.execute(statement)
            await connection.execute(_SET_VERSION, schema.holds, known)


def _error(name: str, what: str, mend: str) -> DataFolderError:
    return DataFolderError(f"PostgreSQL schema {name}: {what}. {mend}")
