"""What the document is composed from, and what sections read of it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from msgspec import Struct

from mcpassport.evidence.claims import CLAIMS, ROWS, Claim
from mcpassport.evidence.claims.record import NOT_AVAILABLE, STATED
from mcpassport.records.integration import Integration
from mcpassport.records.release import ReferenceChange, Release
from mcpassport.records.tool import Catalog
from mcpassport.reference.assurance import NOTHING_KNOWN, Known
from mcpassport.reference.document import ClaimNode
from mcpassport.reference.facts import Facts
from mcpassport.reference.vendor import Vendor


class Issue(Struct, frozen=True, kw_only=True):
    """The release that the document is of, or the newest that there is beside it."""

    number: str = ""
    """Empty in a build that is not released."""
    changes: tuple[ReferenceChange, ...] = ()
    """Since the release before, gravest first."""
    history: tuple[Release, ...] = ()
    """The releases before, oldest first."""
    key: str = ""
    """Fingerprint of the release key."""


NO_ISSUE: Final = Issue()


class Inputs(Struct, frozen=True, kw_only=True):
    """Everything that the document depends on: same inputs, same bytes."""

    facts: Facts
    integration: Integration
    catalog: Catalog
    vendor: Vendor
    generated_at: datetime
    build: str
    known: Known = NOTHING_KNOWN
    issue: Issue = NO_ISSUE


class Context(Struct, frozen=True, kw_only=True):
    """The inputs and the live facts as prose; what each section is built from."""

    inputs: Inputs
    texts: Mapping[str, str]

    def fill(self, template: str) -> str:
        """A template of the registry with the live facts filled in."""
        return template.format_map(self.texts)

    def claim(self, claim: Claim) -> ClaimNode:
        """The claim as a node: its sentence from the live facts, and how it is known."""
        sentence = self.fill(claim.template)
        if claim.grade == NOT_AVAILABLE:
            sentence = f"Not available in this version: {sentence}"
        word = bool(claim.stated and self.texts[claim.stated])
        grade = STATED if word else self.inputs.known.grades.get(claim.id, claim.grade)
        return ClaimNode(
            id=claim.id,
            sentence=sentence,
            grade=grade,
            row=claim.row,
            controls=ROWS[claim.row].controls,
            settings=claim.settings,
        )

    def claims(self, *ids: str) -> tuple[ClaimNode, ...]:
        """The claims of these ids, in this order."""
        return tuple(self.claim(CLAIMS[each]) for each in ids)
