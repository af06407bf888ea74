"""Backups: what a running deployment holds at one moment, in one file."""

import sqlite3
import tempfile
from contextlib import closing
from datetime import datetime
from pathlib import Path

import msgspec

from mcpassport import __version__
from mcpassport.store.copies.archive import CONTENTS, Kind, Manifest, Packed, pack, packed
from mcpassport.store.copies.layout import Part
from mcpassport.store.copies.side import Dumped
from mcpassport.store.copies.sides import opened
from mcpassport.store.revocations import LOG_KIND, Known
from mcpassport.store.sqlite_open import sqlite_error
from mcpassport.store.trouble import data_folder_error, os_data_folder_error
from mcpassport.store.unready import REPLAY, Mark

_PUT_MARK = """
    INSERT OR IGNORE INTO records (kind, tenant, id, value, etag)
    VALUES (?, ?, ?, ?, lower(hex(randomblob(12))))"""


async def take(url: str, kind: Kind, out: Path, now: datetime, told: Dumped) -> Manifest:
    """Copy what is at that URL, which may be in use, into a new file, mode 0600.

    1. Everything is copied as it is at one moment; in files, the records before the audit.
    2. The copy of the records is marked: what is restored from it does not serve before the
       revocations that it does not know are replayed.

    Raises:
        DataFolderError: it cannot be copied, or `out` exists or cannot be written.
    """
    parts = CONTENTS[kind]
    try:
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=".backup-") as work:
            async with opened(url, parts, "read") as side:
                if await side.unfinished():
                    raise data_folder_error(
                        side.place, "a copy into it is not complete", "Finish it first."
                    )
                await side.dump(Path(work), told)  # (1)
            files = {part.file: _settled(Path(work) / part.file, part, now) for part in parts}
            manifest = Manifest(kind=kind, version=__version__, taken_at=now, files=files)
            pack(Path(work), manifest, out)
    except FileExistsError:
        raise data_folder_error(
            out, "a file is here already", "Choose another name: a backup replaces nothing."
        ) from None
    except OSError as error:
        raise os_data_folder_error(out, error) from None
    return manifest


def _settled(path: Path, part: Part, now: datetime) -> Packed:
    """One file without a journal beside it; that of the records with its mark (2)."""
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE").fetchall()
            if part.name == "records":
                known = connection.execute(
                    "SELECT value FROM records WHERE kind = ? ORDER BY id", (LOG_KIND,)
                ).fetchall()
                logs = tuple(msgspec.json.decode(value, type=Known) for (value,) in known)
                mark = msgspec.json.encode(Mark(now, logs))
                connection.execute(_PUT_MARK, (*REPLAY, mark))
            (schema,) = connection.execute("PRAGMA user_version").fetchone()
    except sqlite3.Error as error:
        raise sqlite_error(path, error) from None
    return packed(path, int(schema))
