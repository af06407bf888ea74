"""Opens one SQLite file, and refuses one that is not ours, damaged, or of a newer program."""

import errno
import fcntl
import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

from mcpassport.errors import DataFolderError
from mcpassport.store.trouble import FREE_SPACE, data_folder_error, os_data_folder_error

WRITE_WAIT_S: Final = 5.0
"""How long a writer waits for the writer of another process."""
_READ_WAIT_S: Final = 1.0
"""A reader waits only while another process recovers the file; it holds up the event loop."""
_CHECKED_BYTES: Final = 64 * 2**20
"""Files up to this size are checked page by page at each start, about 0.1 s at most."""

_WRITER_PRAGMAS: Final = (
    # FULL: a revocation or an audit row that was acknowledged survives a power failure.
    "PRAGMA synchronous = FULL",
    # What is deleted is overwritten: a dropped key or credential does not linger in free pages.
    "PRAGMA secure_delete = ON",
    "PRAGMA trusted_schema = OFF",
    "PRAGMA cell_size_check = ON",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA journal_size_limit = 67108864",
)
_READER_PRAGMAS: Final = (
    "PRAGMA query_only = ON",
    "PRAGMA trusted_schema = OFF",
    "PRAGMA cell_size_check = ON",
    "PRAGMA temp_store = MEMORY",
)

_RESTORE: Final = "Nothing was changed. Move the file away, or restore it from a backup."
_SQLITE_CAUSES: Final = {
    sqlite3.SQLITE_FULL: ("the disk is full", FREE_SPACE),
    sqlite3.SQLITE_IOERR: (
        "the disk is full or failing",
        "Free some space and check the disk, then start again.",
    ),
    sqlite3.SQLITE_READONLY: (
        "the file cannot be written",
        "Make the file and its folder writable for the user that runs this program.",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "the file, or one that SQLite keeps beside it, cannot be opened",
        "Make the folder writable for the user that runs this program, and check for free space.",
    ),
    sqlite3.SQLITE_NOTADB: ("this is not an SQLite database", _RESTORE),
    sqlite3.SQLITE_CORRUPT: ("the database is damaged", _RESTORE),
    sqlite3.SQLITE_BUSY: (
        "another program holds the database",
        "Stop whatever else uses the file, then start again.",
    ),
}


class Schema(NamedTuple):
    """The tables of one file. `steps[n]` leads from version n to n + 1; steps are only added."""

    application_id: int
    """Written into the file's header, so that one file is never taken for another."""
    holds: str
    """What the file holds, for messages: `records`, `audit rows`, `keys`."""
    steps: tuple[tuple[str, ...], ...]


def sqlite_error(path: Path, error: sqlite3.Error) -> DataFolderError:
    """What a failure of the engine means, where, and how to mend it."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the low byte is the primary code
    what, mend = _SQLITE_CAUSES.get(code, ("SQLite cannot use the file", _RESTORE))
    return data_folder_error(path, what, mend)


def connect(path: Path, schema: Schema) -> tuple[sqlite3.Connection, sqlite3.Connection]:
    """The writing and the read-only connection to a file, created 0600 if there is none.

    1. The folder exists, or is created 0700 below an existing one.
    2. Nothing is written to a file before it is known to be ours, sound, and not newer than us.
    3. The schema is brought up to date in one transaction, which also proves that we can write.

    Raises:
        DataFolderError: says what is wrong, where, and how to mend it.
    """
    path = path.absolute()
    try:
        _prepare_folder(path.parent)  # (1)
        with _alone(path.parent):
            _prepare_file(path)
            writer = open_file(path, "rw", WRITE_WAIT_S)
            try:
                version = examine(writer, path, schema)  # (2)
                _adopt(writer, path, schema, version)  # (3)
                reader = open_file(path, "ro", _READ_WAIT_S)
                _configure(reader, _READER_PRAGMAS)
            except BaseException:
                writer.close()
                raise
            return writer, reader
    except OSError as error:
        raise os_data_folder_error(path, error) from None
    except sqlite3.Error as error:
        raise sqlite_error(path, error) from None


def _prepare_folder(folder: Path) -> None:
    with suppress(FileExistsError):
        if not folder.parent.is_dir():
            raise data_folder_error(
                folder, "the folder above does not exist", "Create it, or correct the setting."
            )
        folder.mkdir(mode=0o700)
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "not a folder")


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Of several processes that start at once, one after the other."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _prepare_file(path: Path) -> None:
    """Create the file private; SQLite gives the files beside it the same mode."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NONBLOCK, 0o600)
    try:
        status = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise data_folder_error(path, "this is not a regular file", "Move it away.")
    journal = path.with_name(f"{path.name}-wal")
    # SQLite would silently drop a journal that has lost its database.
    if not status.st_size and journal.exists() and journal.stat().st_size:
        raise data_folder_error(path, f"the database is gone, {journal.name} is left", _RESTORE)


def open_file(path: Path, mode: str, wait_s: float) -> sqlite3.Connection:
    """A bare connection to a file that exists; `mode` is `ro` or `rw`."""
    return sqlite3.connect(
        f"{path.as_uri()}?mode={mode}",
        uri=True,
        timeout=wait_s,
        isolation_level=None,
        check_same_thread=False,  # the writer is made here and used by its thread only
        cached_statements=256,
    )


def _configure(connection: sqlite3.Connection, pragmas: tuple[str, ...]) -> None:
    for pragma in pragmas:
        connection.execute(pragma).fetchall()


def _number(connection: sqlite3.Connection, query: str) -> int:
    with closing(connection.execute(query)) as cursor:
        return int(cursor.fetchone()[0])


def examine(connection: sqlite3.Connection, path: Path, schema: Schema) -> int:
    """The schema version of a file that we may use; 0 for a new one. Reads only.

    Raises:
        DataFolderError: it is not ours, damaged, or a newer release wrote it.
    """
    owner = _number(connection, "PRAGMA application_id")
    version = _number(connection, "PRAGMA user_version")
    tables = _number(connection, "SELECT count(*) FROM sqlite_schema")
    if owner != schema.application_id and (owner or version or tables):
        raise data_folder_error(
            path, f"this is a database, but not one of our {schema.holds}", _RESTORE
        )
    if version > len(schema.steps):
        raise data_folder_error(
            path,
            f"a newer release wrote these {schema.holds} "
            f"(schema {version}, this program knows {len(schema.steps)})",
            "Nothing was changed. Run that release or a later one.",
        )
    if path.stat().st_size <= _CHECKED_BYTES:
        found = connection.execute("PRAGMA quick_check(1)").fetchall()
        if found != [("ok",)]:
            raise data_folder_error(path, *_SQLITE_CAUSES[sqlite3.SQLITE_CORRUPT])
    return version


def _adopt(connection: sqlite3.Connection, path: Path, schema: Schema, version: int) -> None:
    """Bring the schema up to date; `version` holds, since `_alone` keeps others out."""
    if connection.execute("PRAGMA journal_mode = WAL").fetchone() != ("wal",):
        raise data_folder_error(
            path,
            "this file system has no shared memory for SQLite",
            "Choose a data folder on a local disk.",
        )
    _configure(connection, _WRITER_PRAGMAS)
    connection.execute("BEGIN IMMEDIATE")
    for statement in (sql for step in schema.steps[version:] for sql in step):
        connection.execute(statement)
    # Written even if it holds already: a transaction that writes nothing would succeed on a file
    # that cannot be written.
    connection.execute(f"PRAGMA application_id = {schema.application_id:d}")
    connection.execute(f"PRAGMA user_version = {len(schema.steps):d}")
    connection.execute("COMMIT")
