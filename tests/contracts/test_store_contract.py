"""What every store of records promises."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest
from tests.support.stores import START, SteppingClock

from mcpassport.errors import InvalidInput, StoreUnavailable
from mcpassport.store.protocol import (
    ABSENT,
    ALL,
    PLATFORM,
    Append,
    Delete,
    EtagConflict,
    Key,
    Op,
    Put,
    Store,
)

A, B, C = Key("thing", "t", "a"), Key("thing", "t", "b"), Key("thing", "t", "c")


async def value_of(store: Store, key: Key) -> bytes | None:
    (entry,) = await store.get_many([key])
    return None if entry is None else entry.value


async def fill(store: Store, count: int, *, kind: str = "thing", tenant: str = "t") -> list[Key]:
    keys = [Key(kind, tenant, f"{number:05d}") for number in range(count)]
    await store.write([Put(key, key.id.encode()) for key in keys])
    return keys


async def test_records_come_in_the_order_asked_for(store: Store) -> None:
    """The answer has one place per key asked for: None where there is none, repeats repeated."""
    await store.write([Put(A, b"1"), Put(B, b"2")])
    entries = await store.get_many([B, C, A, B])
    assert [entry and (entry.key, entry.value) for entry in entries] == [
        (B, b"2"),
        None,
        (A, b"1"),
        (B, b"2"),
    ]


async def test_no_keys_are_no_records(store: Store) -> None:
    """Asking for nothing answers nothing."""
    assert await store.get_many([]) == []


async def test_many_thousand_keys_may_be_asked_for_at_once(store: Store) -> None:
    """The number of keys is not bounded by what one statement can hold."""
    keys = await fill(store, 12_000)
    entries = await store.get_many([*reversed(keys), C])
    assert [entry.key for entry in entries if entry] == keys[::-1]
    assert entries[-1] is None


@pytest.mark.parametrize(
    "value", [b"", b"\x00\xff" * 9, b"x" * 2**20], ids=["empty", "binary", "1M"]
)
async def test_any_bytes_come_back_unchanged(store: Store, value: bytes) -> None:
    """A value is bytes, not text."""
    await store.write([Put(A, value)])
    assert await value_of(store, A) == value


@pytest.mark.parametrize("text", ["", "é\u0301 \U0001f512", "' OR 1=1 --", "a/b%", "A"])
async def test_any_text_is_a_key(store: Store, text: str) -> None:
    """Keys are compared exactly: no case folding, no Unicode normalisation, no patterns."""
    await store.write([Put(Key("thing", text, text), b"here")])
    assert await value_of(store, Key("thing", text, text)) == b"here"
    assert await value_of(store, Key("thing", text, text.swapcase() + "x")) is None
    (entry,) = (await store.page("thing", text)).entries
    assert entry.key == Key("thing", text, text)


@pytest.mark.parametrize(
    "put",
    [
        Put(Key("thing", "t", "a\0b"), b""),
        Put(Key("thing", "t\0", "a"), b""),
        Put(Key("thing", "t", "\ud800"), b""),
        Put(A, b"", {"account": "\udfff"}),
        Put(A, b"", {"key_version": 2**63}),
    ],
    ids=["nul", "nul-tenant", "surrogate", "surrogate-column", "number"],
)
async def test_what_cannot_be_stored_is_refused_whole(store: Store, put: Put) -> None:
    """A key or column that no engine can hold is invalid input, and nothing is written."""
    with pytest.raises(InvalidInput):
        await store.write([Put(B, b"first"), put])
    assert await value_of(store, B) is None
    await store.write([Put(B, b"second")])


async def test_two_tenants_never_see_each_other(store: Store) -> None:
    """The same kind and id under another tenant is another record, for every operation."""
    mine, theirs = Key("thing", "mine", "x"), Key("thing", "theirs", "x")
    await store.write([Put(mine, b"mine", {"account": "1"})])
    assert await value_of(store, theirs) is None
    assert (await store.page("thing", "theirs")).entries == ()
    assert (await store.page("thing", "theirs", index="account", value="1")).entries == ()
    assert [entry async for entry in store.scan("thing", "theirs")] == []
    await store.write([Delete(theirs)], {theirs: ABSENT})
    await store.write([Put(theirs, b"theirs", {"account": "1"})])
    assert await store.get_many([mine, theirs]) != []
    assert await value_of(store, mine) == b"mine"
    (only,) = (await store.page("thing", "mine", index="account", value="1")).entries
    assert only.value == b"mine"


async def test_the_deployment_is_a_tenant_of_its_own(store: Store) -> None:
    """Records of the platform are in no tenant's listing."""
    await store.write([Put(Key("thing", PLATFORM, "x"), b"p"), Put(A, b"t")])
    assert [entry.value for entry in (await store.page("thing", "t")).entries] == [b"t"]
    assert [entry.value for entry in (await store.page("thing", PLATFORM)).entries] == [b"p"]


