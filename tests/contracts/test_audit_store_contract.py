"""What every audit store promises."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from secrets import token_bytes

import pytest

from mcpassport.errors import StoreUnavailable
from mcpassport.records.audit import ChainedRow, Checkpoint, Segment
from mcpassport.store.protocol import GENESIS, AuditStore, Needs, Pending, Span


def link(previous: bytes, sequence: int, body: bytes) -> bytes:
    return sha256(previous + sequence.to_bytes(8, "big") + body).digest()


def check_chain(rows: list[ChainedRow], chain: str, bodies: list[bytes]) -> None:
    """The rows are that chain from its beginning, each tied to the one before."""
    assert [(row.chain, row.sequence, row.body) for row in rows] == [
        (chain, sequence, body) for sequence, body in enumerate(bodies, start=1)
    ]
    previous = GENESIS
    for row in rows:
        assert row.hash == link(previous, row.sequence, row.body)
        previous = row.hash


async def bodies_of(audit: AuditStore, chain: str = "t") -> list[bytes]:
    return [row.body for row in await audit.rows(chain)]


async def test_rows_are_chained_in_the_order_given(audit: AuditStore) -> None:
    """The first row has sequence 1 and follows the genesis; each later one follows the last."""
    await audit.append([Pending("t", b"1"), Pending("t", b"2")], link)
    await audit.append([Pending("t", b"3")], link)
    check_chain(await audit.rows("t"), "t", [b"1", b"2", b"3"])


async def test_one_append_may_reach_several_chains(audit: AuditStore) -> None:
    """Each chain has its own sequence and hashes, though rows of several come mixed."""
    rows = [Pending(chain, b"%d" % number) for number, chain in enumerate("tutuvt")]
    await audit.append(rows, link)
    check_chain(await audit.rows("t"), "t", [b"0", b"2", b"5"])
    check_chain(await audit.rows("u"), "u", [b"1", b"3"])
    check_chain(await audit.rows("v"), "v", [b"4"])
    assert await audit.rows("w") == []


async def test_the_stored_body_is_the_hashed_body(audit: AuditStore) -> None:
    """Bytes come back as they were hashed, whatever they are."""
    bodies = [b"", b"\x00\xff", "é".encode(), b"x" * 100_000]
    await audit.append([Pending("t", body) for body in bodies], link)
    check_chain(await audit.rows("t"), "t", bodies)


async def test_a_known_event_is_skipped(audit: AuditStore) -> None:
    """An event id is appended once: not again in the same append, a later one, or another chain."""
    await audit.append(
        [Pending("t", b"1", "e"), Pending("t", b"2", "e"), Pending("u", b"3", "e")], link
    )
    await audit.append([Pending("t", b"4", "e"), Pending("t", b"5")], link)
    check_chain(await audit.rows("t"), "t", [b"1", b"5"])
    assert await audit.rows("u") == []


async def test_rows_without_an_event_id_are_never_skipped(audit: AuditStore) -> None:
    """Equal bodies without an event id are separate rows."""
    await audit.append([Pending("t", b"1"), Pending("t", b"1")], link)
    await audit.append([Pending("t", b"1")], link)
    check_chain(await audit.rows("t"), "t", [b"1"] * 3)


async def test_nothing_to_append_is_no_error(audit: AuditStore) -> None:
    """An empty append does nothing."""
    await audit.append([], link)
    assert await audit.rows("t") == []


async def test_an_append_that_fails_leaves_nothing(audit: AuditStore) -> None:
    """If one row cannot be hashed, no row of the append is in any chain, and the next one fits."""

    def failing(previous: bytes, sequence: int, body: bytes) -> bytes:
        if body == b"bad":
            raise ValueError(body)
        return link(previous, sequence, body)

    await audit.append([Pending("t", b"1")], link)
    with pytest.raises(ValueError, match="bad"):
        await audit.append(
            [Pending("u", b"2", "e"), Pending("t", b"3"), Pending("t", b"bad")], failing
        )
    assert await audit.rows("u") == []
    await audit.append([Pending("t", b"4"), Pending("u", b"5", "e")], link)
    check_chain(await audit.rows("t"), "t", [b"1", b"4"])
    check_chain(await audit.rows("u"), "u", [b"5"])


async def test_a_chain_goes_on_after_a_restart(open_audit: Callable[[], AuditStore]) -> None:
    """Heads and known events survive closing and opening."""
    audit = open_audit()
    await audit.append([Pending("t", b"1", "e")], link)
    await audit.close()
    audit = open_audit()
    await audit.append([Pending("t", b"again", "e"), Pending("t", b"2")], link)
    check_chain(await audit.rows("t"), "t", [b"1", b"2"])


async def test_concurrent_appends_make_one_chain(open_audit: Callable[[], AuditStore]) -> None:
    """Appends that run at once, through two connections, interleave without a gap."""
    audits = [open_audit(), open_audit()]
    rows = [Pending("t", b"%d" % number) for number in range(60)]
    await asyncio.gather(*(audits[n % 2].append([row], link) for n, row in enumerate(rows)))
    found = await audits[0].rows("t", limit=100)
    check_chain(found, "t", [row.body for row in found])
    assert sorted(row.body for row in found) == sorted(row.body for row in rows)


@pytest.mark.parametrize("turns", range(5))
async def test_a_cancelled_append_happens_whole_or_not_at_all(
    open_audit: Callable[[], AuditStore], turns: int
) -> None:
    """Cancelling the one who waits leaves every chain whole, with all the rows or none."""
    audit = open_audit()
    waiting = asyncio.create_task(
        audit.append([Pending("tu"[number % 2], b"%d" % number) for number in range(40)], link)
    )
    for _ in range(turns):
        await asyncio.sleep(0)
    waiting.cancel()
    with suppress(asyncio.CancelledError):  # on a busy machine it may be done by now
        await waiting
    await audit.close()  # what was begun and not waited for ends here, if it was begun
    audit = open_audit()
    await audit.append([Pending("t", b"after"), Pending("u", b"after")], link)
    lengths = set()
    for chain in "tu":
        rows = await audit.rows(chain)
        check_chain(rows, chain, [row.body for row in rows])
        lengths.add(len(rows))
    assert lengths in ({1}, {21})


async def test_rows_are_read_page_by_page_either_way(audit: AuditStore) -> None:
    """`after` is exclusive in the direction of travel; 0 begins at the respective start."""
    await audit.append([Pending("t", b"%d" % number) for number in range(1, 8)], link)
    await audit.append([Pending("u", b"other")], link)

    async def sequences(after: int, newest_first: bool) -> list[int]:
        rows = await audit.rows("t", after=after, limit=3, newest_first=newest_first)
        return [row.sequence for row in rows]

    assert [await sequences(after, False) for after in (0, 3, 6, 7, 99)] == [
        [1, 2, 3],
        [4, 5, 6],
        [7],
        [],
        [],
    ]
    assert [await sequences(after, True) for after in (0, 5, 2, 1)] == [
        [7, 6, 5],
        [4, 3, 2],
        [1],
        [],
    ]
    assert len(await audit.rows("t", limit=100)) == 7
    assert await audit.rows("t", limit=0) == []


async def test_an_appended_row_is_seen_by_everyone(open_audit: Callable[[], AuditStore]) -> None:
    """Once an append returned, every process reads the row."""
    one, other = open_audit(), open_audit()
    for number in range(1, 10):
        await one.append([Pending("t", b"%d" % number)], link)
        assert len(await bodies_of(other)) == number


async def test_an_intent_is_open_until_it_is_closed(open_audit: Callable[[], AuditStore]) -> None:
    """Open rows are listed for every process, and after a restart, until their outcome is there."""
    one, other = open_audit(), open_audit()
    await one.append([Pending("t", b"1", opens="a"), Pending("u", b"2", opens="b")], link)
    assert [row.body for row in await other.open_rows()] == [b"1", b"2"]
    await other.append([Pending("t", b"3", closes="a")], link)
    assert [row.body for row in await one.open_rows()] == [b"2"]
    await one.close()
    assert [row.body for row in await open_audit().open_rows()] == [b"2"]
    check_chain(await other.rows("t"), "t", [b"1", b"3"])


async def test_an_intent_is_closed_once(open_audit: Callable[[], AuditStore]) -> None:
    """Of many outcomes of one intent, from two processes at once, the first is in the chain."""
    one, other = open_audit(), open_audit()
    await one.append([Pending("t", b"1", opens="a")], link)
    ends = [Pending("t", b"end %d" % number, closes="a") for number in range(20)]
    await asyncio.gather(*((one, other)[n % 2].append([end], link) for n, end in enumerate(ends)))
    await one.append([Pending("t", b"late", closes="a"), Pending("t", b"3")], link)
    rows = await one.rows("t")
    assert [row.body for row in rows if row.body.startswith(b"end")] == [rows[1].body]
    check_chain(rows, "t", [b"1", rows[1].body, b"3"])
    assert await one.open_rows() == []


async def test_a_request_may_open_several_rows(audit: AuditStore) -> None:
    """Each outcome closes the oldest open intent of its request, in one append or in several."""
    await audit.append([Pending("t", b"1", opens="a"), Pending("t", b"2", opens="a")], link)
    await audit.append([Pending("t", b"3", closes="a"), Pending("t", b"4", opens="a")], link)
    assert [row.body for row in await audit.open_rows()] == [b"2", b"4"]
    await audit.append([Pending("t", b"5", closes="a"), Pending("t", b"6", closes="a")], link)
    assert await audit.open_rows() == []
    check_chain(await audit.rows("t"), "t", [b"%d" % number for number in range(1, 7)])


async def test_a_row_closes_only_in_its_own_chain(audit: AuditStore) -> None:
    """A row of one tenant does not close what another tenant's row opened."""
    await audit.append([Pending("t", b"1", opens="a")], link)
    await audit.append([Pending("u", b"2", closes="a")], link)
    assert [row.body for row in await audit.open_rows()] == [b"1"]
    assert await audit.rows("u") == []


