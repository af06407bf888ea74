"""How long to wait before a worker that died is started again."""

from typing import Final

STABLE_S: Final = 10.0
"""A worker that lived longer did not die of its start."""
FIRST_S: Final = 0.5
LONGEST_S: Final = 30.0
CRASH_LOOP: Final = 3
"""So many early deaths in a row are called a crash loop."""


class Backoff:
    """At once after a long life, after early deaths ever later, up to 30 s; it never gives up."""

    def __init__(self) -> None:
        self.early_deaths = 0

    def after(self, lived_s: float) -> float:
        """Seconds to wait after a worker that lived so long."""
        if lived_s >= STABLE_S:
            self.early_deaths = 0
            return 0.0
        self.early_deaths += 1
        return min(LONGEST_S, FIRST_S * 2.0 ** (self.early_deaths - 1))

    def forget(self) -> None:
        """Something has changed that may have mended the cause."""
        self.early_deaths = 0

    @property
    def loops(self) -> bool:
        """Whether starting again and again does not help."""
        return self.early_deaths >= CRASH_LOOP