async def test_every_write_makes_a_new_etag(store: Store) -> None:
    """An etag is what the write returned, and never comes back: not for an equal value, not after a delete."""  # noqa: E501  # one sentence
    seen = set()
    ops: list[Op] = [Put(A, b"1"), Put(A, b"1"), Delete(A), Put(A, b"1"), Put(A, b"2")]
    for op in ops:
        etags = await store.write([op])
        (entry,) = await store.get_many([A])
        assert etags == ({} if entry is None else {A: entry.etag})
        seen |= set(etags.values())
    assert len(seen) == 4


async def test_operations_apply_in_order(store: Store) -> None:
    """Of several operations on one key in one write, the last one counts."""
    etags = await store.write([Put(A, b"1"), Delete(A), Put(B, b"1"), Put(B, b"2"), Delete(C)])
    assert await value_of(store, A) is None
    (entry,) = await store.get_many([B])
    assert entry == (B, b"2", etags[B])
    assert set(etags) == {B}


async def test_deleting_what_is_absent_is_no_error(store: Store) -> None:
    """A delete asks for a state, not for a change."""
    assert await store.write([Delete(A)]) == {}


@pytest.mark.parametrize("present", [False, True])
@pytest.mark.parametrize("expected", ["absent", "current", "stale", "invented"])
async def test_an_expectation_holds_or_nothing_happens(
    store: Store, present: bool, expected: str
) -> None:
    """A write goes through only if each expected key has that etag, or is absent if so expected."""
    stale = (await store.write([Put(A, b"0")]))[A]
    await store.write([Delete(A)])
    current = (await store.write([Put(A, b"1")]))[A] if present else ABSENT
    etag = {"absent": ABSENT, "current": current, "stale": stale, "invented": "x"}[expected]
    ops: list[Op] = [Put(B, b"2"), Append("e", "t", b""), Put(A, b"2")]
    if etag == current:
        await store.write(ops, {A: etag})
        assert await value_of(store, A) == await value_of(store, B) == b"2"
        return
    with pytest.raises(EtagConflict) as conflict:
        await store.write(ops, {A: etag})
    assert conflict.value.key == A
    assert await value_of(store, A) == (b"1" if present else None)
    assert await value_of(store, B) is None
    assert await store.outbox() == []


async def test_an_expectation_may_guard_a_key_that_is_not_written(store: Store) -> None:
    """A write can depend on a record it only read."""
    etag = (await store.write([Put(A, b"1")]))[A]
    await store.write([Put(B, b"1")], {A: etag})
    await store.write([Put(A, b"2")])
    with pytest.raises(EtagConflict):
        await store.write([Put(B, b"2")], {A: etag})
    assert await value_of(store, B) == b"1"


async def test_a_write_of_nothing_still_checks(store: Store) -> None:
    """Without operations only the expectations are checked."""
    assert await store.write([]) == {}
    with pytest.raises(EtagConflict):
        await store.write([], {A: "x"})


async def test_concurrent_writers_of_one_record_lose_no_update(
    open_store: Callable[[], Store],
) -> None:
    """With expectations and retries, every increment of several writers is counted."""
    stores = [open_store(), open_store()]
    await stores[0].write([Put(A, b"0")])

    async def increment(store: Store) -> None:
        while True:
            (entry,) = await store.get_many([A])
            assert entry is not None
            try:
                await store.write([Put(A, b"%d" % (int(entry.value) + 1))], {A: entry.etag})
            except EtagConflict:
                continue
            return

    await asyncio.gather(*(increment(stores[number % 2]) for number in range(30)))
    assert await value_of(stores[0], A) == b"30"


