"""The audit log: group commit, failure, folding, the outbox."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest
from tests.support.calling import (
    NOW,
    MemoryAudit,
    MemoryOutbox,
    audit_log,
    counting_random,
)

from mcpassport.audit import log as log_module
from mcpassport.audit.chain import verify
from mcpassport.audit.log import AuditLog, event
from mcpassport.errors import StoreUnavailable
from mcpassport.records.audit import AuditRow
from mcpassport.records.grants import Principal


@pytest.fixture
def audit() -> MemoryAudit:
    return MemoryAudit()


@pytest.fixture
async def log(audit: MemoryAudit) -> AsyncIterator[AuditLog]:
    log = audit_log(audit)
    await log.start()
    yield log
    audit.broken = False
    audit.before_write = None
    await log.close()


def row(request_id: str, tenant: str = "acme") -> AuditRow:
    return AuditRow(ts=NOW, phase="event", request_id=request_id, tenant=tenant)


async def test_append_returns_when_the_row_is_in_its_chain(
    log: AuditLog, audit: MemoryAudit
) -> None:
    """When `append` returns, the row is there, in the chain of its tenant only."""
    await log.append(row("r1"))
    assert [r.request_id for r in audit.written()] == ["r1"]
    assert not audit.written("other")


async def test_rows_that_wait_share_one_transaction(log: AuditLog, audit: MemoryAudit) -> None:
    """Rows that arrive during a commit are written together by the next one."""
    gate = asyncio.Event()

    async def slow() -> None:
        await gate.wait()

    audit.before_write = slow
    writers = [asyncio.create_task(log.append(row("r0")))]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    writers += [asyncio.create_task(log.append(row(f"r{n}"))) for n in range(1, 40)]
    await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(*writers)
    assert audit.batches == [1, 39]
    assert verify(audit.chains["acme"]) is None


async def test_one_bad_row_does_not_fail_the_others(log: AuditLog, audit: MemoryAudit) -> None:
    """In a batch that fails, only the writer of the bad row is told so."""
    audit.poison = b'"bad"'
    results = await asyncio.gather(
        *(log.append(row(name)) for name in ("r1", "bad", "r2")), return_exceptions=True
    )
    assert [type(result) for result in results] == [type(None), StoreUnavailable, type(None)]
    assert [r.request_id for r in audit.written()] == ["r1", "r2"]


async def test_a_gone_store_fails_everybody_who_waits(log: AuditLog, audit: MemoryAudit) -> None:
    """With the store gone every waiter is refused, and nothing is tried for each of them."""
    tries = 0

    async def count() -> None:
        nonlocal tries
        tries += 1

    audit.before_write = count
    audit.broken = True
    results = await asyncio.gather(
        *(log.append(row(f"r{n}")) for n in range(100)), return_exceptions=True
    )
    assert all(isinstance(result, StoreUnavailable) for result in results)
    assert tries == 1 + log_module.STORE_IS_GONE_AFTER


async def test_the_log_recovers_with_the_store(log: AuditLog, audit: MemoryAudit) -> None:
    """After a failure the next row is written as usual."""
    audit.broken = True
    with pytest.raises(StoreUnavailable):
        await log.append(row("lost"))
    audit.broken = False
    await log.append(row("kept"))
    assert [r.request_id for r in audit.written()] == ["kept"]


async def test_a_cancelled_waiter_does_not_lose_its_row(log: AuditLog, audit: MemoryAudit) -> None:
    """A row is written although the task that waits for it is cancelled."""
    gate = asyncio.Event()

    async def slow() -> None:
        await gate.wait()

    audit.before_write = slow
    writer = asyncio.create_task(log.append(row("r1")))
    await asyncio.sleep(0)
    writer.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writer
    gate.set()
    await log.append(row("r2"))
    assert [r.request_id for r in audit.written()] == ["r1", "r2"]


async def test_rows_given_together_stay_together(log: AuditLog, audit: MemoryAudit) -> None:
    """Rows of one `append` are in the chain next to each other, or none of them is."""
    await asyncio.gather(*(log.append(row(f"a{n}"), row(f"b{n}")) for n in range(5)))
    names = [r.request_id for r in audit.written()]
    assert all(names[i][1:] == names[i + 1][1:] for i in range(0, 10, 2))
    audit.poison = b'"bad"'
    with pytest.raises(StoreUnavailable):
        await log.append(row("good"), row("bad"))
    assert "good" not in [r.request_id for r in audit.written()]


async def test_a_full_queue_refuses(
    log: AuditLog, audit: MemoryAudit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The queue is bounded; what does not fit is refused at once."""
    monkeypatch.setattr(log_module, "QUEUE_GROUPS", 2)
    results = await asyncio.gather(
        *(log.append(row(f"r{n}")) for n in range(4)), return_exceptions=True
    )
    assert [type(result) for result in results[2:]] == [StoreUnavailable, StoreUnavailable]
    assert len(audit.written()) == 2


