"""Questions to a chain over every audit store: what is found, whatever segments there are."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from mcpassport.audit import query as query_module
from mcpassport.audit import segments as segments_module
from mcpassport.audit.chain import link
from mcpassport.audit.query import SCANNED_ROWS, Walk, Wanted, find, stream
from mcpassport.audit.segments import Segmenter
from mcpassport.records.audit import AuditRow, ChainedRow
from mcpassport.store.protocol import AuditStore, Pending, Span

START = datetime(2026, 1, 1, tzinfo=UTC)
ROWS = 400


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Segments, stretches and batches of a few rows, so that a short chain has many."""
    monkeypatch.setattr(segments_module, "SEGMENT_ROWS", 16)
    monkeypatch.setattr(segments_module, "_KEPT_AT_ONCE", 3)
    for name, value in (
        ("STRETCH_ROWS", 24),
        ("BATCH_ROWS", 10),
        ("FIRST_WINDOW", 20),
        ("WINDOW_ROWS", 100),
    ):
        monkeypatch.setattr(query_module, name, value)


def row(n: int, rng: random.Random) -> AuditRow:
    """Times go back and forth; one tool name quotes another's filter; some values are rare."""
    return AuditRow(
        ts=START + timedelta(seconds=n * 10 + rng.randrange(-40, 40), microseconds=n),
        phase="intent" if n % 2 else "outcome",
        request_id=f"req_{n // 2}",
        tenant="t",
        tool=rng.choice(["plain", 'a","tool":"plain', "Ünïcode", ""]),
        server="rare" if n in {7, 201, 202, 399} else f"srv_{n // 100}",
        outcome="" if n % 2 else rng.choice(["ok", "ok", "ok", "upstream_failed"]),
    )


async def fill(audit: AuditStore, first: int = 0, count: int = ROWS) -> list[AuditRow]:
    rng = random.Random(first)
    rows = [row(n, rng) for n in range(first, first + count)]
    bodies = [msgspec.json.encode(each) for each in rows]
    await audit.append([Pending("t", body) for body in bodies], link)
    await audit.append([Pending("u", body) for body in bodies[:40]], link)
    return rows


QUESTIONS: dict[str, tuple[Wanted, Any]] = {
    "everything": (Wanted(), lambda _: True),
    "half of the rows": (Wanted((("phase", "intent"),)), lambda row: row.phase == "intent"),
    "one server": (Wanted((("server", "srv_1"),)), lambda row: row.server == "srv_1"),
    "a rare one": (Wanted((("server", "rare"),)), lambda row: row.server == "rare"),
    "one request": (Wanted((("request_id", "req_77"),)), lambda row: row.request_id == "req_77"),
    "a name as quoted": (
        Wanted((("tool", 'a","tool":"plain'),)),
        lambda row: row.tool == 'a","tool":"plain',
    ),
    "a name beyond ASCII": (Wanted((("tool", "Ünïcode"),)), lambda row: row.tool == "Ünïcode"),
    "two at once": (
        Wanted((("outcome", "upstream_failed"), ("tool", "plain"))),
        lambda row: row.outcome == "upstream_failed" and row.tool == "plain",
    ),
    "two that never meet": (
        Wanted((("outcome", "ok"), ("phase", "intent"))),
        lambda row: row.outcome == "ok" and row.phase == "intent",
    ),
    "nothing": (Wanted((("request_id", "req_"),)), lambda _: False),
    "a time": (
        Wanted(since=START + timedelta(seconds=990), until=START + timedelta(seconds=1200)),
        lambda row: timedelta(seconds=990) <= row.ts - START < timedelta(seconds=1200),
    ),
    "a rare one lately": (
        Wanted((("server", "rare"),), since=START + timedelta(seconds=2000)),
        lambda row: row.server == "rare" and row.ts - START >= timedelta(seconds=2000),
    ),
}


