"""Verifies an exported trail from its file alone, in bounded memory.

The file is read twice. (1) Its checkpoints: each must be signed with the key whose fingerprint the
reader got from the deployment earlier, or elsewhere. (2) Its rows, in order: each hash covers the
row and the one before it, and at every signed place it is the hash that was signed. (3) The file
does not end before its last signed place. A file may begin after a signed place instead of row 1.

Without a fingerprint the chain is recomputed, and nothing is said of who wrote it.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

import msgspec

from mcpassport.audit.chain import Broken, verify
from mcpassport.audit.checkpoint import problem_of
from mcpassport.audit.export import CHECKPOINT_MARK, LONGEST_LINE, checkpoint_of, lines_of, row_of
from mcpassport.records.audit import ChainedRow
from mcpassport.store.protocol import GENESIS

Progress: TypeAlias = Callable[[int], None]
"""Told how many bytes of the file are done."""
_TOLD_LINES: Final = 5_000


class Verdict(NamedTuple):
    """What is known of a file."""

    chain: str
    rows: int
    first: int
    last: int
    anchored: int
    """The last sequence that is signed and holds; 0 when none is."""
    broken: Broken | None


class _Fault(Exception):
    """Reading stops here."""

    def __init__(self, sequence: int, reason: str) -> None:
        super().__init__(reason)
        self.broken = Broken(sequence, reason)


class _Reading:
    """The second reading, and how far it came."""

    def __init__(self, path: Path, signed: dict[int, str], progress: Progress) -> None:
        self.path = path
        self.progress = progress
        self.signed = signed
        self.chain = ""
        self.rows = self.first = self.last = self.anchored = 0

    def begin(self) -> tuple[bytes, int, Iterator[ChainedRow]]:
        """The hash before the first row, that row's sequence, and the rows."""
        rows = _rows(self.path, self.progress)
        first = next(rows, None)
        if first is None:
            return GENESIS, 1, iter(())
        self.chain, self.first = first.chain, first.sequence
        previous = GENESIS
        if first.sequence > 1:
            known = self.signed.get(first.sequence - 1)
            if known is None:
                raise _Fault(
                    1,
                    f"the file begins at row {first.sequence}, and no checkpoint checked with "
                    "--fingerprint signs the row before it",
                )
            previous, self.anchored = bytes.fromhex(known), first.sequence - 1
        return previous, max(first.sequence, 1), self._watched(first, rows)

    def _watched(self, first: ChainedRow, rest: Iterator[ChainedRow]) -> Iterator[ChainedRow]:
        row: ChainedRow | None = first
        while row is not None:
            yield row
            # Asked for the next one: this one is whole.
            self.rows, self.last = self.rows + 1, row.sequence
            known = self.signed.get(row.sequence)
            if known is not None and known != row.hash.hex():
                raise _Fault(row.sequence, "the row is not the one that was signed")
            if known is not None:
                self.anchored = row.sequence
            row = next(rest, None)


def verify_file(
    path: Path, fingerprint: str = "", progress: Progress = lambda _done: None
) -> Verdict:
    """What holds of an exported file; `OSError` if it cannot be read."""
    reading = _Reading(path, {}, progress)
    try:
        chains = _checkpoints(path, fingerprint, reading.signed)  # (1)
        previous, sequence, rows = reading.begin()
        broken = verify(rows, previous=previous, sequence=sequence)  # (2)
        if broken is None:
            _whole(reading, chains)  # (3)
    except _Fault as fault:
        broken = fault.broken
    return Verdict(
        reading.chain, reading.rows, reading.first, reading.last, reading.anchored, broken
    )


def _whole(reading: _Reading, chains: set[str]) -> None:
    last = max(reading.signed, default=0)
    if last > reading.last and reading.rows:
        raise _Fault(
            reading.last + 1, f"row {last} is signed, but the file ends at row {reading.last}"
        )
    if reading.rows and chains - {reading.chain}:
        raise _Fault(reading.last, "a checkpoint belongs to another chain")


def _checkpoints(path: Path, fingerprint: str, signed: dict[int, str]) -> set[str]:
    """Fill `signed` with sequence -> hash; nothing without a fingerprint. The chains they name."""
    chains: set[str] = set()
    if not fingerprint:
        return chains
    for number, line in lines_of(path):
        if not line.startswith(CHECKPOINT_MARK):
            continue
        try:
            found = checkpoint_of(line)
        except (msgspec.MsgspecError, ValueError):
            raise _Fault(0, f"line {number} is no checkpoint") from None
        problem = problem_of(found, fingerprint)
        if problem or signed.setdefault(found.sequence, found.hash) != found.hash:
            raise _Fault(found.sequence, problem or "two checkpoints contradict each other")
        chains.add(found.chain)
    return chains


def _rows(path: Path, progress: Progress) -> Iterator[ChainedRow]:
    after = done = 0
    for number, line in lines_of(path):
        done += len(line)
        if number % _TOLD_LINES == 0:
            progress(done)
        if line.startswith(CHECKPOINT_MARK):
            continue
        try:
            row = row_of(line)
        except ValueError:
            cut = not line.endswith(b"\n") and len(line) < LONGEST_LINE
            what = "is cut off" if cut else "is no row of an export"
            raise _Fault(after + 1, f"line {number} {what}") from None
        after = row.sequence
        yield row
