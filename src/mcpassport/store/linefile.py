"""A file of lines that is only ever appended to, by several processes, whole lines at a time."""

import fcntl
import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_LONGEST_LINE: Final = 64 * 1024


def digest_of(line: bytes) -> str:
    """SHA-256 (hex) of a line without its end."""
    return hashlib.sha256(line).hexdigest()


def lines_of(path: Path) -> list[bytes]:
    """Every whole line, without its end; a line that a crash cut off was never acknowledged."""
    content = path.read_bytes()
    return content[: content.rfind(b"\n") + 1].splitlines()


def first_line(path: Path, beginning: bytes) -> bytes:
    """The first line, without its end; `beginning` becomes it where there is none yet."""
    with _locked(path) as descriptor:
        if not _end_of_lines(descriptor):
            _append(path, descriptor, beginning)
    with path.open("rb") as file:
        return file.readline(_LONGEST_LINE).removesuffix(b"\n")


def append(path: Path, line: bytes) -> None:
    """Write a line with its end; it is on the disk when this returns, or not there at all."""
    with _locked(path) as descriptor:
        _append(path, descriptor, line)


def adopt(path: Path, lines: Sequence[bytes]) -> None:
    """Append the lines that are not there yet."""
    with _locked(path) as descriptor:
        have = set(lines_of(path))
        new = [line for line in dict.fromkeys(lines) if line not in have]
        if new:
            _append(path, descriptor, b"".join(line + b"\n" for line in new))


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    path.parent.mkdir(mode=0o700, exist_ok=True)  # with the records elsewhere, nobody made it yet
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def _append(path: Path, descriptor: int, text: bytes) -> None:
    end = _end_of_lines(descriptor)
    os.ftruncate(descriptor, end)
    try:
        left = text
        while left:
            left = left[os.write(descriptor, left) :]
        os.fsync(descriptor)
    except OSError:
        os.ftruncate(descriptor, end)
        raise
    if end == 0:
        _sync_folder(path.parent)


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
