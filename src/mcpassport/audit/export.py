"""Audit rows as JSON: for people and programs that read, and for programs that verify."""

from collections.abc import Iterable
from typing import Any

import msgspec

from mcpassport.records.audit import ChainedRow, EdgeCount


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
    rows = [msgspec.json.decode(line, type=_Line) for line in text.splitlines() if line]
    return [ChainedRow(r.chain, r.sequence, bytes.fromhex(r.hash), r.body.encode()) for r in rows]


class _Line(msgspec.Struct, frozen=True):
    chain: str
    sequence: int
    hash: str
    body: str


def edge_as_dict(count: EdgeCount) -> dict[str, Any]:
    """An edge count to read."""
    return msgspec.structs.asdict(count)
