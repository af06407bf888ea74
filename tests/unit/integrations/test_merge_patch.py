"""JSON merge patches do what RFC 7396 says."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpassport.integrations.marks import MarkedMap, Place, marked, plain
from mcpassport.integrations.merge_patch import merge_patch, unmatched_nulls

LEAVES = st.none() | st.booleans() | st.integers(-5, 5) | st.text("ab", max_size=2)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3)


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_the_examples_of_the_rfc_hold(target: Any, patch: Any, result: Any) -> None:
    """Every row of RFC 7396, appendix A, comes out as printed there."""
    assert merge_patch(target, patch) == result


def reference(target: Any, patch: Any) -> Any:
    """The pseudo-code of RFC 7396, section 2, word for word."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = reference(result.get(name), value)
    return result


@given(VALUES, VALUES)
def test_it_agrees_with_the_pseudo_code_of_the_rfc(target: Any, patch: Any) -> None:
    """Plain values and values with places are merged alike."""
    expected = reference(target, patch)
    assert merge_patch(target, patch) == expected
    here, there = Place("a.yaml", 1), Place("b.yaml", 2)
    assert plain(merge_patch(marked(target, here), marked(patch, there))) == expected


@given(OBJECTS, OBJECTS)
def test_a_second_application_changes_nothing(target: Any, patch: Any) -> None:
    """A merge patch is idempotent, and changes neither of its arguments."""
    before = (repr(target), repr(patch))
    once = merge_patch(target, patch)
    assert merge_patch(once, patch) == once
    assert (repr(target), repr(patch)) == before


def test_what_a_patch_sets_stands_where_the_patch_wrote_it() -> None:
    """New and replaced values point to the overlay, untouched ones to their own file."""
    target = marked({"a": 1, "b": {"c": 1}}, Place("a.yaml", 1))
    result = merge_patch(target, marked({"a": 2, "b": {"d": 3}}, Place("b.yaml", 7)))
    assert isinstance(result, MarkedMap)
    assert result.keys_at == {"a": Place("b.yaml", 7), "b": Place("a.yaml", 1)}
    assert result["b"].keys_at == {"c": Place("a.yaml", 1), "d": Place("b.yaml", 7)}


def test_nulls_that_remove_nothing_are_found() -> None:
    """Only a null for a key that is absent from a present object is named."""
    patch = {"a": None, "b": {"c": None, "d": None}, "n": {"x": None}}
    assert list(unmatched_nulls({"b": {"c": 1}}, patch)) == [("a",), ("b", "d")]
