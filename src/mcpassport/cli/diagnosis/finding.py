"""What a look at one thing came to."""

from typing import Literal, NamedTuple


class Diagnosis(NamedTuple):
    """What was looked at, whether it is well, what was seen, and how to mend it."""

    subject: str
    verdict: Literal["good", "warn", "bad"]
    seen: str
    mend: str = ""
