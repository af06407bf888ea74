"""Evidence raises a grade only where all three digests agree, and only while it is fresh."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from mcpassport.errors import InvalidSettings
from mcpassport.evidence.claims import CLAIMS
from mcpassport.evidence.claims.failures import EXPECTED, VOLATILE
from mcpassport.records.evidence import (
    OUT_OF_REACH,
    Evidence,
    FailureTable,
    Result,
    Substitution,
)
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
        Result("LIM-02", "pass", control=True, saw=()),
        Result("ZDR-01", "pass", control=True, saw=()),
    ),
)
ALL = {"SCO-01": "sandbox", "LIM-02": "sandbox", "ZDR-01": "sandbox"}


def test_a_passed_check_is_graded_sandbox_and_a_failed_one_is_not() -> None:
    """The same build, settings and catalog: what passed counts, with its substitutions said."""
    known = Assurance(RUN, "b", "s").known("c", THEN + timedelta(days=90))
    assert (known.state, known.grades) == ("run", ALL)
    assert "3 of 4 checks passed" in known.said
    assert "store, clock" in known.said


@pytest.mark.parametrize(
    ("substitution", "left"),
    [
        ("workers", {"SCO-01", "ZDR-01"}),
        ("limits", {"SCO-01", "ZDR-01"}),
        ("kind of store", {"SCO-01", "LIM-02"}),
        ("upstream", {"SCO-01", "LIM-02", "ZDR-01"}),
    ],
)
def test_a_claim_that_hangs_on_what_was_replaced_stays_not_verified(
    substitution: Substitution, left: set[str]
) -> None:
    """Whether its sentence prints the fact (LIM-02: workers, limits) or not (ZDR-01: the store)."""
    run = replace(RUN, substitutions=(*RUN.substitutions, substitution))
    known = Assurance(run, "b", "s").known("c", THEN)
    assert set(known.grades) == left
    assert ("Left out" in known.said) is (len(left) < len(ALL))


def test_every_fact_out_of_reach_is_one_that_a_claim_hangs_on() -> None:
    """A slip in a name would leave a claim graded that must not be."""
    hanging = {fact for claim in CLAIMS.values() for fact in (*claim.settings, *claim.hangs_on)}
    assert {fact for facts in OUT_OF_REACH.values() for fact in facts} <= hanging


@pytest.mark.parametrize("here", [("x", "s", "c"), ("b", "x", "c"), ("b", "s", "x")])
def test_evidence_of_something_else_counts_for_nothing(here: tuple[str, str, str]) -> None:
    """One digest that differs is enough."""
    build, settings, catalog = here
    known = Assurance(RUN, build, settings).known(catalog, THEN)
    assert (known.state, known.grades) == ("other", {})


@pytest.mark.parametrize(("days", "limit"), [(91, 90), (-1, 90), (31, 30)])
def test_old_evidence_is_expired(days: int, limit: int) -> None:
    """After `evidence_max_age_days`, or dated in the future, a passed check prints as expired."""
    assurance = Assurance(RUN, "b", "s", timedelta(days=limit))
    known = assurance.known("c", THEN + timedelta(days=days))
    assert (known.state, known.grades) == ("expired", dict.fromkeys(ALL, "expired"))
    assert "; expired" in known.said


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
        msgspec.json.encode(RUN).replace(b'"clock"', b'"weather"'),
    ):
        file.write_bytes(wrong)
        with pytest.raises(InvalidSettings, match=r"evidence\.json"):
            load_evidence(file)
    with pytest.raises(InvalidSettings):
        load_evidence(tmp_path / "absent.json")
