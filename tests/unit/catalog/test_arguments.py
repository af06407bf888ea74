"""Arguments are checked before anything is sent."""

import json
from collections import OrderedDict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.catalogs import make_integration, make_method, make_record

from mcpassport.catalog.arguments import MAX_DEPTH, ArgumentValidator, validator_for
from mcpassport.catalog.build import build
from mcpassport.errors import InvalidArguments, Problem
from mcpassport.records.tool import Tool

PROPERTIES: dict[str, Any] = {
    "email": {"type": "string", "format": "email"},
    "state": {"enum": ["open", "closed"]},
    "count": {"type": "integer"},
    "small": {"type": "integer", "maximum": 2**53 - 1},
    "tags": {"type": "array", "items": {"type": "string"}},
    "any": {},
    "a/b~c": {"type": "null"},
    "slow": {"type": "string", "pattern": "^(?:(?=a)a|a(?=a))*$"},
}


def tool_of(body_schema: dict[str, Any]) -> Tool:
    record = make_record("create", body_schema=body_schema)
    return build(make_integration([make_method("create")], [record])).tools[0]


TOOL = tool_of({"type": "object", "properties": PROPERTIES})


@pytest.fixture
def validator() -> ArgumentValidator:
    return ArgumentValidator(TOOL)


def problems(validator: ArgumentValidator, text: bytes) -> tuple[Problem, ...]:
    with pytest.raises(InvalidArguments) as caught:
        validator.check(text)
    assert caught.value.problems
    # Values stand in `problems` only, so nothing that renders the error can leak them.
    assert caught.value.detail is None
    return caught.value.problems


def test_good_arguments_come_back_as_they_are(validator: ArgumentValidator) -> None:
    """What holds is returned as a dict, ready to be routed."""
    text = b'{"email":"a@example.com","state":"open","tags":["x"],"any":{"deep":[null,1.5]}}'
    assert validator.check(text) == json.loads(text)


@pytest.mark.parametrize(
    ("text", "where", "rule"),
    [
        (b'{"email":"nobody"}', "/email", "format"),
        (b'{"state":"ajar"}', "/state", "enum"),
        (b'{"count":"1"}', "/count", "type"),
        (b'{"count":true}', "/count", "type"),
        (b'{"count":1.5}', "/count", "type"),
        (b'{"small":9007199254740992}', "/small", "maximum"),
        (b'{"tags":["a",2]}', "/tags/1", "type"),
        (b'{"a/b~c":1}', "/a~1b~0c", "type"),
    ],
)
def test_a_problem_says_where_and_which_rule(
    validator: ArgumentValidator, text: bytes, where: str, rule: str
) -> None:
    """Each broken rule comes with the JSON pointer of the value that breaks it."""
    (problem,) = problems(validator, text)
    assert (problem.where, problem.rule) == (where, rule)


def test_all_problems_of_small_arguments_are_reported_at_once(
    validator: ArgumentValidator,
) -> None:
    """A caller mends everything in one go."""
    found = problems(validator, b'{"email":"x","state":"ajar","tags":[1,2]}')
    assert sorted(problem.where for problem in found) == ["/email", "/state", "/tags/0", "/tags/1"]


def test_an_unknown_argument_is_refused_with_the_closest_name(
    validator: ArgumentValidator,
) -> None:
    """A misspelt name is answered with the right one, a strange one with all there are."""
    close, strange = problems(validator, b'{"emial":"a@example.com","zzz":1,"count":1}')
    assert (close.where, close.rule, close.mend) == (
        "/emial",
        "unknown_argument",
        "Did you mean 'email'?",
    )
    assert strange.mend.startswith("Arguments are: a/b~c, any, count,")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"null",
        b'"x"',
        b'{"any":1',
        b'{"any":1}x',
        b'{"any":NaN}',
        b'{"any":Infinity}',
        b'{"any":-Infinity}',
        b'{"any":1e999}',
        b'{"any":"\xff"}',
        b'{"any":"\\ud800"}',
        b'{"any":' + b"9" * 5000 + b"}",
        b'{"any":' + b"[" * 5000 + b"]" * 5000 + b"}",
        b'{"any":' + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + b"}",
    ],
)
def test_what_is_not_one_json_object_is_refused(validator: ArgumentValidator, text: bytes) -> None:
    """Other JSON, broken text, numbers that JSON lacks and deep nesting all fail the same way."""
    (problem,) = problems(validator, text)
    assert (problem.where, problem.rule) == ("", "json")