async def test_an_append_that_fails_opens_and_closes_nothing(audit: AuditStore) -> None:
    """What is open changes in the transaction of the rows."""

    def failing(previous: bytes, sequence: int, body: bytes) -> bytes:
        if body == b"bad":
            raise ValueError(body)
        return link(previous, sequence, body)

    await audit.append([Pending("t", b"1", opens="a")], link)
    bad = [
        Pending("t", b"2", closes="a"),
        Pending("t", b"3", opens="b"),
        Pending("t", b"bad"),
    ]
    with pytest.raises(ValueError, match="bad"):
        await audit.append(bad, failing)
    assert [row.body for row in await audit.open_rows()] == [b"1"]


async def test_the_space_grows_with_the_rows(audit: AuditStore) -> None:
    """What is held is told in bytes, at least those of the bodies; what is free is not negative."""
    before = await audit.space()
    await audit.append([Pending("t", token_bytes(50_000)) for _ in range(20)], link)
    after = await audit.space()
    assert after.used - before.used >= 1_000_000
    assert after.free is None or after.free >= 0


def checkpoint(sequence: int, chain: str = "t", ts: str = "2026-01-01T00:00:00Z") -> Checkpoint:
    return Checkpoint(chain=chain, sequence=sequence, hash="00" * 32, ts=ts, key="k", signature="s")


