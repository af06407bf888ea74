"""When a worker that died is started again."""

from hypothesis import given, settings
from hypothesis import strategies as st

from mcpassport.serving.backoff import CRASH_LOOP, LONGEST_S, STABLE_S, Backoff


def test_pauses_grow_with_early_deaths_and_end_with_a_long_life() -> None:
    """At once, then half a second, doubled up to half a minute; a long life starts it over."""
    backoff = Backoff()
    assert backoff.after(STABLE_S) == 0
    assert [backoff.after(1) for _ in range(9)] == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    assert backoff.loops
    assert backoff.after(STABLE_S + 1) == 0
    assert [(backoff.after(0), backoff.loops) for _ in range(CRASH_LOOP)] == [
        (0.5, False),
        (1, False),
        (2, True),
    ]
    backoff.forget()
    assert (backoff.after(0), backoff.loops) == (0.5, False)


@settings(deadline=None)
@given(st.lists(st.floats(0, 100), max_size=2_000))
def test_it_never_gives_up(lives: list[float]) -> None:
    """Whatever happens, the pause is bounded."""
    backoff = Backoff()
    assert all(0 <= backoff.after(lived) <= LONGEST_S for lived in lives)