async def test_a_write_is_seen_by_everyone_once_it_returned(
    open_store: Callable[[], Store],
) -> None:
    """A revocation that was acknowledged is in the next read of every process."""
    one, other = open_store(), open_store()
    for number in range(20):
        value = b"%d" % number
        await one.write([Put(A, value)])
        assert await value_of(other, A) == value


async def test_what_was_written_is_there_after_a_restart(open_store: Callable[[], Store]) -> None:
    """Records and events survive closing and opening."""
    store = open_store()
    etags = await store.write([Put(A, b"1"), Append("e", "t", b"body")])
    await store.close()
    store = open_store()
    assert await store.get_many([A]) == [(A, b"1", etags[A])]
    assert await store.outbox() == [Append("e", "t", b"body")]


async def walk(store: Store, limit: int, **options: object) -> list[Key]:
    keys: list[Key] = []
    cursor: str | None = None
    while True:
        page = await store.page(
            "thing",
            options.get("tenant", "t"),  # type: ignore[arg-type]  # options of the test
            index=options.get("index"),  # type: ignore[arg-type]  # options of the test
            value=options.get("value"),  # type: ignore[arg-type]  # options of the test
            cursor=cursor,
            limit=limit,
        )
        assert 0 < len(page.entries) <= limit
        keys += [entry.key for entry in page.entries]
        if page.cursor is None:
            return keys
        cursor = page.cursor


@pytest.mark.parametrize("limit", [1, 2, 3, 6, 7, 100])
async def test_pages_follow_each_other_in_id_order(store: Store, limit: int) -> None:
    """Page by page every record of the tenant comes once, in id order; the last has no cursor."""
    keys = [Key("thing", "t", i) for i in ("10", "9", "B", "a", "é", "\U0001f512")]
    await store.write([Put(key, b"") for key in reversed(keys)])
    await store.write([Put(Key("other", "t", "5"), b""), Put(Key("thing", "u", "5"), b"")])
    assert await walk(store, limit) == keys


@pytest.mark.parametrize("limit", [1, 2, 5, 100])
async def test_pages_across_tenants_go_by_id_then_tenant(store: Store, limit: int) -> None:
    """A listing across tenants has every record once, though ids repeat."""
    keys = [Key("thing", tenant, i) for i in ("1", "2") for tenant in ("", "t", "u")]
    await store.write([Put(key, b"", {"integration": "x"}) for key in reversed(keys)])
    assert await walk(store, limit, tenant=ALL) == keys
    assert await walk(store, limit, tenant=ALL, index="integration", value="x") == keys


@pytest.mark.parametrize(
    ("index", "value", "other"),
    [
        ("account", "a1", "a"),
        ("integration", "i", "I"),
        ("key_version", 2, 1),
        ("expires_at", 5, 6),
    ],
)
async def test_a_listing_can_be_narrowed_by_an_index_column(
    store: Store, index: str, value: str | int, other: str | int
) -> None:
    """Only the records whose column equals the value are listed; a new write replaces columns."""
    await store.write(
        [
            Put(A, b"", {index: value}),  # type: ignore[dict-item]  # parametrised
            Put(B, b"", {index: other}),  # type: ignore[dict-item]  # parametrised
            Put(C, b"", {index: value}),  # type: ignore[dict-item]  # parametrised
            Put(Key("thing", "t", "d"), b""),
        ]
    )
    assert await walk(store, 1, index=index, value=value) == [A, C]
    await store.write([Put(A, b"", {index: other}), Put(C, b"")])  # type: ignore[dict-item]  # parametrised
    page = await store.page("thing", "t", index=index, value=value)  # type: ignore[arg-type]  # parametrised
    assert page == ((), None)
    assert await walk(store, 9, index=index, value=other) == [A, B]


async def test_paging_goes_on_where_it_stopped_though_records_change(store: Store) -> None:
    """Records written or deleted between two pages never make others appear twice or vanish."""
    keys = await fill(store, 10)
    page = await store.page("thing", "t", limit=4)
    await store.write([Delete(keys[0]), Delete(keys[3]), Put(Key("thing", "t", "00000a"), b"")])
    rest = await store.page("thing", "t", limit=100, cursor=page.cursor)
    assert [entry.key for entry in rest.entries] == keys[4:]