async def test_checkpoints_are_read_page_by_page_either_way(
    open_audit: Callable[[], AuditStore],
) -> None:
    """Each chain has its own, whole, for every process; `after` is as for rows."""
    one, other = open_audit(), open_audit()
    for sequence in (3, 5, 9):
        await one.add_checkpoint(checkpoint(sequence))
    await one.add_checkpoint(checkpoint(4, "u"))
    assert await other.checkpoints("t") == [checkpoint(3), checkpoint(5), checkpoint(9)]
    assert await other.checkpoints("t", after=3, limit=1) == [checkpoint(5)]
    assert await other.checkpoints("t", newest_first=True, limit=2) == [
        checkpoint(9),
        checkpoint(5),
    ]
    assert await other.checkpoints("t", after=5, newest_first=True) == [checkpoint(3)]
    assert await other.checkpoints("v") == []


async def test_a_checkpoint_is_never_replaced(audit: AuditStore) -> None:
    """Of two at one place the first stays."""
    await audit.add_checkpoint(checkpoint(3))
    await audit.add_checkpoint(checkpoint(3, ts="2027-01-01T00:00:00Z"))
    assert await audit.checkpoints("t") == [checkpoint(3)]


async def test_a_forgotten_prefix_leaves_the_chain_going_on(
    open_audit: Callable[[], AuditStore],
) -> None:
    """Rows up to there and checkpoints before it are gone; the next row follows the last one."""
    audit = open_audit()
    await audit.append([Pending(chain, b"%d" % n) for n in range(1, 5) for chain in "tu"], link)
    for sequence in (2, 3):
        await audit.add_checkpoint(checkpoint(sequence))
    whole = await audit.rows("t")
    await audit.forget("t", 3)
    assert await audit.rows("t") == whole[3:]
    assert [item.sequence for item in await audit.checkpoints("t")] == [3]
    assert len(await audit.rows("u")) == 4
    await audit.forget("t", 4)
    await audit.close()
    audit = open_audit()
    assert await audit.rows("t") == []
    await audit.append([Pending("t", b"5")], link)
    (row,) = await audit.rows("t")
    assert (row.sequence, row.hash) == (5, link(whole[3].hash, 5, b"5"))


