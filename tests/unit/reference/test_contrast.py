"""The vendor's accent can be read on every ground."""

import re
from importlib.resources import files

from hypothesis import given
from hypothesis import strategies as st

from mcpassport.reference.contrast import DARK_GROUND, LIGHT_GROUND, READABLE, ratio, readable

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


def test_every_text_colour_of_the_page_can_be_read_on_every_ground() -> None:
    """WCAG 2.2 AA, 1.4.3, in both schemes, the mark of a link's target among the grounds."""
    css = (
        files("mcpassport.reference.templates")
        .joinpath("styles")
        .joinpath("base.css")
        .read_text("utf-8")
    )
    schemes = re.findall(r":root\{(.*?)\n\}", css, flags=re.DOTALL)
    assert len(schemes) == 2
    for scheme in schemes:
        colours = dict(re.findall(r"--([a-z-]+):(#[0-9a-f]{3,6});", scheme))
        assert {"ground", "panel", "mark", "ink", "muted", "warn", "bad", "good"} <= set(colours)
        for ground in ("ground", "panel", "mark"):
            for text in ("ink", "muted", "warn", "bad", "good"):
                assert ratio(_long(colours[text]), _long(colours[ground])) >= READABLE, (
                    text,
                    ground,
                )
    assert f"--mark:{LIGHT_GROUND}" in schemes[0]
    assert f"--mark:{DARK_GROUND}" in schemes[1]


def _long(colour: str) -> str:
    return colour if len(colour) == 7 else "#" + "".join(2 * each for each in colour[1:])
