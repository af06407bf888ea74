"""Audit rows as JSON and CSV: for people and programs that read, and for programs that verify."""

import csv
import io
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from mcpassport.records.audit import AuditRow, ChainedRow, Checkpoint, EdgeCount

COLUMNS: Final = ("sequence", "hash", *AuditRow.__struct_fields__)
"""The columns of the CSV form."""
CHECKPOINT_MARK: Final = b'{"checkpoint":'
"""How the line of a checkpoint begins."""
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


def as_dict(row: ChainedRow) -> dict[str, Any]:
    """A row to read: its place in the chain, then its fields."""
    return {
        "sequence": row.sequence,
        "hash": row.hash.hex(),
        **msgspec.json.decode(row.body, type=dict[str, Any]),
    }


def as_lines(rows: Iterable[ChainedRow]) -> bytes:
    """Rows to verify, one JSON object a line; `body` is the exact text that was hashed."""
    return b"".join(
        msgspec.json.encode(
            {
                "chain": row.chain,
                "sequence": row.sequence,
                "hash": row.hash.hex(),
                "body": row.body.decode(),
            }
        )
        + b"\n"
        for row in rows
    )


def from_lines(text: bytes) -> list[ChainedRow]:
    """What `as_lines` wrote; `ValueError` for anything else."""
    return [row_of(line) for line in text.splitlines() if line]


def row_of(line: bytes) -> ChainedRow:
    """The row of one line; `ValueError` if it holds none."""
    row = _decode_line(line)
    return ChainedRow(row.chain, row.sequence, bytes.fromhex(row.hash), row.body.encode())


def checkpoint_line(checkpoint: Checkpoint) -> bytes:
    """A checkpoint as a line of its own among the rows to verify."""
    return msgspec.json.encode({"checkpoint": checkpoint}) + b"\n"


class _Line(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    chain: str
    sequence: int
    hash: str
    body: str


_decode_line = msgspec.json.Decoder(_Line).decode


def csv_head() -> bytes:
    """The header line of the CSV form (RFC 4180)."""
    return _csv([COLUMNS])


def as_csv(rows: Iterable[ChainedRow]) -> bytes:
    """Rows to read in a spreadsheet; what would start a formula there starts with an apostrophe."""
    told = map(as_dict, rows)
    return _csv([_cell(row.get(name)) for name in COLUMNS] for row in told)


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


def edge_as_dict(count: EdgeCount) -> dict[str, Any]:
    """An edge count to read."""
    return msgspec.structs.asdict(count)