async def test_rows_are_found_by_what_their_bodies_hold(audit: AuditStore) -> None:
    """Within the spans, in the order asked for, up to the limit: rows that hold every text."""
    bodies = [b'{"n":%d,"odd":%d}' % (n, n % 2) for n in range(1, 21)]
    await audit.append([Pending("t", body) for body in bodies], link)
    await audit.append([Pending("u", bodies[0])], link)

    async def found(spans: list[Span], *texts: bytes, limit: int = 50) -> list[int]:
        newest = len(spans) > 1 and spans[0].first > spans[1].first
        rows = await audit.matching("t", spans, texts, limit=limit, newest_first=newest)
        return [row.sequence for row in rows]

    odd = b'"odd":1'
    assert await found([Span(3, 6)]) == [3, 4, 5, 6]
    assert await found([Span(3, 6)], odd) == [3, 5]
    assert await found([Span(1, 2), Span(19, 99)], odd, b'"n":1') == [1, 19]
    assert await found([Span(1, 20)], odd, limit=3) == [1, 3, 5]
    assert await found([Span(15, 20), Span(1, 2)], odd, limit=4) == [19, 17, 15, 1]
    assert await found([Span(1, 20)], b"\x00\xff'%_") == []
    assert await found([], odd) == []
    rows = await audit.matching("t", [Span(1, 20)], [], limit=50)
    assert rows == await audit.rows("t")


async def test_the_extent_of_a_chain(audit: AuditStore) -> None:
    """From the first row that retention left to the newest; none of a chain without rows."""
    assert await audit.extent("t") is None
    await audit.append([Pending("t", b"%d" % n) for n in range(5)], link)
    assert await audit.extent("t") == (Span(1, 5), None)
    await audit.add_segments([segment(1, 2), segment(3, 4)])
    assert await audit.extent("t") == (Span(1, 5), Span(1, 4))
    await audit.forget("t", 3)
    assert await audit.extent("t") == (Span(4, 5), Span(3, 4))
    await audit.forget("t", 5)
    assert await audit.extent("t") is None


def segment(first: int, last: int, holds: bytes = b"x", chain: str = "t") -> Segment:
    return Segment(chain, first, last, first, last, holds)


ALL_OF_IT, ANYTHING = Span(1, 99), Needs()


