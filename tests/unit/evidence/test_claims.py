"""The registry of claims: complete, consistent, and honest."""

import re

import pytest

from mcpassport.evidence.claims import ASKED, CLAIMS, ROWS, THEMES
from mcpassport.evidence.claims.access import ACCESS
from mcpassport.evidence.claims.custody import CUSTODY
from mcpassport.evidence.claims.operation import OPERATION
from mcpassport.evidence.claims.record import Claim
from mcpassport.evidence.claims.transport import TRANSPORT

UNCONFIRMED = ("BCR-04", "STA-07", "IAM-04", "TVM-05", "TVM-01", "MDS")


@pytest.mark.parametrize("claim", CLAIMS.values(), ids=lambda claim: claim.id)
def test_a_claim_is_well_formed(claim: Claim) -> None:
    """Its id has the stable shape, its row exists, its sentence ends."""
    assert re.fullmatch(r"[A-Z]{3}-\d\d", claim.id)
    assert claim.row in ROWS
    assert claim.template.endswith((".", "}"))


def test_ids_are_unique() -> None:
    """Two claims never share an id, and the letters of an id name one section."""
    assert len(CLAIMS) == len(ACCESS + CUSTODY + OPERATION + TRANSPORT)
    assert len({(claim.id[:3], claim.section) for claim in CLAIMS.values()}) == len(
        {claim.id[:3] for claim in CLAIMS.values()}
    )


def test_the_settings_of_a_claim_are_those_of_its_sentence() -> None:
    """A claim depends on the facts that it prints, in order, each once."""
    claim = Claim("TST-01", "overview", 1, "{a} and {b} and {a} of `{{id}}`.")
    assert claim.settings == ("a", "b")


def test_no_claim_is_graded_as_checked() -> None:
    """No check exists in this version."""
    assert {claim.grade for claim in CLAIMS.values()} == {
        "not verified",
        "not available in this version",
    }


def test_what_is_not_built_is_not_claimed() -> None:
    """Features that this version lacks are in the registry only as missing."""
    missing = " ".join(claim.template for claim in CLAIMS.values() if not claim.available)
    for word in ("BYOK", "SIEM"):
        assert word in missing
    built = " ".join(claim.template for claim in CLAIMS.values() if claim.available)
    for word in ("SIEM", "SBOM"):
        assert word not in built


def test_the_checklist_has_every_row_and_no_unconfirmed_id() -> None:
    """Rows 1 to 42; ids that could not be confirmed are left out."""
    assert list(ROWS) == list(range(1, 43))
    ids = [
        each
        for row in ROWS.values()
        for each in (*row.controls.ccm, *row.controls.aicm, *row.controls.owasp, *row.controls.nist)
    ]
    assert not [each for each in ids if "*" in each or each in UNCONFIRMED]


def test_rows_and_terms_name_sections_that_claims_use() -> None:
    """A link of the checklist leads to a section that exists."""
    sections = {claim.section for claim in CLAIMS.values()}
    assert {row.section for row in ROWS.values()} <= sections
    assert {each.section for each in (*ASKED, *THEMES)} <= sections
