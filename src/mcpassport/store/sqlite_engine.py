"""One SQLite file: reads on the event loop, writes in one thread, one transaction each."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeAlias, TypeVar

from mcpassport.errors import StoreUnavailable
from mcpassport.store.listing import unstorable
from mcpassport.store.sqlite_open import Schema, connect

Parameter: TypeAlias = str | int | float | bytes | None
P = ParamSpec("P")
T = TypeVar("T")

_UNSTORABLE: Final = (UnicodeEncodeError, OverflowError)


class Database:
    """A read-only connection for the loop and a writing one for a thread of its own.

    Reads cost microseconds, so a hop to a thread would cost more than it saves. A write may wait
    for the disk and for writers of other processes.
    """

    def __init__(self, path: Path, schema: Schema, *, synced: bool = True) -> None:
        """`synced` waits for the disk in each commit: what was written survives a power failure.

        Without it a commit survives the death of the process, and the file stays sound in any case.
        """
        self._writer, self._reader = connect(path, schema)
        if not synced:
            self._writer.execute("PRAGMA synchronous = NORMAL")
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"mcpassport-{path.stem}")
        self._closed = False

    def read(self, query: str, parameters: Sequence[Parameter] = ()) -> list[Any]:
        """All rows of one query, from one moment; sees every write that was awaited before.

        Raises:
            StoreUnavailable: the engine failed.
            InvalidInput: a text or number cannot be stored, so it cannot be looked up either.
        """
        try:
            return self._reader.execute(query, parameters).fetchall()
        except (sqlite3.Error, MemoryError):
            raise StoreUnavailable from None
        except _UNSTORABLE:
            raise unstorable() from None

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in one transaction; what it raises rolls everything back and is raised here.

        A cancelled caller stops waiting; the transaction still happens as a whole, or not at all.
        After `StoreUnavailable` it did not happen, unless the disk failed in the very commit.
        """
        return await self._wait(self._submit(self._transact, work))

    def write_now(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """The same, blocking: for the time before the event loop runs."""
        return self._submit(self._transact, work).result()

    async def empty_journal(self) -> None:
        """Fold the journal into the file, so that what was overwritten is gone from both."""
        await self._wait(self._submit(self._checkpoint))

    async def close(self) -> None:
        """Finish the writes in progress and release the file; harmless when repeated."""
        if not self._closed:
            await self._wait(self._release())

    def close_now(self) -> None:
        """The same, blocking: when what was opened turns out to be of no use."""
        self._release().result()

    def _release(self) -> Future[None]:
        self._closed = True
        self._reader.close()
        # The last connection to close folds the journal into the file: the writer's.
        released = self._thread.submit(self._writer.close)
        self._thread.shutdown(wait=False)
        return released

    def _submit(self, step: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        if self._closed:
            raise StoreUnavailable
        return self._thread.submit(step, *args, **kwargs)

    async def _wait(self, future: Future[T]) -> T:
        waiting = asyncio.wrap_future(future)
        # Whoever waited may be gone: an exception that nobody fetches must not become a warning.
        waiting.add_done_callback(_fetch)
        return await asyncio.shield(waiting)

    def _transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            self._roll_back()  # an earlier rollback may have failed with the disk
            self._writer.execute("BEGIN IMMEDIATE")
            result = work(self._writer)
            self._writer.execute("COMMIT")
        except (sqlite3.Error, MemoryError):
            raise StoreUnavailable from None
        except _UNSTORABLE:
            raise unstorable() from None
        else:
            return result
        finally:
            with suppress(sqlite3.Error):
                self._roll_back()

    def _checkpoint(self) -> None:
        try:
            self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except sqlite3.Error:
            raise StoreUnavailable from None

    def _roll_back(self) -> None:
        if self._writer.in_transaction:
            self._writer.execute("ROLLBACK")


def _fetch(written: asyncio.Future[Any]) -> None:
    if not written.cancelled():
        written.exception()
