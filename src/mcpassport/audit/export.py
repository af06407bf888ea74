"""Audit rows as JSON and CSV: for people and programs that read, and for programs that verify."""

import csv
import io
import re
from binascii import unhexlify
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec

from mcpassport.records.audit import AuditRow, ChainedRow, Checkpoint, EdgeCount

_PLACE_COLUMNS: Final = ("sequence", "hash")
COLUMNS: Final = (*_PLACE_COLUMNS, *AuditRow.__struct_fields__)
"""The columns of the CSV form."""
EDGE_COLUMNS: Final = (*_PLACE_COLUMNS, *EdgeCount.__struct_fields__)
"""The same, of the edge chain."""
CHECKPOINT_MARK: Final = b'{"checkpoint":'
"""How the line of a checkpoint begins."""
ROW_MARK: Final = b'{"chain":"'
LONGEST_LINE: Final = 1_048_576
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


def as_dict(row: ChainedRow) -> dict[str, Any]:
    """A row to read: its place in the chain, then its fields.

    A row that somebody damaged in the store must not hide the others: it reads `unreadable`.
    """
    place = {"sequence": row.sequence, "hash": row.hash.hex()}
    try:
        return {**place, **msgspec.json.decode(row.body, type=dict[str, Any])}
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return {**place, "unreadable": True}


def as_lines(rows: Iterable[ChainedRow]) -> bytes:
    """Rows to verify and to feed to other programs, one flat JSON object a line.

    `chain`, `sequence` and `hash` stand before the members of the body: what follows them, behind
    the opening brace, is the exact text that was hashed. Names of chains hold no quotation mark,
    and no body holds a line's end unless somebody changed it: it shows as changed in one line too.
    """
    return b"".join(
        b'{"chain":"%s","sequence":%d,"hash":"%s"%s%s\n'
        % (
            row.chain.encode(),
            row.sequence,
            row.hash.hex().encode(),
            b"" if row.body == b"{}" else b",",
            row.body[1:].replace(b"\n", b" "),
        )
        for row in rows
    )


def from_lines(text: bytes) -> list[ChainedRow]:
    """What `as_lines` wrote; `ValueError` for anything else."""
    return [row_of(line) for line in io.BytesIO(text)]


def row_of(line: bytes) -> ChainedRow:
    """The row of one line, its end included; `ValueError` if it holds none."""
    found = _PLACE(line)
    if found is None or line[-1:] != b"\n":
        raise ValueError("no row")
    chain, sequence, digest = found.groups()
    rest = line[found.end() : -1]
    body = b"{" + (rest[1:] if rest[:1] == b"," else rest)
    return ChainedRow(chain.decode(), int(sequence), unhexlify(digest), body)


_PLACE: Final = re.compile(
    rb'\{"chain":"([^"\\]*)","sequence":([1-9][0-9]{0,18}),"hash":"([0-9a-f]{64})"(?=[,}])'
).match


def lines_of(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines of an exported file, numbered from 1, none longer than `LONGEST_LINE`."""
    with path.open("rb") as file:
        yield from enumerate(iter(partial(file.readline, LONGEST_LINE), b""), start=1)


def checkpoint_line(checkpoint: Checkpoint) -> bytes:
    """A checkpoint as a line of its own among the rows to verify."""
    return msgspec.json.encode({"checkpoint": checkpoint}) + b"\n"


def checkpoint_of(line: bytes) -> Checkpoint:
    """The checkpoint of such a line; `msgspec.MsgspecError` if it holds none."""
    return _decode_marked(line).checkpoint


class _Marked(msgspec.Struct):
    checkpoint: Checkpoint


_decode_marked = msgspec.json.Decoder(_Marked).decode


def csv_head(columns: Sequence[str] = COLUMNS) -> bytes:
    """The header line of the CSV form (RFC 4180)."""
    return _csv([columns])


def as_csv(rows: Iterable[ChainedRow], columns: Sequence[str] = COLUMNS) -> bytes:
    """Rows to read in a spreadsheet; what would start a formula there starts with an apostrophe."""
    told = map(as_dict, rows)
    return _csv([_cell(row.get(name)) for name in columns] for row in told)


def _csv(lines: Iterable[Iterable[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(lines)
    return text.getvalue().encode()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = " ".join(map(str, value)) if isinstance(value, list) else str(value)
    # Names that a caller chose are cells too: a spreadsheet must not compute them.
    return f"'{text}" if text.startswith(_FORMULA) else text
