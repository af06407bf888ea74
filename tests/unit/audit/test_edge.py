"""The count of strangers."""

import pytest
from tests.support.calling import NOW, MemoryAudit

from mcpassport.audit import edge as edge_module
from mcpassport.audit.edge import EdgeCounter, network_of


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
    assert {c.second for c in audit.counts} == {int(NOW.timestamp())}


async def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the cap networks are folded into one, and nothing goes uncounted."""
    monkeypatch.setattr(edge_module, "MAX_KEYS", 10)
    audit = MemoryAudit()
    counter = EdgeCounter(audit, lambda: NOW)
    for n in range(100):
        counter.count("unknown_token", f"10.0.{n}.0/24")
    await counter.flush()
    assert len(audit.counts) == 11
    assert sum(c.count for c in audit.counts) == 100


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
