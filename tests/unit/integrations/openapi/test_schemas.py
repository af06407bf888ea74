"""Schemas of OpenAPI as JSON Schema 2020-12."""

from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml
from tests.support.descriptions import ImportValue, write_folder

from mcpassport.integrations.load import load_folder

NOTHING: dict[str, Any] = {}


def converted(import_value: ImportValue, small: Any, schema: Any) -> tuple[Any, list[str]]:
    """The schema as a member of a body, and the rules of the findings about it."""
    body = {"type": "object", "properties": {"it": schema}}
    media = small["paths"]["/things"]["post"]["requestBody"]["content"]["application/json"]
    media["schema"] = body
    imported = import_value(small, include=["things.create"])
    (record,) = yaml.safe_load(imported.files["docs/things.yaml"])
    jsonschema_rs.validator_for(record["body_schema"])
    return record["body_schema"]["properties"]["it"], [item.rule for item in imported.unmapped]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"type": "string", "nullable": True}, {"type": ["string", "null"]}),
        (
            {"type": "string", "nullable": True, "enum": ["a"]},
            {"type": ["string", "null"], "enum": ["a", None]},
        ),
        (
            {"nullable": True, "allOf": [{"type": "object"}], "description": "D."},
            {"description": "D.", "anyOf": [{"allOf": [{"type": "object"}]}, {"type": "null"}]},
        ),
        ({"nullable": True}, NOTHING),
        (
            {"type": "integer", "format": "int64"},
            {"type": ["integer", "string"], "pattern": "^-?[0-9]+$"},
        ),
        (
            {"type": "integer", "format": "int64", "nullable": True},
            {"type": ["integer", "string", "null"], "pattern": "^-?[0-9]+$"},
        ),
        ({"type": "integer", "format": "int32"}, {"type": "integer"}),
        ({"type": "string", "format": "date-time"}, {"type": "string", "format": "date-time"}),
        ({"type": "string", "format": "password"}, {"type": "string"}),
        (
            {"type": "number", "minimum": 1, "exclusiveMinimum": True, "exclusiveMaximum": False},
            {"type": "number", "exclusiveMinimum": 1},
        ),
        ({"type": "integer", "minimum": 2.0}, {"type": "integer", "minimum": 2}),
        ({"type": "string", "x-internal": 1, "example": "a", "xml": {}}, {"type": "string"}),
        ({"type": "string", "default": ""}, {"type": "string", "default": ""}),
        (
            {"type": "string", "description": "<p>A <b>word</b>.</p>"},
            {"type": "string", "description": "A word."},
        ),
        ({"type": "string", "title": "It"}, {"type": "string"}),
        ({"type": "string", "title": "Name of it"}, {"type": "string", "title": "Name of it"}),
        (
            {
                "type": "object",
                "properties": {"a": {"readOnly": True}, "b": {}},
                "required": ["a", "b"],
            },
            {"type": "object", "properties": {"b": {}}, "required": ["b"]},
        ),
        (
            {"type": "object", "additionalProperties": False},
            {"type": "object", "additionalProperties": False},
        ),
        (
            {"type": "array", "items": {"type": "string"}},
            {"type": "array", "items": {"type": "string"}},
        ),
    ],
)  # fmt: skip
def test_a_schema_of_openapi_says_the_same_in_json_schema(
    import_value: ImportValue, small: Any, given: Any, expected: Any
) -> None:
    """Each keyword of OpenAPI's own dialect is translated or left out, silently."""
    assert converted(import_value, small, given) == (expected, [])


@pytest.mark.parametrize(
    ("given", "expected", "rule"),
    [
        ({"type": "integer", "maximum": 2**63 - 1}, {"type": "integer"}, "integer_bound"),
        ({"type": "integer", "minimum": -(2**63)}, {"type": "integer"}, "integer_bound"),
        ({"type": "string", "maxLength": 2**53}, {"type": "string"}, "integer_bound"),
        ({"type": "integer", "enum": [1, 2**60]}, {"type": "integer"}, "schema"),
        ({"type": "integer", "default": 2**60}, {"type": "integer"}, "schema"),
        ({"type": "string", "pattern": "(?<oops"}, {"type": "string"}, "schema"),
        ({"type": "file"}, NOTHING, "schema"),
        ({"type": ["string", "string"]}, NOTHING, "schema"),
        ({"type": "string", "required": True}, {"type": "string"}, "schema"),
        ({"type": "string", "enum": []}, {"type": "string"}, "schema"),
        ({"type": "string", "maxLength": "3"}, {"type": "string"}, "schema"),
        ({"type": "string", "maxLength": -1}, {"type": "string"}, "schema"),
        ({"type": "string", "frobnicate": 1}, {"type": "string"}, "schema"),
        ({"type": "object", "properties": [1]}, {"type": "object"}, "malformed"),
        ({"type": "array", "items": [1]}, {"type": "array", "items": {}}, "malformed"),
        ("string", NOTHING, "malformed"),
    ],
)
def test_what_cannot_be_said_is_left_out_and_reported(
    import_value: ImportValue, small: Any, given: Any, expected: Any, rule: str
) -> None:
    """An unsound value never makes an unsound schema, and never goes unseen."""
    assert converted(import_value, small, given) == (expected, [rule])


