"""The count of strangers."""

import pytest
from pydantic import ValidationError
from tests.support.calling import NOW, MemoryAudit
from tests.support.stores import START, SteppingClock

from mcpassport.audit import edge as edge_module
from mcpassport.audit.chain import verify
from mcpassport.audit.edge import EDGE, EdgeCounter, network_of
from mcpassport.edge.api.incoming import TenantIn


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2::3", "2001:db8:1::/48"),
        ("::ffff:192.0.2.77", "192.0.2.0/24"),
        ("", "unknown"),
        ("unix:/run/socket", "unknown"),
        ("192.0.2.7, 10.0.0.1", "unknown"),
    ],
)
def test_addresses_are_widened_to_networks(address: str, network: str) -> None:
    """No address of a single client is kept."""
    assert network_of(address) == network


async def test_counts_are_written_together() -> None:
    """Requests of one second, reason and network become one count."""
    audit = MemoryAudit()
    counter = EdgeCounter(audit, lambda: NOW)
    for _ in range(3):
        counter.count("unknown_token", "192.0.2.0/24")
    counter.count("origin", "192.0.2.0/24")
    await counter.flush()
    await counter.flush()
    assert {(c.reason, c.count) for c in audit.counts} == {("unknown_token", 3), ("origin", 1)}
    assert {c.ts for c in audit.counts} == {NOW}


async def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the cap networks are folded into one an hour, and nothing goes uncounted."""
    monkeypatch.setattr(edge_module, "MAX_KEYS", 10)
    audit = MemoryAudit()
    audit.broken = True
    clock = SteppingClock()
    counter = EdgeCounter(audit, clock)
    for n in range(100):
        counter.count("unknown_token", f"10.0.{n}.0/24")
        clock.step(60)
        await counter.flush()
    audit.broken = False
    await counter.flush()
    assert len(audit.counts) == 10 + 2
    assert sum(c.count for c in audit.counts) == 100
    assert {c.ts for c in audit.counts if c.network == "other"} == {START, START.replace(hour=13)}


async def test_a_second_is_one_row_once_it_is_over() -> None:
    """What runs by itself leaves the second that is still counted; closing leaves nothing."""
    audit, clock = MemoryAudit(), SteppingClock()
    counter = EdgeCounter(audit, clock)
    second = int(START.timestamp())
    counter.count("origin", "unknown")
    await counter.flush(still_open=second)
    counter.count("origin", "unknown")
    clock.step(1)
    counter.count("origin", "unknown")
    await counter.flush(still_open=second + 1)
    assert [(c.ts, c.count) for c in audit.counts] == [(START, 2)]
    await counter.close()
    assert [c.count for c in audit.counts] == [2, 1]


async def test_counts_are_a_chain_that_no_tenant_has() -> None:
    """Rows follow each other by hash, under a name that is no tenant's id."""
    audit, clock = MemoryAudit(), SteppingClock()
    counter = EdgeCounter(audit, clock)
    for _ in range(3):
        counter.count("origin", "unknown")
        clock.step(1)
        await counter.flush()
    assert [row.sequence for row in audit.chains[EDGE]] == [1, 2, 3]
    assert verify(audit.chains[EDGE]) is None
    with pytest.raises(ValidationError):
        TenantIn(id=EDGE, name="x")


async def test_counts_wait_for_a_store_that_is_gone() -> None:
    """A failed write keeps the counts, and counting itself never fails."""
    audit = MemoryAudit()
    audit.broken = True
    counter = EdgeCounter(audit, lambda: NOW)
    await counter.start()
    counter.count("origin", "unknown")
    await counter.flush()
    audit.broken = False
    counter.count("origin", "unknown")
    await counter.close()
    assert [c.count for c in audit.counts] == [2]
