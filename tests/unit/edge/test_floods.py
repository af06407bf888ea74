"""Our own limits."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpassport.edge import floods as floods_module
from mcpassport.edge.floods import Buckets, Familiar, InFlight
from mcpassport.limits import Limits


class Seconds:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@given(st.integers(1, 300))
def test_a_bucket_gives_what_it_holds_and_refills_evenly(size: int) -> None:
    """So many at once, then one for each tenth-of-a-size second."""
    seconds = Seconds()
    buckets = Buckets(size, seconds)
    assert [buckets.take("a") for _ in range(size)] == [None] * size
    wait = buckets.take("a")
    assert wait is not None
    assert wait >= 1
    seconds.now += 10 / size + 1e-6
    assert buckets.take("a") is None
    assert buckets.take("a") is not None
    assert buckets.take("b") is None


@given(st.lists(st.floats(0, 3), max_size=200))
def test_no_window_of_ten_seconds_holds_more_than_twice_the_size(pauses: list[float]) -> None:
    """However calls arrive, ten seconds admit at most the bucket and its refill."""
    seconds = Seconds()
    buckets = Buckets(5, seconds)
    taken = []
    for pause in pauses:
        seconds.now += pause
        if buckets.take("a") is None:
            taken.append(seconds.now)
    assert all(sum(start <= at < start + 10 for at in taken) <= 10 for start in taken)


def test_a_refused_call_is_not_charged() -> None:
    """Asking again and again does not lengthen the wait."""
    seconds = Seconds()
    buckets = Buckets(1, seconds)
    assert buckets.take("a") is None
    assert [buckets.take("a"), buckets.take("a"), buckets.wait("a")] == [10, 10, 10]


def test_buckets_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded whatever keys arrive; full buckets are forgotten first."""
    monkeypatch.setattr(floods_module, "MAX_KEYS", 10)
    seconds = Seconds()
    buckets = Buckets(1, seconds)
    for n in range(100):
        buckets.take(str(n))
        seconds.now += 5
    assert len(buckets._full_at) <= 10
    assert buckets.take("99") is not None


@pytest.fixture
def in_flight(monkeypatch: pytest.MonkeyPatch) -> InFlight:
    monkeypatch.setattr(floods_module, "WAIT_S", 0.02)
    return InFlight(Limits(in_flight_server=2, in_flight_tenant=3, in_flight_process=4))


async def test_each_cap_holds(in_flight: InFlight) -> None:
    """Server, tenant and process have a cap each; whoever finds no place in time is refused."""
    assert [await in_flight.enter("s1", "t1") for _ in range(3)] == [True, True, False]
    assert [await in_flight.enter("s2", "t1") for _ in range(2)] == [True, False]
    assert [await in_flight.enter("s3", "t2") for _ in range(2)] == [True, False]


async def test_a_place_given_back_is_used_by_who_waits(
    in_flight: InFlight, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Waiting requests get their turn, and afterwards nothing is left behind."""
    monkeypatch.setattr(floods_module, "WAIT_S", 5.0)
    running = most = 0

    async def work() -> bool:
        nonlocal running, most
        if not await in_flight.enter("s", "t"):
            return False
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        in_flight.leave("s", "t")
        return True

    assert all(await asyncio.gather(*(work() for _ in range(50))))
    assert most == 2
    assert not in_flight._taken
    assert not in_flight._waiting


async def test_a_turn_that_cannot_be_used_is_passed_on(in_flight: InFlight) -> None:
    """Cancelling a waiter does not strand the others."""
    assert await in_flight.enter("s", "t")
    assert await in_flight.enter("s", "t")
    first = asyncio.create_task(in_flight.enter("s", "t"))
    second = asyncio.create_task(in_flight.enter("s", "t"))
    await asyncio.sleep(0)
    in_flight.leave("s", "t")
    first.cancel()
    assert await second is True
    with pytest.raises(asyncio.CancelledError):
        await first


def test_familiar_tokens_are_known_for_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    """A token is known within the hour of its admission; memory is bounded and holds no token."""
    seconds = Seconds()
    familiar = Familiar(bytes, seconds)
    familiar.remember("token-a")
    assert familiar.knows("token-a")
    assert not familiar.knows("token-b")
    assert "token-a" not in repr(familiar._seen)
    seconds.now += 3601
    assert not familiar.knows("token-a")
    monkeypatch.setattr(floods_module, "MAX_KEYS", 2)
    for token in ("a", "b", "c"):
        familiar.remember(token)
    assert [familiar.knows(token) for token in ("a", "b", "c")] == [False, True, True]
