"""The vendor's accent can be read on every ground."""

from hypothesis import given
from hypothesis import strategies as st

from mcpassport.reference.contrast import DARK_GROUND, LIGHT_GROUND, ratio, readable

COLOURS = st.integers(0, 0xFFFFFF).map(lambda value: f"#{value:06x}")


@given(COLOURS)
def test_any_accent_becomes_readable(colour: str) -> None:
    """WCAG 2.2 AA: at least 4.5 to 1 on the ground of either scheme."""
    for ground in (LIGHT_GROUND, DARK_GROUND):
        assert ratio(readable(colour, ground), ground) >= 4.5


def test_a_readable_accent_is_left_alone() -> None:
    """A colour that is dark enough on light ground stays the vendor's own."""
    assert readable("#1f4e79", LIGHT_GROUND) == "#1f4e79"


def test_the_ratio_is_that_of_the_guideline() -> None:
    """Black on white is 21 to 1, a colour on itself 1 to 1."""
    assert round(ratio("#000000", "#ffffff"), 2) == 21
    assert ratio("#777777", "#777777") == 1
