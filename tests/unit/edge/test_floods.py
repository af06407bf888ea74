"""Our own limits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpassport.edge import floods as floods_module
from mcpassport.edge.floods import Buckets, Familiar


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


def test_a_key_may_have_an_allowance_of_its_own() -> None:
    """What an admin set for one server says nothing of the others."""
    seconds = Seconds()
    buckets = Buckets(2, seconds)
    assert [buckets.take("own", 4) for _ in range(5)] == [None] * 4 + [3]
    assert [buckets.take("usual") for _ in range(3)] == [None, None, 5]
    seconds.now += 2.5
    assert [buckets.take("own", 4), buckets.take("own", 4)] == [None, 3]


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
