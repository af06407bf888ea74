"""The failure lab as data, and what a run makes of it."""

import re
from importlib.resources import files
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from mcpassport.errors import MEANINGS
from mcpassport.evidence.claims.failures import EXPECTED, FAILURES, NAMES, VOLATILE
from mcpassport.evidence.failurelab import TOOLS, content
from mcpassport.evidence.failures import difference, lasting
from mcpassport.integrations.lint import check
from mcpassport.integrations.load import load_content
from mcpassport.lab.faults import FAULTS, decode_fault
from mcpassport.records.evidence import FailureRow

ORIGIN = "http://127.0.0.1:1"


def test_every_file_is_a_row_and_every_row_a_file() -> None:
    """A fault that is not in the list would never be tried."""
    folder = files("mcpassport.evidence.claims").joinpath("failures")
    assert {file.name for file in folder.iterdir()} == {f"{name}.json" for name in NAMES}
    assert len(NAMES) == len(set(NAMES))


@pytest.mark.parametrize("name", NAMES)
def test_a_failure_is_complete(name: str) -> None:
    """Each call has an answer in both eras, asks a tool that exists, and is answered by the lab."""
    failure = FAILURES[name]
    assert len(failure.calls) == len(failure.legacy) == len(failure.modern)
    assert all(call.method in TOOLS for call in failure.calls)
    for deed in failure.upstream:
        assert re.match(rf"/failures(/|\?failure=){name}(&|$)", deed.target)
        decode_fault(deed.fault)
    for answer in (*failure.legacy, *failure.modern):
        assert answer.requests == 1, "one call, one request"
        assert [row.phase for row in answer.audit] == ["intent", "outcome"]
        outcome = answer.audit[1]
        assert outcome.http_status == answer.status
        assert outcome.outcome in {"ok", *(meaning.type for meaning in MEANINGS.values())}


def test_every_way_of_the_lab_to_deliver_an_answer_is_tried() -> None:
    """A new fault of the lab belongs into the table; `paced` is for streams, which are no fault."""
    played = {deed.fault["kind"] for each in FAILURES.values() for deed in each.upstream}
    assert played == set(FAULTS) - {"paced"}


def test_the_integration_of_the_lab_is_a_good_one() -> None:
    """It loads, each method is a tool under the name that the run calls."""
    loaded = load_content(content(ORIGIN))
    assert loaded.integration is not None
    report = check(loaded)
    assert not [finding for finding in report.findings if finding.severity == "error"]


def _row(request_id: str, seconds: int) -> FailureRow:
    answer = FAILURES["rate-limit-epoch"].legacy[0]
    text = msgspec.json.encode(answer).decode()
    text = text.replace("req_…", f"req_{request_id}").replace("3600", str(seconds))
    return FailureRow("x", "y", (msgspec.json.decode(text, type=type(answer)),), ())


def test_two_runs_are_equal_but_for_what_is_listed() -> None:
    """Request ids, versions and the seconds that passed are replaced; nothing else is."""
    one, other = _row("0" * 32, 3600), _row("f" * 32, 3597)
    assert one != other
    assert lasting(one) == lasting(other)
    late = _row("0" * 32, 3500)
    assert lasting(late) != lasting(one)
    sent_twice = replace(one, legacy=(replace(one.legacy[0], requests=2),))
    assert lasting(sent_twice) != lasting(one)


def test_what_is_expected_has_no_volatile_part_left() -> None:
    """The files hold what stands instead."""
    assert [lasting(row) for row in EXPECTED] == list(EXPECTED)
    assert all(
        re.sub(each.pattern, each.instead, each.instead) == each.instead for each in VOLATILE
    )


@pytest.mark.parametrize(
    ("one", "other", "where"),
    [
        ({"a": [1, 2]}, {"a": [1, 2]}, None),
        ({"a": [1, 2]}, {"a": [1, 3]}, "/a/1"),
        ({"a": [1]}, {"a": [1, 2]}, "/a"),
        ({"a": 1}, {"b": 1}, "/"),
        (1, "1", "/"),
    ],
)
def test_a_difference_is_named_by_its_place(one: Any, other: Any, where: str | None) -> None:
    """The first one, as a JSON pointer."""
    assert difference(one, other) == where
