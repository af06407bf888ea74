"""One schema of a PostgreSQL database: a pool of connections, one transaction per write."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

from mcpassport.errors import StoreUnavailable
from mcpassport.records.masked import MaskedUrl
from mcpassport.store.listing import unstorable
from mcpassport.store.postgres_open import (
    ANSWER_S,
    CONNECT_S,
    Connection,
    PostgresSchema,
    address_of,
    adopt,
    place_of,
    session_settings,
    told,
)

try:
    import asyncpg
except ModuleNotFoundError:  # the extra `postgres` is optional
    asyncpg = None

T = TypeVar("T")

POOL_SIZE: Final = 10
"""Connections of one process to one schema."""
STATEMENT_MS: Final = 10_000
"""How long the server works on one statement, waiting for locks included."""


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
        self._adopting: asyncio.Task[None] | None = None
        self._opening = asyncio.Lock()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closed = False

    @property
    def place(self) -> str:
        """The schema, for messages."""
        return place_of(self._name)

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
        if self._adopting is not None:
            await asyncio.wait([self._adopting], timeout=CONNECT_S)
        if self._adopting is not None:
            self._adopting.cancel()  # it may wait for another process, for hours
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
        except (asyncpg.PostgresError, asyncpg.InternalClientError, OSError, MemoryError):
            raise StoreUnavailable from None

    async def _opened(self) -> Any:
        async with self._opening:
            if self._pool is None:
                self._adopting = asyncio.create_task(adopt(self._dsn, self._name, self._schema))
                try:
                    await self._adopting
                    self._pool = await _pool(self._dsn, self._name, synced=self._synced)
                except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                    raise told(error, self.place) from None
                except asyncio.CancelledError:  # by `close`
                    raise StoreUnavailable from None
                finally:
                    self._adopting = None
            return self._pool


async def _keep(_connection: Connection) -> None:
    """Our statements change nothing of a session, so nothing is reset between two uses."""


def _pool(dsn: MaskedUrl, schema: str, *, synced: bool) -> Any:
    return asyncpg.create_pool(
        dsn.in_full(),
        min_size=0,
        max_size=POOL_SIZE,
        timeout=CONNECT_S,
        command_timeout=ANSWER_S,
        reset=_keep,
        server_settings=session_settings(
            schema,
            synchronous_commit="on" if synced else "off",
            statement_timeout=f"{STATEMENT_MS}",
            idle_in_transaction_session_timeout=f"{STATEMENT_MS * 3}",
        ),
    )
