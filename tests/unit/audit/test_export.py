"""Rows for readers and for verifiers."""

from tests.support.calling import NOW, MemoryAudit, audit_log

from mcpassport.audit.chain import verify
from mcpassport.audit.export import as_dict, as_lines, edge_as_dict, from_lines
from mcpassport.audit.log import AuditLog
from mcpassport.records.audit import AuditRow, EdgeCount


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
    assert edge_as_dict(EdgeCount(1, "origin", "unknown", 2))["count"] == 2
