"""What a claim and a checklist row are. Both are data; the reference renders them."""

from string import Formatter
from typing import Literal, TypeAlias

from msgspec import Struct

Grade: TypeAlias = Literal[
    "live", "sandbox", "expired", "stated", "not verified", "not available in this version"
]
Answer: TypeAlias = Literal["yes", "no", "partial", "not verified", "not available in this version"]

SANDBOX: Grade = "sandbox"
EXPIRED: Grade = "expired"
NOT_VERIFIED: Grade = "not verified"
NOT_AVAILABLE: Grade = "not available in this version"
STATED: Grade = "stated"


class Controls(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Control ids by catalogue; ids only, never the catalogues' text.

    CAIQ/CCM v4.0, AICM v1.0, OWASP MCP Top 10 2025 (beta) with AISVS 1.0 chapter C10,
    NIST SP 800-53 revision 5.
    """

    ccm: tuple[str, ...] = ()
    aicm: tuple[str, ...] = ()
    owasp: tuple[str, ...] = ()
    nist: tuple[str, ...] = ()


class Row(Struct, frozen=True, forbid_unknown_fields=True):
    """One row of the reviewer's checklist: search terms, control ids, and our answer.

    `note` is a template over the live facts, like a claim's sentence. `section` is the slug of
    the section that says more. `stated` names the vendor's statement that answers the row, if
    only the vendor can.
    """

    number: int
    terms: tuple[str, ...]
    controls: Controls
    answer: Answer
    note: str
    section: str
    stated: str = ""


class Asked(Struct, frozen=True, forbid_unknown_fields=True):
    """A term that reviewers search for by name, and where it is answered."""

    term: str
    answer: Answer
    note: str
    section: str


class Claim(Struct, frozen=True):
    """One sentence that promises something.

    `template` holds `{name}` for each live fact that it depends on; backticks mark literal
    values. `available` is False where the feature is not built: the sentence then says so.
    `hangs_on` names facts that its truth depends on without printing them.
    """

    id: str
    section: str
    row: int
    template: str
    available: bool = True
    stated: str = ""
    """The live fact that, where it is not empty, leaves the claim to the vendor's word."""
    hangs_on: tuple[str, ...] = ()

    @property
    def settings(self) -> tuple[str, ...]:
        """Names of the live facts that the sentence depends on, in order of appearance."""
        names = (name for _, name, _, _ in Formatter().parse(self.template) if name)
        return tuple(dict.fromkeys(names))

    def hangs(self, facts: frozenset[str]) -> bool:
        """Whether its meaning hangs on any of these facts."""
        return not facts.isdisjoint((*self.settings, *self.hangs_on))

    @property
    def grade(self) -> Grade:
        """How the claim is known without evidence; the reference raises it by a run's."""
        return NOT_VERIFIED if self.available else NOT_AVAILABLE