CURSORS = [
    "",
    "x",
    "!!!!",
    "W10",
    "bnVsbA",
    "WzFd",
    "WyJhIiwiYiIsImMiXQ",
    "é",
    "\ud800",
]


@pytest.mark.parametrize("cursor", [*CURSORS, "WyJhIiwiYiJd"])
async def test_a_cursor_that_is_none_is_refused(store: Store, cursor: str) -> None:
    """What is not a cursor of this listing is invalid input, never an empty page."""
    await fill(store, 3)
    with pytest.raises(InvalidInput):
        await store.page("thing", "t", cursor=cursor)


@pytest.mark.parametrize("cursor", [*CURSORS, "WyJhIl0"])
async def test_a_cursor_of_one_tenant_does_not_open_all(store: Store, cursor: str) -> None:
    """A listing across tenants takes only its own cursors."""
    await fill(store, 3)
    with pytest.raises(InvalidInput):
        await store.page("thing", ALL, cursor=cursor)


@pytest.mark.parametrize("limit", [0, -1])
async def test_a_page_holds_at_least_one_record(store: Store, limit: int) -> None:
    """A limit below 1 is refused instead of meaning everything."""
    with pytest.raises(InvalidInput):
        await store.page("thing", "t", limit=limit)


async def test_scan_meets_every_record(store: Store) -> None:
    """A scan goes through all pages of a tenant, or of all tenants."""
    mine = await fill(store, 1_201)
    theirs = await fill(store, 3, tenant="u")
    assert [entry.key async for entry in store.scan("thing", "t")] == mine
    assert {entry.key async for entry in store.scan("thing", ALL)} == {*mine, *theirs}
    assert [entry async for entry in store.scan("none", ALL)] == []


async def test_purge_removes_exactly_what_has_expired(store: Store) -> None:
    """A record goes when its `expires_at` is not in the future; one without it stays for ever."""
    now = int(START.timestamp())
    moments = {"past": now - 1, "now": now, "future": now + 1}
    await store.write(
        [Put(Key("thing", "t", name), b"", {"expires_at": at}) for name, at in moments.items()]
    )
    await store.write([Put(A, b""), Put(Key("other", "u", "x"), b"", {"expires_at": 0})])
    assert await store.purge(START) == 3
    assert await store.purge(START) == 0
    assert [entry.key.id async for entry in store.scan("thing", ALL)] == ["a", "future"]
    assert await store.purge(START + timedelta(seconds=1)) == 1


async def test_purge_forgets_the_lapsed_leases_of_processes_only(
    open_store: Callable[[], Store], clock: SteppingClock
) -> None:
    """A process that is gone leaves nothing; the fence of a job goes on, who lives keeps his."""
    one, other = open_store(), open_store()
    for name in ("process:gone", "job:purge", "process:alive"):
        assert await one.lease(name, 10) == 1
    clock.step(10)
    assert await one.lease("process:alive", 10) == 2
    await one.purge(clock())
    assert await other.lease("process:gone", 10) == 1
    assert await other.lease("job:purge", 10) == 2
    assert await other.lease("process:alive", 10) is None


async def test_purge_has_no_upper_bound(store: Store) -> None:
    """Everything that is due goes in one call."""
    await store.write(
        [Put(Key("thing", "t", str(number)), b"", {"expires_at": 1}) for number in range(2_500)]
    )
    assert await store.purge(START) == 2_500
    assert (await store.page("thing", ALL)).entries == ()


async def test_events_wait_in_order_until_they_are_done(store: Store) -> None:
    """The outbox gives the oldest events first, each until it is reported done."""
    events = [Append(f"e{number}", "t", b"%d" % number) for number in (3, 1, 2)]
    await store.write([events[0], Put(A, b"1"), events[1]])
    await store.write([events[2]])
    assert await store.outbox() == events
    assert await store.outbox(2) == events[:2]
    await store.outbox_done(["e3", "unknown", "e2"])
    assert await store.outbox() == [events[1]]


