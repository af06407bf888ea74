"""The room of the audit trail: what is given up, and when."""

import pytest
from tests.support.calling import NOW, MemoryAudit, audit_log, caller

from mcpassport.audit.edge import EdgeCounter
from mcpassport.audit.entry import Answered, Asked
from mcpassport.audit.reserve import KEPT_BYTES, Reserve, share
from mcpassport.errors import AuditUnavailable, StoreUnavailable
from mcpassport.store.protocol import Space

ASKED = Asked(rpc_method="tools/call")
OK = Answered(outcome="ok", http_status=200)


@pytest.mark.parametrize(
    ("space", "volume", "expected"),
    [
        (Space(50, None), 100, 0.5),
        (Space(50, None), 0, 0.0),
        (Space(150, None), 100, 1.5),
        (Space(50, KEPT_BYTES + 50), 0, 0.5),
        (Space(90, KEPT_BYTES + 10), 1_000, 0.9),
        (Space(1, KEPT_BYTES), 0, 1.0),
        (Space(0, 0), 0, 1.0),
        (Space(0, 2 * KEPT_BYTES), 0, 0.0),
    ],
)
def test_the_tighter_of_volume_and_disk_governs(space: Space, volume: int, expected: float) -> None:
    """The share is of the volume, or of what the disk gives less the reserve, if that is less."""
    assert share(space, volume) == pytest.approx(expected)


async def test_at_ninety_percent_strangers_are_not_counted() -> None:
    """Counting stops, customers' rows go on, and counting begins again by itself."""
    audit = MemoryAudit()
    reserve = Reserve(audit, 100)
    counter = EdgeCounter(audit, lambda: NOW, reserve)
    for used in (89, 90, 10):
        audit.held = Space(used, None)
        await reserve.look()
        counter.count("unknown_token", f"at {used}")
        await counter.flush()
        assert not reserve.full
    assert [count.network for count in audit.counts] == ["at 89", "at 10"]


async def test_at_a_hundred_percent_calls_are_refused() -> None:
    """No intent and no refusal is taken, an outcome is; with room everything is taken again."""
    audit = MemoryAudit()
    log = audit_log(audit)
    log.reserve = Reserve(audit, 100)
    await log.start()
    entries = [log.open() for _ in range(3)]
    for entry in entries:
        entry.admitted(caller())
    await entries[0].intent(ASKED, {})
    audit.held = Space(100, None)
    await log.reserve.look()
    with pytest.raises(AuditUnavailable):
        await entries[1].intent(ASKED, {})
    with pytest.raises(AuditUnavailable):
        await entries[1].served(ASKED, OK)
    with pytest.raises(AuditUnavailable):
        await entries[1].refuse("unknown_tool", http_status=200)
    await entries[0].outcome(OK)
    audit.held = Space(99, None)
    await log.reserve.look()
    await entries[2].intent(ASKED, {})
    await entries[2].outcome(OK)
    await log.close()
    assert audit.phases() == ["intent", "outcome"] * 2


async def test_a_store_that_cannot_tell_changes_nothing() -> None:
    """The last answer holds while the store is gone."""

    class Gone(MemoryAudit):
        async def space(self) -> Space:
            if self.broken:
                raise StoreUnavailable
            return self.held

    audit = Gone()
    audit.held = Space(100, None)
    reserve = Reserve(audit, 100)
    await reserve.start()
    audit.broken = True
    await reserve.look()
    assert reserve.full
    await reserve.close()
    await reserve.close()
