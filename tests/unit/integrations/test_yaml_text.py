"""YAML of people becomes exactly the values they meant, with places, or findings."""

import json
import math
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mcpassport.integrations.marks import MarkedMap, plain, where
from mcpassport.integrations.yaml_text import DEPTH_MAX, read_yaml

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text("abcdefgh_ ", min_size=1, max_size=6), inner, max_size=4)
    ),
    max_leaves=15,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on", "on"),
        ("no", "no"),
        ("Yes", "Yes"),
        ("true", True),
        ("FALSE", False),
        ("~", None),
        ("", None),
        ("2024-05-01", "2024-05-01"),
        ("2024-05-01T10:00:00Z", "2024-05-01T10:00:00Z"),
        ("12:30", "12:30"),
        ("012", 12),
        ("0o17", 15),
        ("0x1F", 31),
        ("-7", -7),
        ("1_000", "1_000"),
        ("1.50", 1.5),
        ("1e3", 1000.0),
        ("'12'", "12"),
        ("!!str 12", "12"),
        ("'null'", "null"),
        ("<<", "<<"),
    ],
)
def test_scalars_follow_the_core_schema_of_yaml_1_2(text: str, value: Any) -> None:
    """Only what YAML 1.2 calls a number, boolean or null is one; dates and `on` are text."""
    document, findings = read_yaml(f"key: {text}", "f.yaml")
    assert not findings
    assert document == {"key": value}
    assert type(document["key"]) is type(value)


@given(JSON)
def test_a_json_document_means_in_yaml_what_it_means_in_json(value: Any) -> None:
    """A JSON text that escapes no surrogate pairs is YAML, and nothing of it changes."""
    document, findings = read_yaml(json.dumps({"value": value}, ensure_ascii=False), "f.yaml")
    assert not findings
    assert plain(document) == {"value": value}


@given(JSON)
def test_what_a_yaml_writer_writes_is_read_back(value: Any) -> None:
    """The block style of a YAML 1.1 writer is read as the same value."""
    text = yaml.safe_dump({"value": value}, allow_unicode=True)
    document, findings = read_yaml(text, "f.yaml")
    assert not findings
    assert plain(document) == {"value": value}


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a: 1\nb: 2\na: 3", 3, "'a' stands twice"),
        ("a: 1\n200: x", 2, "200 is not text"),
        ("a: .nan", 1, "not a number"),
        ("a: -.inf", 1, "not a number"),
        ("a: 1e999", 1, "not a number"),
        ("a: !!binary aGk=", 1, "!!binary"),
        ("a: !thing {b: 1}", 1, "!thing"),
        ("a: b: c", 1, "not valid YAML"),
        ("a: 1\n---\nb: 2", 2, "not valid YAML"),
        ("a: *nowhere", 1, "not valid YAML"),
        ("a: \x07", 1, "not valid YAML"),
        ("# nothing", 1, "empty"),
        ("a: &a [*a]", 1, "nested more than"),
        ("[" * 900 + "]" * 900, 1, "nested more than"),
    ],
)
def test_what_cannot_be_meant_is_a_finding_with_its_line(text: str, line: int, said: str) -> None:
    """Each trap of YAML is reported where it stands, with words on how to mend it."""
    _, findings = read_yaml(text, "f.yaml")
    assert [finding.where for finding in findings] == [f"f.yaml:{line}"]
    assert said in findings[0].message
    assert findings[0].mend


def test_aliases_that_multiply_are_refused_before_they_fill_the_memory() -> None:
    """A document of a few hundred bytes cannot grow to millions of values."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    value, findings = read_yaml("\n".join(lines), "f.yaml")
    assert value is None
    assert "aliases" in findings[0].message


def test_depth_is_bounded_and_the_bound_itself_is_allowed() -> None:
    """The deepest allowed document is read, one level more is a finding."""
    assert not read_yaml("[" * DEPTH_MAX + "]" * DEPTH_MAX, "f.yaml")[1]
    assert read_yaml("[" * (DEPTH_MAX + 2) + "]" * (DEPTH_MAX + 2), "f.yaml")[1]


def test_every_key_and_item_knows_its_line() -> None:
    """A path leads to the line where its last key stands; beyond the data, to the nearest one."""
    document, _ = read_yaml("a:\n  b:\n    - x\n    - c: 1\n", "f.yaml")
    assert isinstance(document, MarkedMap)
    assert where(document, ("a",)) == "f.yaml:1"
    assert where(document, ("a", "b", 0)) == "f.yaml:3"
    assert where(document, ("a", "b", 1, "c")) == "f.yaml:4"
    assert where(document, ("a", "b", 1, "missing")) == "f.yaml:4"
    assert where({"a": [1]}, ("a", 0, "x/y")) == "/a/0/x~1y"


def test_numbers_of_any_length_are_read_exactly() -> None:
    """Integers are exact; judging their size is left to the loader."""
    document, findings = read_yaml("a: 9223372036854775807\nb: 0.1", "f.yaml")
    assert not findings
    assert document["a"] == 9223372036854775807
    assert math.isclose(document["b"], 0.1)


@pytest.mark.parametrize("text", ["[" * 200_000, "{a: " * 200_000, "- " * 100_000 + "x"])
def test_hostile_nesting_is_a_finding_and_not_the_end_of_the_process(text: str) -> None:
    """Nesting that would exhaust the C composer's stack is refused before it is composed."""
    value, findings = read_yaml(text, "integration.yaml")
    assert value is None
    assert "nested more than" in findings[0].message
