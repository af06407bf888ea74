"""The memo holds what was used last, within its bytes."""

from hypothesis import given
from hypothesis import strategies as st

from mcpassport.integrations.memo import SizedMemo


def test_the_least_recently_used_leaves_first() -> None:
    """Reading counts as use."""
    memo: SizedMemo[str] = SizedMemo(10)
    memo.put("a", "A", 4)
    memo.put("b", "B", 4)
    assert memo.get("a") == "A"
    memo.put("c", "C", 4)
    assert memo.get("b") is None
    assert (memo.get("a"), memo.get("c"), memo.size) == ("A", "C", 8)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 12))))
def test_the_bound_holds_whatever_comes(puts: list[tuple[int, int]]) -> None:
    """Never more bytes than allowed, and never a wrong value."""
    memo: SizedMemo[int] = SizedMemo(10)
    for key, size in puts:
        memo.put(key, key, size)
        assert memo.size <= 10
        assert memo.get(key) in {key, None}
