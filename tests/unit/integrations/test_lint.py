"""The quality gate on single rules; whole reports are golden files."""

from collections.abc import Mapping
from typing import Any, TypeAlias

import pytest
from msgspec import structs

from mcpassport.integrations.lint import check, strict
from mcpassport.integrations.lint_rules import WARNINGS, weight_of
from mcpassport.integrations.load import Loaded, load_content
from mcpassport.records.integration import Credential

Content: TypeAlias = dict[str, Any]


def rules(loaded: Loaded) -> list[str]:
    """The rules of all findings."""
    return [finding.rule for finding in check(loaded).findings]


def test_the_score_is_100_minus_the_weights(notes: Content) -> None:
    """Two warnings of known weight take exactly that; it never falls under 0."""
    del notes["config"]["pagination"]
    notes["documentation"][1]["description"] = "Get a note"
    assert check(load_content(notes)).score == 100 - (
        WARNINGS["unpaginated_list"].weight + WARNINGS["generic_description"].weight
    )
    notes["documentation"] = []
    assert weight_of("error", "no_record") * 6 == 60
    resources = notes["config"]["resources"]
    resources["memos"] = {**resources["notes"], "singular": "memo"}
    report = check(load_content(notes))
    assert report.score == 0
    assert report.failed


def test_unusable_input_scores_nothing_and_has_no_catalog() -> None:
    """The findings of the load are the report."""
    report = check(load_content({}))
    assert (report.score, report.catalog) == (0, None)
    assert report.failed


def test_strict_makes_warnings_errors(notes: Content) -> None:
    """The score does not change, only the severity."""
    del notes["config"]["pagination"]
    report = check(load_content(notes))
    assert not report.failed
    assert strict(report).failed
    assert strict(report).score == report.score


@pytest.mark.parametrize(
    ("more", "rule"),
    [
        ({"stream": "ndjson"}, "silent_stream"),
        ({"requires_client_capabilities": ["sampling"]}, "modern_only"),
        ({"stream": "ndjson", "progress": '{"progress": body.n}'}, None),
    ],
)
def test_what_few_clients_get_is_warned_of(
    notes: Content, more: dict[str, Any], rule: str | None
) -> None:
    """A stream that says nothing on the way, and a tool that older clients cannot call."""
    notes["config"]["resources"]["notes"]["methods"]["get"].update(more)
    assert rules(load_content(notes)) == ([] if rule is None else [rule])


def test_an_oauth_method_names_its_scopes(notes: Content) -> None:
    """Without scopes nobody can tell what a granted account is good for."""
    del notes["config"]["resources"]["notes"]["methods"]["get"]["scopes"]
    loaded = load_content(notes)
    assert loaded.integration is not None
    oauth = (Credential("oauth2_authorization_code", ()),)
    granted = structs.replace(loaded.integration, credentials=oauth)
    assert rules(structs.replace(loaded, integration=granted)) == ["oauth_without_scopes"]
    assert rules(loaded) == []


@pytest.mark.parametrize(
    ("schema", "found"),
    [
        ({"properties": {"a": {"description": "A."}}}, []),
        ({"properties": {"a": {}}}, ["undescribed_property"]),
        ({"properties": {"a": {"description": "  "}}}, ["undescribed_property"]),
        ({"properties": {"a": {"enum": [1, 2]}}}, ["undescribed_enum"]),
        (
            {"properties": {"a": {"enum": [1]}, "b": {}}},
            ["undescribed_enum", "undescribed_property"],
        ),
        (
            {"properties": {"a": {"description": "A.", "properties": {"b": {}}}}},
            ["undescribed_property"],
        ),
        (
            {"properties": {"a": {"description": "A.", "items": {"properties": {"b": {}}}}}},
            ["undescribed_property"],
        ),
        ({"properties": {"limit": {}, "after": {}}}, []),
    ],
)
def test_properties_without_words_are_named_once_for_each_part(
    notes: Content, schema: Mapping[str, Any], found: list[str]
) -> None:
    """Nested ones count, those that pagination drives do not."""
    notes["documentation"][0]["query_schema"] = {"type": "object", **schema}
    assert rules(load_content(notes)) == found


@pytest.mark.parametrize(
    ("example", "said"),
    [
        ({"arguments": {}, "response": {"result": [], "next_cursor": None}}, None),
        ({"arguments": {"limit": 5, "next_cursor": "x"}}, None),
        ({"arguments": {"limit": 500}}, "arguments/limit"),
        ({"arguments": {"nothing": 1}}, "nothing"),
        ({"response": []}, "response of a list"),
        ({"response": {"result": [{"id": "1"}], "next_cursor": None}}, "title"),
    ],
)
def test_examples_are_calls_that_the_tool_accepts(
    notes: Content, example: Content, said: str | None
) -> None:
    """Arguments are checked like a call's, an answer against the record's schema."""
    notes["documentation"][0]["examples"] = [example]
    findings = check(load_content(notes)).findings
    assert len(findings) == (said is not None)
    assert said is None or said in findings[0].message


def test_a_64_bit_id_that_admits_no_string_is_warned_of(notes: Content) -> None:
    """The loader warns, whatever part of the record it stands in."""
    notes["documentation"][1]["response_schema"] = {
        "type": "object",
        "properties": {
            "id": {"type": "integer", "format": "int64"},
            "parent": {"type": ["integer", "string"], "format": "int64"},
            "size": {"type": ["integer", "null"], "format": "int64"},
        },
    }
    notes["documentation"][1]["examples"] = []
    assert rules(load_content(notes)) == ["rounded_id", "rounded_id"]


def test_every_rule_says_what_it_costs_and_how_to_mend_it() -> None:
    """The table is complete, since the documentation prints it."""
    assert all(rule.weight > 0 and rule.text and rule.mend for rule in WARNINGS.values())