def test_nesting_up_to_the_limit_passes(validator: ArgumentValidator) -> None:
    """The object itself is the first level; wide arguments are not mistaken for deep ones."""
    inner = MAX_DEPTH - 1
    validator.check(b'{"any":' + b"[" * inner + b"]" * inner + b"}")
    validator.check(b'{"any":[' + b"{}," * 1000 + b"{}]}")


@given(st.integers(-(10**4000), 10**4000))
def test_integers_are_exact_at_any_size(value: int) -> None:
    """No integer is rounded on its way in, whatever its size."""
    text = b'{"any":%d}' % value
    assert validator_for(TOOL).check(text) == {"any": value}


@pytest.mark.parametrize("value", [2**53 + 1, 2**63, 2**64, 2**64 + 1, -(2**70)])
def test_bounds_and_types_see_large_integers_exactly(
    validator: ArgumentValidator, value: int
) -> None:
    """A large integer is an integer, and is compared as one."""
    assert validator.check(b'{"count":%d}' % value) == {"count": value}
    if value > 0:
        assert problems(validator, b'{"small":%d}' % value)[0].rule == "maximum"


def test_the_last_of_doubled_keys_counts(validator: ArgumentValidator) -> None:
    """What is checked is what travels on: the last value of a doubled key."""
    assert validator.check(b'{"count":"x","count":2}') == {"count": 2}
    assert problems(validator, b'{"count":2,"count":"x"}')[0].where == "/count"


def test_a_pattern_that_backtracks_without_end_refuses(validator: ArgumentValidator) -> None:
    """The regex engine is bounded, and reaching the bound is a refusal."""
    (problem,) = problems(validator, b'{"slow":"%b!"}' % (b"a" * 3000))
    assert problem.where == "/slow"


def test_large_arguments_get_one_problem_without_values(validator: ArgumentValidator) -> None:
    """Neither the number nor the length of messages grows with the input."""
    text = json.dumps({"tags": [["planted"] * 10] * 40_000}).encode()
    (problem,) = problems(validator, text)
    assert problem.where == "/tags/0"
    assert "planted" not in problem.message
    assert len(problem.message) < 400


def test_no_message_is_long(validator: ArgumentValidator) -> None:
    """Even where a value is repeated, only its beginning is."""
    for problem in problems(validator, json.dumps({"state": "x" * 3000}).encode()):
        assert len(problem.message) <= 301
    for problem in problems(validator, json.dumps({"y" * 3000: 1}).encode()):
        assert len(problem.message) + len(problem.where) < 500


def test_an_own_rule_for_undeclared_arguments_decides() -> None:
    """A single-part schema may admit names it does not list, on its own terms."""
    open_tool = tool_of({"type": "object", "additionalProperties": {"type": "integer"}})
    validator = ArgumentValidator(open_tool)
    assert validator.check(b'{"x":1}') == {"x": 1}
    assert problems(validator, b'{"x":"y"}')[0].where == "/x"


def test_validators_are_kept_by_digest() -> None:
    """The same tool gets the same validator, compiled once; another one its own."""
    other = tool_of({"type": "object"})
    assert validator_for(TOOL) is validator_for(TOOL)
    assert validator_for(other) is not validator_for(TOOL)


def test_no_more_validators_are_kept_than_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one unused for longest goes first."""
    monkeypatch.setattr("mcpassport.catalog.arguments.MAX_VALIDATORS", 2)
    monkeypatch.setattr("mcpassport.catalog.arguments._validators", OrderedDict())
    tools = [tool_of({"type": "object", "properties": {name: {}}}) for name in "abc"]
    first, second = validator_for(tools[0]), validator_for(tools[1])
    assert validator_for(tools[0]) is first
    validator_for(tools[2])
    assert validator_for(tools[0]) is first
    assert validator_for(tools[1]) is not second
