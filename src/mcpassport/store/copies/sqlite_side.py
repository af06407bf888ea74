"""A data folder as one side of a copy."""

import sqlite3
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

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
from mcpassport.store.sqlite_open import WRITE_WAIT_S, connect, examine, open_file, sqlite_error
from mcpassport.store.trouble import data_folder_error
from mcpassport.store.unready import Unfinished, unfinished_of

_PAGES_AT_ONCE: Final = 4_096


class SqliteSide:
    """Made by `open_sqlite_side`. Its methods block: a copy has its event loop to itself."""

    def __init__(
        self, folder: Path, parts: tuple[Part, ...], files: Mapping[str, sqlite3.Connection]
    ) -> None:
        self.place = str(folder)
        self.parts = parts
        self._folder = folder
        self._files = files

    async def rows(
        self, part: Part, table: Table, after: Row | None = None
    ) -> AsyncGenerator[Row, None]:
        """The rows behind that key, in the order of their keys."""
        connection = self._files.get(part.name)
        if connection is None:
            return
        query = select(table, table.name, resumed=after is not None)
        with self._failing(part):
            for row in connection.execute(query, after or ()):
                yield row

    async def last(self, part: Part, table: Table) -> Row | None:
        """The greatest key; None if there is no row."""
        rows = self._read(part, select_last(table, table.name))
        return rows[0] if rows else None

    async def count(self, part: Part, table: Table) -> int:
        """How many rows there are."""
        rows = self._read(part, select_count(table, table.name))
        return int(rows[0][0]) if rows else 0

    async def add(self, part: Part, table: Table, rows: Sequence[Row]) -> None:
        """Append rows, all of them or none."""
        marks = ", ".join("?" * len(table.columns))
        columns = ", ".join(table.columns)
        insert = f"INSERT INTO {table.name} ({columns}) VALUES ({marks})"  # noqa: S608  # names of our own tables
        connection = self._files[part.name]
        with self._failing(part), _transaction(connection):
            connection.executemany(insert, rows)

    async def clear(self, part: Part, table: Table) -> None:
        """Remove every row that a copy may have brought."""
        connection = self._files[part.name]
        with self._failing(part), _transaction(connection):
            connection.execute(delete(table, table.name))

    async def finish(self) -> None:
        """Nothing: an identity column goes on behind its greatest value by itself."""

    async def dump(self, folder: Path, told: Dumped) -> None:
        """Copy every part, page by page, each as it is at one moment."""
        for part in self.parts:
            if part.name not in self._files:
                raise data_folder_error(
                    self._folder / part.file,
                    "there is no such file",
                    "Name the settings of the deployment.",
                )
            with self._failing(part), closing(sqlite3.connect(folder / part.file)) as target:
                self._files[part.name].backup(
                    target,
                    pages=_PAGES_AT_ONCE,
                    progress=lambda _, left, total: told(total - left, total),
                )

    async def unfinished(self) -> Unfinished | None:
        """The copy into this place that is not complete; None if there is none."""
        for part in self.parts:
            if part.name == "records":
                rows = self._read(part, select_unfinished("records"))
                return unfinished_of(rows[0][0]) if rows else None
        return None

    async def served_until(self) -> datetime | None:
        """When the lease of the last process that serves this lapses; None if there is none."""
        until = 0.0
        for part in self.parts:
            if part.name == "records":
                rows = self._read(part, select_live("leases"))
                until = float(rows[0][0]) if rows else 0.0
        return datetime.fromtimestamp(until, UTC) if until else None

    async def sessions(self) -> int:
        """A file does not tell who has it open."""
        return 0

    async def close(self) -> None:
        """Let go of the files, and of the lock on them."""
        for connection in self._files.values():
            with suppress(sqlite3.Error):
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                connection.close()

    def _read(self, part: Part, query: str) -> list[Row]:
        connection = self._files.get(part.name)
        if connection is None:
            return []
        with self._failing(part):
            return connection.execute(query).fetchall()

    @contextmanager
    def _failing(self, part: Part) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise sqlite_error(self._folder / part.file, error) from None


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def open_sqlite_side(folder: Path, parts: tuple[Part, ...], mode: Mode) -> SqliteSide:
    """Open the files of a folder; those that a reader does not find hold nothing.

    Raises:
        DataFolderError: a file is damaged, not ours, or of another release.
    """
    files: dict[str, sqlite3.Connection] = {}
    try:
        for part in parts:
            path = folder.absolute() / part.file
            if mode == "write":
                files[part.name], reader = connect(path, part.sqlite)
                reader.close()
            elif path.exists():
                files[part.name] = _opened(path, part, mode)
    except BaseException:
        for connection in files.values():
            connection.close()
        raise
    return SqliteSide(folder, parts, files)


def _opened(path: Path, part: Part, mode: Mode) -> sqlite3.Connection:
    try:
        connection = open_file(path, "ro" if mode == "read" else "rw", WRITE_WAIT_S)
        try:
            version = examine(connection, path, part.sqlite)
            connection.execute("BEGIN" if mode == "read" else "BEGIN IMMEDIATE")
        except BaseException:
            connection.close()
            raise
    except sqlite3.Error as error:
        raise sqlite_error(path, error) from None
    if version < len(part.sqlite.steps):
        connection.close()
        raise older(str(path))
    return connection
