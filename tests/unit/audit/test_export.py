"""Rows for readers and for verifiers."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.calling import NOW, MemoryAudit, audit_log

from mcpassport.audit.chain import verify
from mcpassport.audit.export import as_dict, as_lines, from_lines, row_of
from mcpassport.audit.log import AuditLog
from mcpassport.records.audit import AuditRow, ChainedRow


async def written(log: AuditLog) -> None:
    await log.start()
    for n in range(3):
        await log.append(
            AuditRow(ts=NOW, phase="event", request_id=f"r{n}", tenant="acme", subject="Ünïcode")
        )
    await log.close()


async def test_exported_lines_verify_offline() -> None:
    """An export carries the exact bytes that were hashed, so the chain verifies without us."""
    audit = MemoryAudit()
    await written(audit_log(audit))
    rows = from_lines(as_lines(audit.chains["acme"]))
    assert rows == audit.chains["acme"]
    assert verify(rows) is None


async def test_a_row_reads_as_a_flat_object() -> None:
    """A reader sees the place in the chain and the fields that are set."""
    audit = MemoryAudit()
    await written(audit_log(audit))
    row = audit.chains["acme"][0]
    assert as_dict(row) == {
        "sequence": 1,
        "hash": row.hash.hex(),
        "ts": "2026-01-02T03:04:05Z",
        "phase": "event",
        "request_id": "r0",
        "tenant": "acme",
        "subject": "Ünïcode",
    }


@given(st.dictionaries(st.text(), st.text() | st.integers() | st.none(), max_size=4))
def test_a_line_is_a_flat_object_that_keeps_every_byte(members: dict[str, object]) -> None:
    """Whatever a body holds, its line is one JSON object with its place first, and comes back."""
    body = msgspec.json.encode(members)
    row = ChainedRow("acme", 7, b"\x01" * 32, body)
    line = as_lines([row])
    assert line.count(b"\n") == 1
    place = [("chain", "acme"), ("sequence", 7), ("hash", "01" * 32)]
    assert json.loads(line, object_pairs_hook=list) == [*place, *members.items()]
    assert from_lines(line) == [row]


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}\n",
        b'{"chain":"a","sequence":1,"hash":"%s"}' % (b"0" * 64),
        b'{"chain":"a","sequence":0,"hash":"%s"}\n' % (b"0" * 64),
        b'{"chain":"a","sequence":01,"hash":"%s"}\n' % (b"0" * 64),
        b'{"chain":"a","sequence":1,"hash":"%s"}\n' % (b"0" * 63),
        b'{"chain":"a","sequence":1,"hash":"%s"x}\n' % (b"0" * 64),
        b' {"chain":"a","sequence":1,"hash":"%s"}\n' % (b"0" * 64),
        b'{"sequence":1,"chain":"a","hash":"%s"}\n' % (b"0" * 64),
        b"\xff\n",
    ],
)
def test_what_is_written_otherwise_is_no_row(line: bytes) -> None:
    """A line that was cut, spaced or ordered anew is refused: its bytes are not those hashed."""
    with pytest.raises(ValueError, match="no row"):
        row_of(line)


def test_a_damaged_row_hides_no_other() -> None:
    """A body that is no JSON any more reads as unreadable, in its place."""
    row = ChainedRow("acme", 7, b"\x01" * 32, b"\xff{")
    assert as_dict(row) == {"sequence": 7, "hash": "01" * 32, "unreadable": True}
