"""Chains of rows that tests make up, linked as the audit links them."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from mcpassport.audit.chain import link
from mcpassport.records.audit import AuditRow, ChainedRow
from mcpassport.store.protocol import GENESIS

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def bodies(count: int, tenant: str = "acme") -> list[bytes]:
    """Refusals, a second apart."""
    return [
        msgspec.json.encode(
            AuditRow(
                ts=START + timedelta(seconds=number),
                phase="refusal",
                request_id=f"req_{number}",
                tenant=tenant,
                reason='say "no", twice\n' if number % 3 == 0 else "expired",
            )
        )
        for number in range(1, count + 1)
    ]


def chained(
    content: Iterable[bytes], chain: str = "acme", after: Sequence[ChainedRow] = ()
) -> list[ChainedRow]:
    """The rows of a chain with these bodies, behind others if there are any."""
    rows: list[ChainedRow] = []
    previous, first = (after[-1].hash, after[-1].sequence + 1) if after else (GENESIS, 1)
    for sequence, body in enumerate(content, start=first):
        previous = link(previous, sequence, body)
        rows.append(ChainedRow(chain, sequence, previous, body))
    return rows
