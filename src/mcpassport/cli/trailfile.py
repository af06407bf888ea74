"""The file that `audit export` writes: made new, or gone on with after its last whole line.

A process that is killed in the middle of a write leaves a line that is cut off. Going on repairs
it: whatever follows the last whole line is removed, and the rows after it are fetched again.
"""

import csv
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, Literal, NamedTuple, Self, TypeAlias

import msgspec

from mcpassport.audit.chain import FIRST_SEQUENCE
from mcpassport.audit.export import (
    CHECKPOINT_MARK,
    LONGEST_LINE,
    ROW_MARK,
    as_csv,
    as_lines,
    checkpoint_line,
    checkpoint_of,
    csv_head,
    row_of,
)
from mcpassport.errors import UsageError
from mcpassport.records.audit import ChainedRow, Checkpoint
from mcpassport.store.protocol import GENESIS

Form: TypeAlias = Literal["ndjson", "csv"]
_CRLF: Final = b"\r\n"
_LONGEST_START: Final = 4096


class Place(NamedTuple):
    """How far a file has come: its last row, and the last row that a checkpoint in it signs."""

    sequence: int = FIRST_SEQUENCE - 1
    digest: bytes = GENESIS
    signed: int = 0
    chain: str | None = None
    """None while it is not known."""


class TrailFile:
    """A file that one export at a time appends to."""

    def __init__(self, path: Path, form: Form, columns: tuple[str, ...], *, resume: bool) -> None:
        """Make the file, or with `resume` go on with the one that is there.

        Raises:
            UsageError: it cannot be opened, another export has it open, or it is no such export.
        """
        self.form = form
        self.path = path
        self._columns = columns
        self._file = self._opened(resume=resume)
        try:
            self.place = self._repaired()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        """The file itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self._file.close()

    def write(self, rows: list[ChainedRow]) -> None:
        """Append rows, whole and on the disk when this returns."""
        self._append(as_csv(rows, self._columns) if self.form == "csv" else as_lines(rows))
        last = rows[-1]
        self.place = self.place._replace(sequence=last.sequence, digest=last.hash, chain=last.chain)

    def sign(self, checkpoints: list[Checkpoint]) -> None:
        """Append checkpoints, which only NDJSON has a place for."""
        self._append(b"".join(map(checkpoint_line, checkpoints)))
        self.place = self.place._replace(signed=checkpoints[-1].sequence)

    def _append(self, text: bytes) -> None:
        try:
            self._file.write(text)
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise UsageError(
                f"{self.path}: {error.strerror}. What is whole is kept: go on with --resume."
            ) from None

    def _opened(self, *, resume: bool) -> BinaryIO:
        try:
            going_on = resume and self.path.exists()
            file = self.path.open("r+b") if going_on else self.path.open("x+b")
        except FileExistsError:
            raise UsageError(
                f"{self.path} is there already: go on with it by --resume, or name a new file."
            ) from None
        except OSError as error:
            raise UsageError(f"{self.path}: {error.strerror}; name a new file.") from None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            raise UsageError(f"Another export writes into {self.path}.") from None
        return file

    def _repaired(self) -> Place:
        """Where the file ends once its cut-off last line is removed."""
        whole, place = self._csv_end() if self.form == "csv" else self._ndjson_end()
        self._file.seek(whole)
        rest = self._file.read(_LONGEST_START)
        # What is removed must be the start of a line of ours: the file may be somebody else's.
        if rest and not any(start.startswith(rest[: len(start)]) for start in self._starts(whole)):
            raise self._not_ours()
        self._file.seek(whole)
        self._file.truncate()
        if whole == 0 and self.form == "csv":
            self._append(csv_head(self._columns))
        return place

    def _starts(self, at: int) -> tuple[bytes, ...]:
        """How a line at that place may begin."""
        if self.form == "ndjson":
            return (ROW_MARK, CHECKPOINT_MARK)
        if at == 0:
            return (csv_head(self._columns),)
        return tuple(b"%d" % digit for digit in range(1, 10))

    def _ndjson_end(self) -> tuple[int, Place]:
        whole, row, checkpoint = 0, b"", b""
        for number, line in enumerate(iter(lambda: self._file.readline(LONGEST_LINE), b""), 1):
            if not line.endswith(b"\n"):
                break
            if line.startswith(CHECKPOINT_MARK):
                checkpoint = line
            elif line.startswith(ROW_MARK):
                row = line
            else:
                raise self._not_ours(number)
            whole += len(line)
        place = Place()
        try:
            if row:
                last = row_of(row)
                place = Place(last.sequence, last.hash, chain=last.chain)
            if checkpoint:
                place = place._replace(signed=checkpoint_of(checkpoint).sequence)
        except (ValueError, msgspec.MsgspecError):
            raise self._not_ours() from None
        return whole, place

    def _csv_end(self) -> tuple[int, Place]:
        whole = consumed = 0
        cut = False

        def lines() -> Iterator[str]:
            nonlocal consumed, cut
            for line in iter(lambda: self._file.readline(LONGEST_LINE), b""):
                consumed += len(line)
                cut = not line.endswith(_CRLF)
                yield line.decode(errors="replace")

        place = Place()
        try:
            for number, record in enumerate(csv.reader(lines(), strict=True), start=1):
                if cut:
                    break
                if number > 1 and len(record) == len(self._columns):
                    place = Place(int(record[0]), bytes.fromhex(record[1]))
                elif number > 1 or tuple(record) != self._columns:
                    raise self._not_ours(number)
                whole = consumed
        except csv.Error:  # the last record ends within a quotation
            pass
        except ValueError:
            raise self._not_ours() from None
        return whole, place

    def _not_ours(self, line: int | None = None) -> UsageError:
        where = "the end" if line is None else f"line {line}"
        return UsageError(
            f"{self.path}: {where} is not what `audit export` writes as {self.form}; "
            "name a new file."
        )