def test_a_scalar_behind_a_reference_is_inlined_and_an_object_shared(
    import_value: ImportValue, small: Any
) -> None:
    """A description beside the reference wins over the one behind it."""
    schemas = small["components"]["schemas"]
    schemas["Color"] = {"type": "string", "enum": ["red"], "description": "Any color."}
    given = {
        "type": "object",
        "properties": {
            "color": {"$ref": "#/components/schemas/Color", "description": "Its color."},
            "thing": {"$ref": "#/components/schemas/Thing"},
        },
    }
    found, rules = converted(import_value, small, given)
    assert found["properties"] == {
        "color": {"type": "string", "enum": ["red"], "description": "Its color."},
        "thing": {"$ref": "#/$defs/thing"},
    }
    assert rules == []


def body_schema(import_value: ImportValue, small: Any, schema: Any) -> Any:
    """The whole body schema as it is written."""
    media = small["paths"]["/things"]["post"]["requestBody"]["content"]["application/json"]
    media["schema"] = schema
    imported = import_value(small, include=["things.create"])
    (record,) = yaml.safe_load(imported.files["docs/things.yaml"])
    return record["body_schema"]


def test_plain_all_ofs_at_the_root_of_a_body_become_one_object(
    import_value: ImportValue, small: Any
) -> None:
    """Members are united, required names too; a member said twice must satisfy both."""
    small["components"]["schemas"]["Base"] = {
        "allOf": [{"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}}}]
    }
    given = {
        "allOf": [
            {"$ref": "#/components/schemas/Base"},
            {"type": "object", "properties": {"a": {"maxLength": 3}, "b": {"type": "integer"}}},
        ],
        "required": ["b"],
        "description": "Both.",
    }
    assert body_schema(import_value, small, given) == {
        "type": "object",
        "description": "Both.",
        "properties": {
            "a": {"allOf": [{"type": "string"}, {"maxLength": 3}]},
            "b": {"type": "integer"},
        },
        "required": ["a", "b"],
    }


def test_all_ofs_that_circle_or_double_neither_hang_nor_grow(
    import_value: ImportValue, small: Any
) -> None:
    """A definition is flattened once, however often it is met."""
    schemas = small["components"]["schemas"]
    schemas["Level0"] = {"type": "object", "properties": {"a": {"type": "string"}}}
    for level in range(40):
        below = {"$ref": f"#/components/schemas/Level{level}"}
        schemas[f"Level{level + 1}"] = {"allOf": [below, below]}
    found = body_schema(import_value, small, {"$ref": "#/components/schemas/Level40"})
    assert found == schemas["Level0"]
    schemas["Loop"] = {"allOf": [{"$ref": "#/components/schemas/Loop"}] * 2}
    assert "loop" in str(body_schema(import_value, small, {"$ref": "#/components/schemas/Loop"}))


def test_a_body_of_any_members_is_kept_whole(import_value: ImportValue, small: Any) -> None:
    """A map without declared members becomes one argument `body` by its combinator."""
    found = body_schema(import_value, small, {"type": "object", "additionalProperties": True})
    assert found == {"allOf": [{"type": "object", "additionalProperties": True}]}


def test_the_root_of_a_body_keeps_only_what_the_format_allows_there(
    import_value: ImportValue, small: Any
) -> None:
    """What else stood there is reported."""
    given = {
        "type": "object",
        "nullable": True,
        "properties": {"a": {"type": "string"}},
        "required": ["a", "absent"],
        "minProperties": 1,
        "additionalProperties": True,
        "title": "A",
    }
    media = small["paths"]["/things"]["post"]["requestBody"]["content"]["application/json"]
    media["schema"] = given
    imported = import_value(small, include=["things.create"])
    (record,) = yaml.safe_load(imported.files["docs/things.yaml"])
    assert record["body_schema"] == {
        "type": "object",
        "properties": {"a": {"type": "string"}},
        "required": ["a"],
    }
    (finding,) = imported.unmapped
    assert "additionalProperties, minProperties" in finding.message


def test_members_may_be_called_like_keywords(
    import_value: ImportValue, small: Any, tmp_path: Path
) -> None:
    """A member named `format`, `type`, `items` or `$ref` is a member, for the loader too."""
    names = ("format", "type", "items", "$ref", "required", "nullable", "allOf", "enum")
    given = {"type": "object", "properties": {name: {"type": "string"} for name in names}}
    assert body_schema(import_value, small, given) == given
    loaded = load_folder(write_folder(import_value(small), tmp_path / "out"))
    assert loaded.findings == ()
