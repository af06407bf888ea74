"""A release is described by the run that was made for it."""

from datetime import timedelta

from msgspec.structs import replace
from tests.support.references import NOTES, inputs_of
from tests.support.releases import BUILD, SETTINGS, evidence_of

from mcpassport.evidence.publish import Draft, described
from mcpassport.reference.assurance import Assurance


def test_a_run_that_was_just_made_grades_the_claims() -> None:
    """The release is of the time after its run, whenever its draft was begun."""
    inputs = inputs_of(NOTES)
    started = inputs.generated_at + timedelta(seconds=3)
    evidence = replace(evidence_of(inputs), started=started)
    assurance = Assurance(evidence, BUILD, SETTINGS)
    draft = Draft(inputs.integration, inputs)
    ready = described(draft, assurance, "ab" * 32, started + timedelta(seconds=30))
    assert ready.document.evidence.state == "run"
    assert ready.document.evidence.grades["sandbox"] > 0
    assert ready.document.generated_at > started
