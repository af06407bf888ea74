"""Evidence raises a grade only where all three digests agree, and only while it is fresh."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from mcpassport.errors import InvalidSettings
from mcpassport.evidence.claims.failures import EXPECTED, VOLATILE
from mcpassport.records.evidence import Evidence, FailureTable, Result
from mcpassport.reference.assurance import Assurance, load_evidence
from mcpassport.reference.compose import compose
from mcpassport.reference.document import Callout, Table
from mcpassport.reference.inputs import Inputs

THEN = datetime(2030, 1, 1, tzinfo=UTC)
RUN = Evidence(
    build_digest="b",
    settings_digest="s",
    catalog_digest="c",
    profile="quick",
    started=THEN,
    substitutions=("store", "clock"),
    results=(
        Result("SCO-01", "pass", control=True, saw=()),
        Result("LIM-03", "fail", control=True, saw=()),
    ),
)


def test_a_passed_check_is_graded_sandbox_and_a_failed_one_is_not() -> None:
    """The same build, settings and catalog: what passed counts, with its substitutions said."""
    known = Assurance(RUN, "b", "s").known("c", THEN + timedelta(days=90))
    assert (known.state, known.grades) == ("run", {"SCO-01": "sandbox"})
    assert "store, clock" in known.said


@pytest.mark.parametrize("here", [("x", "s", "c"), ("b", "x", "c"), ("b", "s", "x")])
def test_evidence_of_something_else_counts_for_nothing(here: tuple[str, str, str]) -> None:
    """One digest that differs is enough."""
    build, settings, catalog = here
    known = Assurance(RUN, build, settings).known(catalog, THEN)
    assert (known.state, known.grades) == ("other", {})


@pytest.mark.parametrize("days", [91, -1])
def test_old_evidence_is_expired(days: int) -> None:
    """After 90 days, or dated in the future, a passed check prints as expired."""
    known = Assurance(RUN, "b", "s").known("c", THEN + timedelta(days=days))
    assert (known.state, known.grades) == ("expired", {"SCO-01": "expired"})


TABLE = FailureTable(volatile=VOLATILE, hurried_timeout_s=0.25, rows=EXPECTED[:1])


def test_the_failure_table_counts_as_the_evidence_does(make_inputs: Callable[..., Inputs]) -> None:
    """Of this build it is printed as a run's output; of another one the design is printed."""
    assurance = Assurance(replace(RUN, failures=TABLE), "b", "s")
    shown = {}
    for build in ("b", "x"):
        known = replace(assurance, build_digest=build).known("c", THEN)
        document = compose(replace(make_inputs(), known=known))
        section = next(each for each in document.sections if each.anchor == "failure-modes")
        shown[build] = next(node for node in section.nodes if isinstance(node, Table))
        warned = any(isinstance(node, Callout) for node in section.nodes)
        assert warned == (build == "x")
    assert (shown["b"].title, len(shown["b"].rows)) == (
        "Faults of the upstream API: output of the failure run",
        1,
    )
    assert (shown["x"].title, len(shown["x"].rows)) == (
        "Faults of the upstream API, as designed",
        len(EXPECTED),
    )


def test_without_evidence_nothing_is_known() -> None:
    """No file, no grade."""
    assert Assurance(None, "b", "s").known("c", THEN).state == "no run"


def test_a_file_is_read_strictly(tmp_path: Path) -> None:
    """What the runner wrote comes back; anything else is refused, named by its path."""
    file = tmp_path / "evidence.json"
    file.write_bytes(msgspec.json.encode(RUN))
    assert load_evidence(file) == RUN
    for wrong in (
        b"{}",
        b'{"format":2}',
        b"\xff",
        msgspec.json.encode(replace(RUN, results=()))[1:],
    ):
        file.write_bytes(wrong)
        with pytest.raises(InvalidSettings, match=r"evidence\.json"):
            load_evidence(file)
    with pytest.raises(InvalidSettings):
        load_evidence(tmp_path / "absent.json")
