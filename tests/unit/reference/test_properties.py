"""Input schemas as rows: nested, referenced, recursive, and whatever else comes."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mcpassport.reference.properties import MAX_ROWS, FlatProperty, flatten

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "properties", "items", "required", "enum", "$ref", "anyOf", "const", "a"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


def _rows(schema: Any) -> dict[str, FlatProperty]:
    return {row.name: row for row in flatten(schema)[0]}


def test_nested_properties_get_dotted_names() -> None:
    """Objects and items of arrays unfold under the name of what holds them."""
    rows = _rows(
        {
            "properties": {
                "who": {
                    "type": "object",
                    "required": ["name"],
                    "properties": {"name": {"type": "string", "description": "Full name."}},
                },
                "rows": {"type": "array", "items": {"properties": {"n": {"type": "integer"}}}},
            },
            "required": ["who"],
        }
    )
    assert list(rows) == ["who", "who.name", "rows", "rows[].n"]
    assert rows["who"].required
    assert rows["who.name"].required
    assert not rows["rows"].required
    assert rows["rows"].type == "array of object"
    assert rows["who.name"].description == "Full name."


def test_local_references_are_followed() -> None:
    """A `$ref` shows the type and description of what it points at, its own text first."""
    rows = _rows(
        {
            "$defs": {"id": {"type": ["string", "integer"], "description": "An id."}},
            "properties": {
                "a": {"$ref": "#/$defs/id"},
                "b": {"$ref": "#/$defs/id", "description": "Another."},
            },
        }
    )
    assert rows["a"].type == "string | integer"
    assert (rows["a"].description, rows["b"].description) == ("An id.", "Another.")


def test_a_recursive_schema_ends() -> None:
    """A schema that contains itself is shown once and not for ever."""
    node = {"properties": {"child": {"$ref": "#/$defs/node"}, "name": {"type": "string"}}}
    rows, omitted = flatten({"$defs": {"node": node}, **node})
    assert len(rows) < 10
    assert omitted == 0


def test_twenty_levels_are_shown() -> None:
    """Each level has its row, under the names of all that hold it."""
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(20):
        schema = {"type": "object", "properties": {"a": schema}}
    rows, omitted = flatten(schema)
    assert [row.name for row in rows] == [".".join("a" * level) for level in range(1, 21)]
    assert omitted == 0


def test_enums_constants_and_unions_are_shown() -> None:
    """Enum values are text as JSON has it; a union names its kinds."""
    rows = _rows(
        {
            "properties": {
                "e": {"enum": ["x", 1, None]},
                "c": {"const": True},
                "u": {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]},
            }
        }
    )
    assert rows["e"].enum == ("x", "1", "null")
    assert rows["c"].enum == ("true",)
    assert rows["u"].type == "string (date) | null"


def test_too_many_rows_are_counted_not_printed() -> None:
    """A huge schema is cut, and the document says by how many."""
    rows, omitted = flatten({"properties": {f"p{n}": {} for n in range(MAX_ROWS + 5)}})
    assert len(rows) == MAX_ROWS
    assert omitted == 5


@given(JSON)
def test_any_json_is_survived(schema: Any) -> None:
    """Whatever stands where a schema should: rows or none, never an exception."""
    flatten({"properties": {"x": schema}, "$defs": {"a": schema}})
