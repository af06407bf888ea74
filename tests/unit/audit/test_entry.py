"""The entry of one request: which rows a request leaves, whatever happens to it."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.support.calling import MemoryAudit, audit_log, caller

from mcpassport.audit.entry import TEXT_MAX, Answered, Asked, Entry
from mcpassport.audit.fingerprint import fingerprint
from mcpassport.audit.log import AuditLog
from mcpassport.errors import AuditUnavailable, ResultWithheld

ASKED = Asked(rpc_method="tools/call", tool="get", resource="notes", method="get")
OK = Answered(outcome="ok", http_status=200, upstream_status=200, upstream_ms=5, bytes_out=3)


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


@pytest.fixture
def entry(log: AuditLog) -> Entry:
    entry = log.open()
    entry.admitted(caller())
    return entry


async def test_a_call_leaves_an_intent_and_an_outcome(entry: Entry, audit: MemoryAudit) -> None:
    """Both rows name caller and tool and share the request id; only the outcome knows the end."""
    entry.bytes_in = 12
    await entry.intent(ASKED, {"id": "planted-argument"})
    await entry.outcome(OK)
    await entry.close()
    intent, outcome = audit.written()
    assert (intent.phase, outcome.phase) == ("intent", "outcome")
    assert intent.request_id == outcome.request_id == entry.request_id
    for row in (intent, outcome):
        assert (row.tenant, row.account, row.server) == ("acme", "acc_1", "srv_1")
        assert (row.integration, row.tool, row.bytes_in) == ("notes@7", "get", 12)
        assert row.fingerprint == fingerprint(b"key of acme", {"id": "planted-argument"})
    assert (intent.decision, intent.outcome, intent.duration_ms) == ("allow", "", None)
    assert (outcome.outcome, outcome.http_status, outcome.upstream_ms) == ("ok", 200, 5)
    assert outcome.duration_ms is not None
    assert all(b"planted" not in row.body for row in audit.chains["acme"])


async def test_without_an_intent_nothing_may_be_sent(entry: Entry, audit: MemoryAudit) -> None:
    """An intent that cannot be written is `AuditUnavailable`, and leaves nothing open."""
    audit.broken = True
    with pytest.raises(AuditUnavailable):
        await entry.intent(ASKED, {})
    audit.broken = False
    await entry.close()
    assert audit.phases() == []


async def test_without_an_outcome_nothing_may_be_shown(entry: Entry, audit: MemoryAudit) -> None:
    """An outcome that cannot be written withholds the result; closing tries once more."""
    await entry.intent(ASKED, {})
    audit.broken = True
    with pytest.raises(ResultWithheld):
        await entry.outcome(OK)
    audit.broken = False
    await entry.close()
    assert [(r.phase, r.outcome) for r in audit.written()] == [
        ("intent", ""),
        ("outcome", "unknown"),
    ]


async def test_an_outcome_survives_cancellation(entry: Entry, audit: MemoryAudit) -> None:
    """A request cancelled while its outcome is being written leaves exactly that outcome."""
    await entry.intent(ASKED, {})
    gate = asyncio.Event()

    async def slow() -> None:
        await gate.wait()

    audit.before_write = slow

    async def request() -> None:
        try:
            await entry.outcome(OK)
        finally:
            await entry.close("cancelled")

    task = asyncio.create_task(request())
    await asyncio.sleep(0)
    task.cancel()
    gate.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    await entry.close()
    assert [r.outcome for r in audit.written()] == ["", "ok"]


async def test_an_intent_cancelled_while_written_gets_an_outcome(
    entry: Entry, audit: MemoryAudit
) -> None:
    """A caller who leaves while the intent is written still leaves two rows."""
    gate = asyncio.Event()

    async def slow() -> None:
        await gate.wait()

    audit.before_write = slow
    task = asyncio.create_task(entry.intent(ASKED, {}))
    for _ in range(3):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    gate.set()
    await entry.close("cancelled")
    assert [(r.phase, r.outcome) for r in audit.written()] == [
        ("intent", ""),
        ("outcome", "cancelled"),
    ]


async def test_close_never_raises(entry: Entry, audit: MemoryAudit) -> None:
    """Closing with the store gone ends quietly: there is nobody left to tell."""
    await entry.intent(ASKED, {})
    audit.broken = True
    await entry.close()


async def test_a_harmless_request_leaves_both_rows_in_one_commit(
    entry: Entry, audit: MemoryAudit
) -> None:
    """A request without a side effect is recorded by one transaction."""
    await entry.served(Asked(rpc_method="ping"), Answered(outcome="ok", http_status=200))
    assert audit.phases() == ["intent", "outcome"]
    assert audit.batches == [2]
    audit.broken = True
    with pytest.raises(AuditUnavailable):
        await entry.served(Asked(rpc_method="ping"), Answered(outcome="ok", http_status=200))


async def test_a_refusal_is_one_row(entry: Entry, audit: MemoryAudit) -> None:
    """A refusal names its reason; when it cannot be written that is an error of its own."""
    await entry.refuse("unknown_tool", http_status=200, asked=ASKED)
    (row,) = audit.written()
    assert (row.phase, row.decision, row.reason) == ("refusal", "deny", "unknown_tool")
    audit.broken = True
    with pytest.raises(AuditUnavailable):
        await entry.refuse("unknown_tool", http_status=200)


async def test_a_dead_token_is_recorded_later(log: AuditLog, audit: MemoryAudit) -> None:
    """The refusal of a dead token is queued to its tenant's chain and not awaited."""
    for _ in range(3):
        entry = log.open()
        entry.refused_known("acme", "srv_1", "acc_1", "notes")
        entry.refuse_later("expired", http_status=404, key="hash")
    assert audit.phases() == []
    await log.flush()
    (row,) = audit.written()
    assert (row.server, row.reason, row.count) == ("srv_1", "expired", 3)


async def test_caller_chosen_text_is_made_fit_for_a_log(entry: Entry, audit: MemoryAudit) -> None:
    """Names that callers choose are cut, and lose control characters."""
    asked = Asked(rpc_method="m" * 500, tool="a\x1b[2Jb", client_name="x\ny")
    await entry.refuse("method_not_found", http_status=404, asked=asked)
    (row,) = audit.written()
    assert row.rpc_method == "m" * TEXT_MAX
    assert (row.tool, row.client_name) == ("a[2Jb", "xy")


async def test_an_outcome_that_could_not_be_written_is_owed(
    entry: Entry, log: AuditLog, audit: MemoryAudit
) -> None:
    """When closing fails too, the outcome follows as soon as the store is back, once."""
    await entry.intent(ASKED, {})
    audit.broken = True
    with pytest.raises(ResultWithheld):
        await entry.outcome(OK)
    await entry.close()
    await log.flush()
    assert audit.phases() == ["intent"]
    audit.broken = False
    await log.flush()
    await log.flush()
    assert [(r.phase, r.outcome) for r in audit.written()] == [
        ("intent", ""),
        ("outcome", "unknown"),
    ]
    assert await audit.open_rows() == []


async def test_each_call_of_a_batch_gets_its_outcome(
    entry: Entry, log: AuditLog, audit: MemoryAudit
) -> None:
    """A call whose outcome was not taken is not forgotten for the next call of its request."""
    await entry.intent(ASKED, {})
    audit.broken = True
    with pytest.raises(ResultWithheld):
        await entry.outcome(OK)
    audit.broken = False
    await entry.intent(ASKED, {})
    await entry.outcome(OK)
    await log.flush()
    await entry.close()
    assert sorted(r.outcome for r in audit.written()) == ["", "", "ok", "unknown"]
    assert await audit.open_rows() == []
