"""Time and randomness, which every layer takes as parameters."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeAlias

Clock: TypeAlias = Callable[[], datetime]
"""The current time, with zone UTC."""

Random: TypeAlias = Callable[[int], bytes]
"""That many bytes from a cryptographic source."""
