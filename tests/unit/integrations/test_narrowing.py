"""A schema that is not called narrower refuses nothing that the old one accepted."""

from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpassport.integrations.narrowing import narrows

BOUNDS = {
    "minimum": st.integers(0, 3),
    "maximum": st.integers(0, 3),
    "minLength": st.integers(0, 2),
    "maxLength": st.integers(0, 2),
    "enum": st.lists(st.sampled_from([0, 1, "a", "ab", None, True]), min_size=1, unique_by=repr),
    "description": st.text(max_size=2),
    "pattern": st.sampled_from(["^a", "b$"]),
}
TYPES = st.sampled_from(["string", "integer", "number", "boolean", "null", ["string", "null"]])
LEAF = st.fixed_dictionaries({}, optional={"type": TYPES, **BOUNDS})
NAMES = st.sampled_from(["p", "q"])
OBJECT = st.fixed_dictionaries(
    {"type": st.just("object"), "additionalProperties": st.just(False)},
    optional={
        "properties": st.dictionaries(NAMES, LEAF, max_size=2),
        "required": st.lists(NAMES, unique=True),
    },
)
ARRAY = st.fixed_dictionaries(
    {"type": st.just("array")},
    optional={"items": LEAF, "minItems": st.integers(0, 2), "maxItems": st.integers(0, 2)},
)
SCHEMAS = LEAF | OBJECT | ARRAY | st.booleans()
SCALARS = st.sampled_from([0, 1, 2, 3, 1.5, -1, "", "a", "ab", "b", None, True, False])
INSTANCES = SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(NAMES, SCALARS, max_size=2)


@given(SCHEMAS, SCHEMAS, st.lists(INSTANCES, min_size=5, max_size=20))
def test_what_is_not_narrower_still_accepts(before: Any, after: Any, instances: list[Any]) -> None:
    """Measured with a real validator on values of many shapes."""
    if narrows(before, after):
        return
    old, new = jsonschema_rs.validator_for(before), jsonschema_rs.validator_for(after)
    assert all(new.is_valid(item) for item in instances if old.is_valid(item))


@given(SCHEMAS)
def test_a_schema_is_not_narrower_than_itself(schema: Any) -> None:
    """Equal schemas never differ, and everything is wider than nothing."""
    assert not narrows(schema, schema)
    assert not narrows(schema, True)
    assert not narrows(False, schema)


@pytest.mark.parametrize(
    ("before", "after", "narrower"),
    [
        ({"type": "integer"}, {"type": "number"}, False),
        ({"type": "number"}, {"type": "integer"}, True),
        ({"type": "integer"}, {"type": ["integer", "string"]}, False),
        ({}, {"type": "string"}, True),
        ({"pattern": "a"}, {}, False),
        ({}, {"pattern": "a"}, True),
        ({}, {"description": "words"}, False),
        (True, {"title": "words"}, False),
        (True, {"type": "object"}, True),
        ({"type": "string"}, False, True),
        ({"$ref": "#/$defs/a"}, {"$ref": "#/$defs/b"}, True),
        ({"$defs": {"a": {}}}, {"$defs": {"b": {"type": "string"}}}, False),
        ({"$defs": {"a": {}}}, {"$defs": {"a": {"type": "string"}}}, True),
        ({"properties": {"a": {}}}, {"properties": {"a": {}, "b": {"type": "string"}}}, False),
        ({"properties": {"a": {}}}, {"properties": {}}, True),
        ({"items": {"type": "string"}}, {"items": {"type": "string", "maxLength": 3}}, True),
    ],
)
def test_keywords_are_compared_by_their_meaning(before: Any, after: Any, *, narrower: bool) -> None:
    """Types, bounds, members and items each by their own rule; the unknown counts as narrower."""
    assert narrows(before, after) is narrower
