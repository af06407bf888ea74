"""The vendor's accent colour, moved until it can be read (WCAG 2.2, 1.4.3: 4.5 to 1)."""

from typing import Final

READABLE: Final = 4.5
LIGHT_GROUND: Final = "#fff2b8"
DARK_GROUND: Final = "#332c12"
"""The hardest grounds of the page in each scheme: the mark of what a link led to."""


def readable(colour: str, ground: str) -> str:
    """The colour, mixed with black or white just enough to reach 4.5 to 1 on that ground."""
    toward = (0, 0, 0) if _luminance(_rgb(ground)) > 0.18 else (255, 255, 255)  # noqa: PLR2004  # mid grey
    for step in range(0, 101, 4):
        mixed = tuple(
            round(part + (end - part) * step / 100)
            for part, end in zip(_rgb(colour), toward, strict=True)
        )
        if ratio(_hex(mixed), ground) >= READABLE:
            return _hex(mixed)
    return _hex(toward)


def ratio(one: str, other: str) -> float:
    """Contrast ratio of two colours, from 1 to 21."""
    high, low = sorted((_luminance(_rgb(one)), _luminance(_rgb(other))), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _rgb(colour: str) -> tuple[int, ...]:
    return tuple(int(colour[index : index + 2], 16) for index in (1, 3, 5))


def _hex(rgb: tuple[int, ...]) -> str:
    return "#" + "".join(f"{part:02x}" for part in rgb)


def _luminance(rgb: tuple[int, ...]) -> float:
    linear = [
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4  # noqa: PLR2004  # sRGB
        for value in (part / 255 for part in rgb)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