async def test_a_log_that_is_not_running_refuses(audit: MemoryAudit) -> None:
    """Before the start and after the end a row is refused, never lost in silence."""
    log = audit_log(audit)
    with pytest.raises(StoreUnavailable):
        await log.append(row("early"))
    await log.start()
    await log.close()
    with pytest.raises(StoreUnavailable):
        await log.append(row("late"))


async def test_later_folds_rows_of_one_key(log: AuditLog, audit: MemoryAudit) -> None:
    """Refusals of one dead token become one row with a count."""
    for _ in range(5):
        log.later(row("first"), key="token-a")
    log.later(row("second"), key="token-b")
    await log.flush()
    assert [(r.request_id, r.count) for r in audit.written()] == [("first", 5), ("second", 1)]


async def test_later_is_bounded_per_tenant(
    log: AuditLog, audit: MemoryAudit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With too many keys the rest is folded per tenant, and still counted."""
    monkeypatch.setattr(log_module, "QUIET_KEYS", 2)
    for n in range(6):
        log.later(row("r"), key=f"token-{n}")
    await log.flush()
    assert sorted(r.count for r in audit.written()) == [1, 1, 4]


async def test_later_waits_for_a_store_that_is_gone(log: AuditLog, audit: MemoryAudit) -> None:
    """What could not be flushed keeps its count for the next flush."""
    audit.broken = True
    log.later(row("r"), key="k")
    log.later(row("r"), key="k")
    await log.flush()
    audit.broken = False
    log.later(row("r"), key="k")
    await log.flush()
    assert [r.count for r in audit.written()] == [3]


async def test_two_flushes_at_once_pay_what_is_owed(log: AuditLog, audit: MemoryAudit) -> None:
    """An owed outcome is paid once and the flusher lives on, whoever else flushes meanwhile."""
    await log.append(msgspec.structs.replace(row("r1"), phase="intent"))
    log.owe(msgspec.structs.replace(row("r1"), phase="outcome"))
    await asyncio.gather(log.flush(), log.flush())
    await log.flush()
    assert [(r.request_id, r.phase) for r in audit.written()] == [
        *(("r1", "intent"), ("r1", "outcome")),
    ]


async def test_close_writes_what_waits(audit: MemoryAudit) -> None:
    """Closing loses nothing that was given to `later`."""
    log = audit_log(audit)
    await log.start()
    log.later(row("r"), key="k")
    await log.close()
    assert [r.request_id for r in audit.written()] == ["r"]


async def test_outbox_is_moved_once(audit: MemoryAudit) -> None:
    """An event whose move was cut off before it was forgotten is moved again without a double."""
    principal = Principal("tok_1", "admin")
    events = [
        event(principal, action, tenant="acme", subject="srv_1", clock=lambda: NOW, random=rnd)
        for rnd in [counting_random()]
        for action in ("server.create", "server.revoke")
    ]
    outbox = MemoryOutbox(*events)
    log = audit_log(audit, outbox)
    outbox.done_fails = True
    with pytest.raises(StoreUnavailable):
        await log.move_outbox()
    outbox.done_fails = False
    assert await log.move_outbox() == 2
    assert await log.move_outbox() == 0
    rows = audit.written()
    assert [(r.action, r.subject, r.principal) for r in rows] == [
        ("server.create", "srv_1", "tok_1"),
        ("server.revoke", "srv_1", "tok_1"),
    ]
    assert {r.phase for r in rows} == {"event"}


async def test_rows_are_read_back(log: AuditLog) -> None:
    """Rows come back in the order asked for, from the sequence asked for."""
    for n in range(3):
        await log.append(row(f"r{n}"))
    assert [r.sequence for r in await log.rows("acme", after=1)] == [2, 3]
    assert [r.sequence for r in await log.rows("acme", newest_first=True, limit=1)] == [3]
