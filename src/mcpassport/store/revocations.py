"""The revocation log: what was ended, in a file that outlives a restored backup.

A backup knows nothing of what was revoked after it. Each revocation is therefore also a line of
`revocations.log` beside the data: JSON, only ever appended, synchronised to the disk before the
revocation is answered. It holds ids and keyed hashes, no secret; it is meant to be copied apart.
"""

import asyncio
import fcntl
import hashlib
import os
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from mcpassport.errors import DataFolderError, StoreUnavailable
from mcpassport.store.trouble import data_folder_error, os_data_folder_error

REVOCATIONS_FILE: Final = "revocations.log"
_LONGEST_LINE: Final = 64 * 1024


class Revocation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line. `kind` is free text, so that a later release can end more kinds of things."""

    ts: datetime
    kind: str
    tenant: str
    id: str
    token_hash: str = ""


class Extent(NamedTuple):
    """How far a log reached, and the SHA-256 (hex) of that much of it."""

    size: int
    digest: str


class RevocationLog:
    """Appends to the log in a data folder. Several processes may append at once."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / REVOCATIONS_FILE

    async def append(self, revocation: Revocation) -> None:
        """Write one line; it is on the disk when this returns.

        Raises:
            StoreUnavailable: it is not; what it records happened all the same.
        """
        line = msgspec.json.encode(revocation) + b"\n"
        try:
            await asyncio.shield(asyncio.to_thread(_append, self._path, line))
        except OSError:
            raise StoreUnavailable(
                "It is revoked, but the revocation log cannot be written, so a restored backup "
                "could revive it: make room in the data folder, then repeat the revocation."
            ) from None


def _append(path: Path, line: bytes) -> None:
    path.parent.mkdir(mode=0o700, exist_ok=True)  # with the records elsewhere, nobody made it yet
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        end = _end_of_lines(descriptor)
        # A line that a crash cut off was never acknowledged.
        os.ftruncate(descriptor, end)
        try:
            _write_whole(descriptor, line)
        except OSError:
            os.ftruncate(descriptor, end)
            raise
        if end == 0:
            _sync_folder(path.parent)
    finally:
        os.close(descriptor)


def _write_whole(descriptor: int, line: bytes) -> None:
    while line:
        line = line[os.write(descriptor, line) :]
    os.fsync(descriptor)


def _end_of_lines(descriptor: int) -> int:
    size = os.fstat(descriptor).st_size
    start = max(0, size - _LONGEST_LINE)
    return start + os.pread(descriptor, size - start, start).rfind(b"\n") + 1


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def extent(folder: Path) -> Extent:
    """How far the log of that data folder reaches now; no log reaches to 0."""
    try:
        content = (folder / REVOCATIONS_FILE).read_bytes()
    except FileNotFoundError:
        content = b""
    except OSError as error:
        raise os_data_folder_error(folder / REVOCATIONS_FILE, error) from None
    whole = content[: content.rfind(b"\n") + 1]
    return Extent(len(whole), hashlib.sha256(whole).hexdigest())


def read_log(path: Path, beginning: Extent) -> tuple[bytes, list[Revocation]]:
    """A whole log, which must begin with what the backup knew of it.

    Raises:
        DataFolderError: unreadable, another deployment's log, older than the backup, or damaged.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise os_data_folder_error(path, error) from None
    known = content[: beginning.size]
    if len(known) < beginning.size or hashlib.sha256(known).hexdigest() != beginning.digest:
        raise data_folder_error(
            path,
            "this log does not continue the one that the backup knew",
            "Give the newest copy of the log of that deployment.",
        )
    whole = content[: content.rfind(b"\n") + 1]
    lines = whole.splitlines()
    return whole, [_decoded(path, number, line) for number, line in enumerate(lines, 1)]


def _decoded(path: Path, number: int, line: bytes) -> Revocation:
    try:
        return msgspec.json.decode(line, type=Revocation)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise _damaged(path, number) from None


def _damaged(path: Path, number: int) -> DataFolderError:
    return data_folder_error(
        path, f"line {number} is not a revocation", "Give an undamaged copy of the log."
    )


def adopt(folder: Path, content: bytes) -> None:
    """Make that log the beginning of the folder's own, so that a later restore finds all of it.

    Raises:
        DataFolderError: it cannot be written.
    """
    path = folder / REVOCATIONS_FILE
    new = path.with_suffix(".new")
    try:
        own = path.read_bytes() if path.exists() else b""
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content + own)
            file.flush()
            os.fsync(descriptor)
        new.replace(path)
        _sync_folder(folder)
    except OSError as error:
        raise os_data_folder_error(path, error) from None
