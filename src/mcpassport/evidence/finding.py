"""What a check comes to."""

from dataclasses import dataclass, field

from mcpassport.records.evidence import Verdict


class CheckFailed(Exception):
    """The product could not be driven as the check needs; the text is what it saw."""


@dataclass
class Finding:
    """The facts that a check saw; `control` is set once its planted fault was caught."""

    saw: list[str] = field(default_factory=list)
    broken: bool = False
    control: bool = False

    def expect(self, holds: bool, fact: str, instead: object = "") -> None:  # noqa: FBT001  # a check's own verdict
        """A fact, which breaks the claim unless it holds; `instead` is what was seen then."""
        self.broken = self.broken or not holds
        self.saw.append(fact if holds else f"NOT: {fact}{_seen(instead)}")

    def note(self, text: str) -> None:
        """What helps to read the facts, and decides nothing."""
        self.saw.append(text)

    @property
    def verdict(self) -> Verdict:
        """A check whose control did not fire proves nothing."""
        return "fail" if self.broken or not self.control else "pass"


def _seen(instead: object) -> str:
    return f" ({instead})" if instead else ""
