"""Catalog = integration ∩ documentation records."""

from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from tests.support.catalogs import make_integration, make_method, make_record

from mcpassport.catalog import digest
from mcpassport.catalog.build import build
from mcpassport.catalog.rules import RULES
from mcpassport.records.integration import ContentBlock, Pagination, Resource
from mcpassport.records.tool import Catalog

NOTE = {
    "type": "object",
    "properties": {"parent": {"$ref": "#"}, "tag": {"$ref": "#/$defs/tag"}},
    "$defs": {"tag": {"type": "string"}},
}


def built(method: str = "get", own: Any = None, **record: Any) -> Catalog:
    return build(
        make_integration([make_method(method, **(own or {}))], [make_record(method, **record)])
    )


def test_a_method_and_its_record_make_a_tool() -> None:
    """Name, title, tags and version come from where they are declared."""
    catalog = built(own={"tags": ("crm", "vip"), "scopes": ("read",)}, deprecated=True)
    (tool,) = catalog.tools
    assert (catalog.integration, catalog.label, catalog.version) == ("acme-crm", "Acme CRM", 3)
    assert (tool.name, tool.title) == ("get_single_acme_crm_contact_by_id", "Get contact")
    assert (tool.tags, tool.scopes, tool.deprecated) == (("crm", "vip"), ("read",), True)
    assert catalog.digest == digest.root([digest.leaf(tool)])
    assert catalog.dropped == ()


@pytest.mark.parametrize(
    ("rule", "record"),
    [
        ("empty_description", {"description": " \n"}),
        ("invalid_schema", {"query_schema": {"type": 1}}),
        ("remote_ref", {"response_schema": {"$ref": "https://example.com/x"}}),
        ("number_bound", {"response_schema": {"maximum": 2**60}}),
        ("invalid_schema", {"description": "\ud800"}),
    ],
)
def test_a_record_that_cannot_be_a_tool_is_dropped_with_its_rule(
    rule: str, record: dict[str, Any]
) -> None:
    """The method is named, with the rule and how to mend it; nothing raises."""
    catalog = built(**record)
    (dropped,) = catalog.dropped
    assert (dropped.resource, dropped.method, dropped.rule) == ("contacts", "get", rule)
    assert dropped.reason.endswith(RULES[rule])
    assert catalog.tools == ()


def test_a_large_integer_in_the_wiring_is_dropped() -> None:
    """What canonical JSON cannot carry exactly cannot be part of a digest."""
    catalog = built(own={"body": {"account": 2**53}})
    assert [dropped.rule for dropped in catalog.dropped] == ["number_bound"]


def test_methods_without_exactly_one_record_are_dropped() -> None:
    """No record, no tool; two records, no guess. A record without a method is nobody's."""
    catalog = build(
        make_integration(
            [make_method("get"), make_method("list")],
            [make_record("get"), make_record("get"), make_record("delete")],
        )
    )
    assert [(d.method, d.rule) for d in catalog.dropped] == [
        ("get", "duplicate_record"),
        ("list", "no_record"),
    ]


def test_of_colliding_names_none_is_a_tool() -> None:
    """A name never means one thing by accident of order; the rest of the catalog stands."""
    resources = (
        Resource(name="a-b", label="x", singular="a-b"),
        Resource(name="a_b", label="x", singular="a_b"),
    )
    methods = [make_method("list", resource=name) for name in ("a-b", "a_b")]
    methods.append(make_method("get", resource="a_b"))
    records = [make_record(m.method, resource=m.resource) for m in methods]
    catalog = build(make_integration(methods, records, resources=resources))
    assert [(d.resource, d.rule) for d in catalog.dropped] == [
        ("a-b", "name_collision"),
        ("a_b", "name_collision"),
    ]
    assert [tool.method.method for tool in catalog.tools] == ["get"]


def test_tools_stand_in_name_order_whatever_the_order_of_methods() -> None:
    """The digest does not depend on the order in which people wrote methods and records."""
    names = ["list", "get", "create", "update", "delete", "merge"]
    catalogs = [
        build(make_integration([make_method(n) for n in order], [make_record(n) for n in names]))
        for order in (names, names[::-1])
    ]
    assert catalogs[0].tools == catalogs[1].tools
    assert catalogs[0].digest == catalogs[1].digest
    assert [t.name for t in catalogs[0].tools] == sorted(t.name for t in catalogs[0].tools)


def test_an_output_schema_is_advertised_only_when_it_always_holds() -> None:
    """Without `strict_output` the response schema is documentation, not a promise."""
    assert built(response_schema=NOTE).tools[0].output_schema is None
    assert built(strict_output=True).tools[0].output_schema is None
    assert built(response_schema=NOTE, strict_output=True).tools[0].output_schema is NOTE


def test_a_promised_output_needs_something_structured() -> None:
    """Blocks alone cannot keep the promise of an output schema; a mapped answer beside them can."""
    content = (ContentBlock("text", "body"),)
    promised: dict[str, Any] = {"response_schema": NOTE, "strict_output": True}
    (dropped,) = built(own={"content": content}, **promised).dropped
    assert dropped.rule == "output_content"
    for said in ({"response": "body"}, {"response_path": "row"}):
        (tool,) = built(own={"content": content, **said}, **promised).tools
        assert tool.output_schema is NOTE
    assert built(own={"content": content}, response_schema=NOTE).tools


@pytest.mark.parametrize("pagination", [Pagination("none"), Pagination("cursor", cursor_param="c")])
def test_the_output_schema_of_a_list_wraps_the_record(pagination: Pagination) -> None:
    """A list answers `{result, next_cursor}`, and the record's references still resolve."""
    (tool,) = built(
        "list", own={"pagination": pagination}, response_schema=NOTE, strict_output=True
    ).tools
    schema = tool.output_schema
    assert isinstance(schema, dict)
    assert schema["properties"]["result"]["items"]["properties"] == {
        "parent": {"$ref": "#/properties/result/items"},
        "tag": {"$ref": "#/$defs/response__tag"},
    }
    validator = jsonschema_rs.Draft202012Validator(schema, offline=True)
    good = {"result": [{"parent": {"tag": "x"}}], "next_cursor": None}
    assert validator.is_valid(good)
    assert not validator.is_valid({"result": [{"parent": {"tag": 1}}], "next_cursor": None})
    assert not validator.is_valid({"result": []})


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule != "name_collision"])
def test_every_rule_is_used(rule: str) -> None:
    """A rule that nothing raises would be a promise that nobody keeps."""
    source = Path(build.__code__.co_filename).parent
    assert any(f'"{rule}"' in file.read_text() for file in source.glob("*.py")
               if file.name != "rules.py")  # fmt: skip
