"""The runner over a real sandbox and a real lab, and the rules of a verdict."""

import pytest
from tests.support.deployment import NOTES

from mcpassport.catalog.build import build
from mcpassport.errors import UsageError
from mcpassport.evidence.checks import CHECKS
from mcpassport.evidence.claims import CLAIMS
from mcpassport.evidence.finding import Finding
from mcpassport.evidence.runner import Plan, run
from mcpassport.integrations.load import load_folder
from mcpassport.records.evidence import Profile, Result
from mcpassport.records.integration import Integration


def notes() -> Integration:
    """The integration whose reference the evidence is for."""
    integration = load_folder(NOTES).integration
    assert integration is not None
    return integration


@pytest.mark.parametrize("profile", ["quick", pytest.param("full", marks=pytest.mark.slow)])
async def test_every_check_passes_and_every_control_fires(profile: Profile) -> None:
    """One run: each claim with a check is green, with its planted fault caught, in order."""
    told: list[tuple[str, Result | None]] = []
    plan = Plan(notes(), profile)
    evidence = await run(plan, lambda claim, result: told.append((claim, result)))
    assert {(each.verdict, each.control) for each in evidence.results} == {("pass", True)}, evidence
    assert [each.claim for each in evidence.results] == list(CHECKS)
    assert told == [
        step for each in evidence.results for step in ((each.claim, None), (each.claim, each))
    ]
    assert evidence.profile == profile
    assert evidence.catalog_digest == build(notes()).digest.hex()
    assert {"store", "master key", "upstream", "clock"} <= set(evidence.substitutions)


def test_each_check_belongs_to_a_claim_that_is_built() -> None:
    """No check without its claim, and none for what this version lacks."""
    assert all(CLAIMS[claim].available for claim in CHECKS)


def test_a_check_whose_control_did_not_fire_fails() -> None:
    """Green without a caught fault proves nothing; one broken fact fails too."""
    finding = Finding()
    finding.expect(True, "it holds")
    verdicts = [finding.verdict]
    finding.control = True
    verdicts.append(finding.verdict)
    finding.expect(False, "it does not")
    assert [*verdicts, finding.verdict] == ["fail", "pass", "fail"]
    finding.expect(False, "nor does this", "but that")
    assert finding.saw == ["it holds", "NOT: it does not", "NOT: nor does this (but that)"]


def test_a_claim_without_a_check_cannot_be_run() -> None:
    """`--only` names the claims that have a check, and refuses others."""
    assert Plan(notes(), only=("LIM-03",)).claims() == ("LIM-03",)
    with pytest.raises(UsageError, match="AUT-12"):
        Plan(notes(), only=("AUT-12",)).claims()