async def every_page(
    audit: AuditStore, wanted: Wanted, limit: int, *, newest_first: bool
) -> list[ChainedRow]:
    found: list[ChainedRow] = []
    after = 0
    while True:
        page = await find(audit, "t", wanted, Walk(after, newest_first), limit=limit)
        assert len(page.rows) <= limit
        found += page.rows
        if page.following is None:
            return found
        assert page.following != after
        after = page.following


@pytest.mark.parametrize("segmented", ["none", "half", "all"])
async def test_exactly_what_fits_is_found(audit: AuditStore, segmented: str) -> None:
    """Every row that fits is there once, in order, both ways, in pages of any size, and streamed.

    Whether there are segments for none, for some or for all of the chain changes nothing, nor does
    a beginning that retention removed.
    """
    rows = await fill(audit)
    segmenter = Segmenter(audit)
    if segmented == "half":
        await segmenter.extend()
    rows += await fill(audit, ROWS, 70)
    if segmented == "all":
        await segmenter.extend()
    await audit.forget("t", 21)
    for name, (wanted, fits) in QUESTIONS.items():
        expected = [n for n, each in enumerate(rows, start=1) if n > 21 and fits(each)]
        for newest_first in (False, True):
            order = expected[::-1] if newest_first else expected
            for limit in (1, 7, 200):
                found = await every_page(audit, wanted, limit, newest_first=newest_first)
                assert [each.sequence for each in found] == order, (name, limit)
            batches = stream(audit, "t", wanted, Walk(0, newest_first), limit=30)
            streamed = [each.sequence async for batch in batches for each in batch]
            assert streamed == order[:30], name


async def test_a_rare_value_costs_no_reading_of_the_chain(
    audit: AuditStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With segments, only the stretches that may hold it are looked through."""
    await fill(audit)
    await Segmenter(audit).extend()
    looked = 0
    matching = audit.matching

    async def counting(chain: str, spans: list[Span], *rest: Any, **more: Any) -> Any:
        nonlocal looked
        looked += sum(span.last - span.first + 1 for span in spans)
        return await matching(chain, spans, *rest, **more)

    monkeypatch.setattr(audit, "matching", counting)
    page = await find(audit, "t", Wanted((("server", "rare"),)), Walk(), limit=50)
    assert ([each.sequence for each in page.rows], page.following) == ([8, 202, 203, 400], None)
    assert looked <= 4 * 16


async def test_a_page_looks_through_a_bounded_number_of_rows(
    audit: AuditStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A question that fits nothing, over a chain without segments, ends in pages with a cursor."""
    monkeypatch.setattr(query_module, "STRETCH_ROWS", 1000)
    body = msgspec.json.encode(row(1, random.Random(1)))
    for _ in range(SCANNED_ROWS // 1000 + 1):
        await audit.append([Pending("t", body)] * 1000, link)
    wanted = Wanted((("tool", "none"),))
    first = await find(audit, "t", wanted, Walk(newest_first=True), limit=50)
    assert (first.rows, first.following) == ([], 1001)
    assert first.following is not None
    rest = await find(audit, "t", wanted, Walk(first.following, newest_first=True), limit=50)
    assert rest == ([], None)


async def test_a_damaged_row_is_not_lost_among_segments(audit: AuditStore) -> None:
    """A body that cannot be read makes its segment hold anything, and stops no other."""
    await fill(audit, 0, 20)
    await audit.append([Pending("t", b"\xff" + b'"server":"rare"')], link)
    await fill(audit, 21, 40)
    assert await Segmenter(audit).extend() == 3 + 3
    page = await find(audit, "t", Wanted((("server", "rare"),)), Walk(), limit=50)
    assert [each.sequence for each in page.rows] == [8, 21]


async def test_an_empty_chain_answers_nothing(audit: AuditStore) -> None:
    """No row, no cursor, whatever is asked."""
    for wanted, _ in QUESTIONS.values():
        assert await find(audit, "nobody", wanted, Walk(), limit=5) == ([], None)