async def test_an_event_is_queued_once(store: Store) -> None:
    """The same event id, in one write or in two, is one event: the first."""
    await store.write([Append("e", "t", b"1"), Append("e", "t", b"2")])
    await store.write([Append("e", "u", b"3"), Put(A, b"written")])
    assert await store.outbox() == [Append("e", "t", b"1")]
    assert await value_of(store, A) == b"written"


async def test_a_lease_has_one_holder(
    open_store: Callable[[], Store], clock: SteppingClock
) -> None:
    """While one holds a lease and renews it in time, its fence stays and nobody else gets it."""
    one, other = open_store(), open_store()
    fence = await one.lease("job", 10)
    assert fence is not None
    assert await other.lease("job", 10) is None
    assert await other.lease("another job", 10) is not None
    clock.step(9)
    assert await one.lease("job", 10) == fence
    clock.step(9)
    assert await other.lease("job", 10) is None


async def test_a_lapsed_lease_goes_on_with_a_higher_fence(
    open_store: Callable[[], Store], clock: SteppingClock
) -> None:
    """Whoever takes a lapsed lease gets a higher fence, the former holder included."""
    one, other = open_store(), open_store()
    fences = [await one.lease("job", 10)]
    clock.step(10)
    fences.append(await other.lease("job", 10))
    assert await one.lease("job", 10) is None
    clock.step(11)
    fences.append(await other.lease("job", 10))
    assert await other.lease("job", 0) == fences[-1]
    fences.append(await one.lease("job", 10))
    numbers = [fence for fence in fences if fence is not None]
    assert len(numbers) == 4
    assert numbers == sorted(set(numbers))


async def test_of_many_takers_one_gets_the_lease(open_store: Callable[[], Store]) -> None:
    """A lease that is asked for by several at once goes to exactly one."""
    fences = await asyncio.gather(*(open_store().lease("job", 10) for _ in range(5)))
    assert len([fence for fence in fences if fence is not None]) == 1


@pytest.mark.parametrize("turns", range(6))
async def test_a_cancelled_write_happens_whole_or_not_at_all(store: Store, turns: int) -> None:
    """Cancelling the one who waits never leaves half a write, and the store works on."""
    keys = [Key("thing", "t", str(number)) for number in range(50)]
    waiting = asyncio.create_task(
        store.write([Append("e", "t", b""), *(Put(key, b"1") for key in keys)])
    )
    for _ in range(turns):
        await asyncio.sleep(0)
    waiting.cancel()
    (outcome,) = await asyncio.gather(waiting, return_exceptions=True)
    await store.write([Put(A, b"after")])
    while True:  # the write may still be under way on a connection of its own
        events = len(await store.outbox())
        present = [entry is not None for entry in await store.get_many(keys)]
        if len(await store.outbox()) == events:
            break
    assert all(present) or not any(present)
    # The thread may have been faster than the cancellation: then the answer is the proof.
    assert isinstance(outcome, asyncio.CancelledError) or all(present)
    assert events == present[0]


async def test_a_cancelled_write_that_fails_stays_silent(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """The failure of a write that nobody waits for any more is not reported as unhandled."""
    waiting = asyncio.create_task(store.write([Put(A, b"1")], {A: "wrong"}))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await store.close()
    assert caplog.records == []


async def test_close_finishes_what_was_begun(open_store: Callable[[], Store]) -> None:
    """Writes in progress when the store is closed are done; closing twice is harmless."""
    store = open_store()
    writes = [asyncio.create_task(store.write([Put(k, b"1")])) for k in (A, B, C)]
    await asyncio.sleep(0)
    await asyncio.gather(store.close(), store.close())
    assert all([await write for write in writes])
    assert None not in await open_store().get_many([A, B, C])


async def test_a_closed_store_is_unavailable(store: Store) -> None:
    """After `close` every operation says that the store is unavailable, and gives no detail."""
    await store.close()
    for operation in (
        store.get_many([A]),
        store.write([Put(A, b"1")]),
        store.page("thing", "t"),
        store.lease("job", 1),
        store.purge(START),
        store.outbox(),
        store.outbox_done(["e"]),
        anext(store.scan("thing", ALL)),
    ):
        with pytest.raises(StoreUnavailable) as failure:
            await operation
        assert failure.value.detail is None
        assert failure.value.__cause__ is None