async def test_segments_are_found_by_what_they_may_hold(
    open_audit: Callable[[], AuditStore],
) -> None:
    """Those that reach into the span, with every mark, of the time; one that tells nothing always.

    Every process sees them, and a second one at the same place changes nothing.
    """
    one, other = open_audit(), open_audit()
    await one.append([Pending("t", b"x")] * 14, link)
    await one.add_segments(
        [segment(1, 4, b"\x00\xff1"), segment(5, 8, b"\x00\xff2"), segment(9, 12, b"")]
    )
    await one.add_segments([segment(1, 4, b"\x00\xff1", "u"), segment(5, 8, b"other")])

    async def first_of(within: Span, needs: Needs = ANYTHING) -> list[int]:
        found = await other.promising("t", within, needs)
        assert all(span.last == span.first + 3 for span in found)
        return [span.first for span in found]

    assert await first_of(ALL_OF_IT) == [1, 5, 9]
    for within, expected in (
        (Span(4, 5), [1, 5]),
        (Span(5, 8), [5]),
        (Span(6, 7), [5]),
        (Span(12, 13), [9]),
        (Span(13, 99), []),
    ):
        assert await first_of(within) == expected
    assert await first_of(ALL_OF_IT, Needs((b"\xff2",))) == [5, 9]
    assert await first_of(ALL_OF_IT, Needs((b"\x00", b"1"))) == [1, 9]
    assert await first_of(ALL_OF_IT, Needs((b"other",))) == [9]
    assert await first_of(ALL_OF_IT, Needs(since=5)) == [5, 9]
    assert await first_of(ALL_OF_IT, Needs(until=5)) == [1, 9]
    assert await first_of(ALL_OF_IT, Needs((b"1",), since=5)) == [9]
    assert await other.promising("v", ALL_OF_IT, ANYTHING) == []


async def test_chains_that_grew_behind_their_segments_are_named(audit: AuditStore) -> None:
    """With the sequence where their segments end, once there are enough rows behind it."""
    await audit.append([Pending("t", b"x")] * 7 + [Pending("u", b"x")] * 3, link)
    assert await audit.unsegmented(4) == [("t", 0)]
    assert await audit.unsegmented(3) == [("t", 0), ("u", 0)]
    await audit.add_segments([segment(1, 4)])
    assert await audit.unsegmented(4) == []
    await audit.append([Pending("t", b"x")], link)
    assert await audit.unsegmented(4) == [("t", 4)]


async def test_segments_go_with_the_rows_they_are_of(audit: AuditStore) -> None:
    """What ends in the forgotten prefix is gone, and is not asked for again."""
    await audit.append([Pending("t", b"x")] * 8, link)
    await audit.add_segments([segment(1, 4), segment(5, 8)])
    await audit.forget("t", 6)
    assert await audit.promising("t", ALL_OF_IT, ANYTHING) == [Span(5, 8)]
    await audit.forget("t", 8)
    assert await audit.promising("t", ALL_OF_IT, ANYTHING) == []
    assert await audit.unsegmented(1) == []


async def test_a_proof_is_always_the_same_row(open_audit: Callable[[], AuditStore]) -> None:
    """Any process may write it, again and again, and no chain grows."""
    one, other = open_audit(), open_audit()
    await one.prove(1)
    before = (await one.space()).used
    for number in range(50):
        await (one, other)[number % 2].prove(number)
    assert await other.unsegmented(1) == []
    assert (await one.space()).used - before < 500_000


async def test_an_engine_that_fails_is_told_as_unavailable(audit: AuditStore) -> None:
    """After `close` every operation says that the store is unavailable; closing twice is fine."""
    await audit.append([Pending("t", b"1")], link)
    await audit.close()
    await audit.close()
    for operation in (
        audit.append([Pending("t", b"2")], link),
        audit.rows("t"),
        audit.matching("t", [Span(1, 1)], [b"x"], limit=1),
        audit.extent("t"),
        audit.add_segments([segment(1, 2)]),
        audit.promising("t", ALL_OF_IT, ANYTHING),
        audit.unsegmented(1),
        audit.prove(1),
        audit.open_rows(),
        audit.space(),
        audit.add_checkpoint(checkpoint(1)),
        audit.checkpoints("t"),
        audit.forget("t", 1),
    ):
        with pytest.raises(StoreUnavailable) as failure:
            await operation
        assert failure.value.__cause__ is None
