"""The document: deterministic, valid against its schema, and true to the settings."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Literal, TypeVar

import jsonschema_rs
import msgspec
import pytest
from msgspec.structs import replace

from mcpassport.errors import InvalidIntegration
from mcpassport.evidence.claims import CLAIMS, ROWS
from mcpassport.limits import Limits
from mcpassport.records.audit import AuditRow
from mcpassport.records.tool import Tool
from mcpassport.reference.assurance import Known
from mcpassport.reference.compose import compose
from mcpassport.reference.document import (
    ClaimNode,
    DefinitionList,
    Document,
    Subheading,
    Table,
    ToolNode,
)
from mcpassport.reference.facts import Facts
from mcpassport.reference.inputs import Inputs
from mcpassport.reference.renderers import RENDERERS
from mcpassport.reference.schema import document_schema
from mcpassport.reference.sections.audit import FIELDS
from mcpassport.reference.vendor import Statements, Vendor

N = TypeVar("N")
HONEST = {"not verified", "not available in this version", "stated"}


def _nodes(document: Document, kind: type[N]) -> list[N]:
    return [
        node for section in document.sections for node in section.nodes if isinstance(node, kind)
    ]


@pytest.mark.parametrize("name", sorted(RENDERERS))
def test_the_same_inputs_give_the_same_bytes(make_inputs: Callable[..., Inputs], name: str) -> None:
    """Two builds from equal inputs and the same clock are byte-identical in every format."""
    assert RENDERERS[name](compose(make_inputs())) == RENDERERS[name](compose(make_inputs()))


def test_another_clock_changes_only_the_time(make_inputs: Callable[..., Inputs]) -> None:
    """The time of generation is the only thing that a later build changes."""
    inputs = make_inputs()
    later = msgspec.structs.replace(inputs, generated_at=inputs.generated_at + timedelta(days=1))
    before, after = compose(inputs), compose(later)
    assert msgspec.structs.replace(after, generated_at=before.generated_at) == before


def test_the_json_is_the_whole_document(make_inputs: Callable[..., Inputs]) -> None:
    """Reading `reference.json` back gives an equal document, and the same page from it."""
    document = compose(make_inputs())
    again = msgspec.json.decode(RENDERERS["json"](document), type=Document)
    assert again == document
    for name in ("html", "md"):
        assert RENDERERS[name](again) == RENDERERS[name](document)


def test_the_json_satisfies_its_published_schema(make_inputs: Callable[..., Inputs]) -> None:
    """`reference.json` is valid against the JSON Schema, and the schema itself is valid."""
    schema = document_schema()
    jsonschema_rs.meta.validate(schema)
    validator = jsonschema_rs.validator_for(schema)
    validator.validate(json.loads(RENDERERS["json"](compose(make_inputs()))))


def test_the_schema_refuses_a_node_of_an_unknown_kind(make_inputs: Callable[..., Inputs]) -> None:
    """The schema is not a formality: an unknown node breaks it."""
    content = json.loads(RENDERERS["json"](compose(make_inputs())))
    content["sections"][0]["nodes"][0]["node"] = "advert"
    assert not jsonschema_rs.validator_for(document_schema()).is_valid(content)


@pytest.mark.parametrize(
    ("facts", "claim", "before", "after"),
    [
        ({"default_server_ttl_days": 30}, "LIF-01", "90 days", "30 days"),
        ({"allow_unexpiring_servers": True}, "LIF-01", "cannot be created", "expires_at: null"),
        ({"private_hosts": ("db.internal:443",)}, "DAT-02", "none", "db.internal:443"),
        ({"allowed_origins": ("https://a.example",)}, "AUT-08", "origins: none", "a.example"),
        ({"audit_retention_days": 120}, "AUD-07", "400 days", "120 days"),
        ({"public_url": "http://mcp.acme.example"}, "AUT-10", "uses https", "plain http"),
        ({"limits": Limits(calls_per_10s=7)}, "LIM-02", " 50 requests", " 7 requests"),
        ({"limits": Limits(upstream_body_bytes=2**20)}, "LIM-04", "8 MiB", "1 MiB"),
        (
            {"allowed_hosts": ("mcp.acme.example",)},
            "AUT-14",
            "since none is listed",
            "Admitted: `mcp.",
        ),
        ({"workers": 4}, "LIM-02", "1 worker process", "4 worker processes"),
    ],
)
def test_a_changed_setting_changes_the_sentence(
    make_inputs: Callable[..., Inputs], facts: dict[str, Any], claim: str, before: str, after: str
) -> None:
    """A sentence says what this deployment's settings do, not what the defaults would."""
    url = {"public_url": "https://mcp.acme.example"}
    sentences = [
        {node.id: node.sentence for node in _nodes(compose(inputs), ClaimNode)}
        for inputs in (make_inputs(), make_inputs(facts=Facts(**{**url, **facts})))
    ]
    assert before in sentences[0][claim]
    assert after in sentences[1][claim]
    assert before not in sentences[1][claim]


def test_every_claim_is_printed_once_in_the_section_it_names(
    make_inputs: Callable[..., Inputs],
) -> None:
    """No claim of the registry is missing, doubled, or in another section."""
    document = compose(make_inputs())
    found = [
        (node.id, section.anchor)
        for section in document.sections
        for node in section.nodes
        if isinstance(node, ClaimNode)
    ]
    assert sorted(found) == sorted((claim.id, claim.section) for claim in CLAIMS.values())


def test_nothing_is_graded_higher_than_it_is_known(make_inputs: Callable[..., Inputs]) -> None:
    """No check exists in this version: no grade anywhere says that one ran."""
    vendor = Vendor(statements=Statements(sub_processors="Hosting Ltd"))
    document = compose(make_inputs(vendor=vendor))
    grades: set[str | None] = {node.grade for node in _nodes(document, ClaimNode)}
    grades |= {item.grade for node in _nodes(document, DefinitionList) for item in node.items} - {
        None
    }
    for table in _nodes(document, Table):
        titles = [column.title for column in table.columns]
        if "Grade" in titles:
            grades |= {row[titles.index("Grade")].partition(" (")[0] for row in table.rows}
    assert grades - {None} == HONEST


@pytest.mark.parametrize(("keys", "grade"), [("file", "sandbox"), ("schema", "stated")])
def test_what_rests_on_the_vendors_word_is_stated_whatever_was_checked(
    make_inputs: Callable[..., Inputs], keys: Literal["file", "schema"], grade: str
) -> None:
    """Where the database's own backups hold the keys, no check of ours can vouch for them."""
    facts = Facts(public_url="https://mcp.acme.example", keys=keys, key_backup_days=3)
    known = Known(grades=dict.fromkeys(("CRE-10", "CRE-11"), "sandbox"))
    inputs = msgspec.structs.replace(make_inputs(facts=facts), known=known)
    claims = {node.id: node for node in _nodes(compose(inputs), ClaimNode)}
    assert claims["CRE-10"].grade == grade
    assert ("Backups that the database itself makes" in claims["CRE-10"].sentence) == (
        keys == "schema"
    )
    assert claims["CRE-11"].grade == "stated"
    assert "at most 3 days" in claims["CRE-11"].sentence


def test_what_is_not_built_is_said_to_be_missing(make_inputs: Callable[..., Inputs]) -> None:
    """A claim without its feature says so in its sentence, not only in its grade."""
    for node in _nodes(compose(make_inputs()), ClaimNode):
        missing = node.grade == "not available in this version"
        assert missing == node.sentence.startswith("Not available in this version: ")
        assert missing != CLAIMS[node.id].available


def test_every_row_of_the_checklist_is_answered_with_its_ids(
    make_inputs: Callable[..., Inputs],
) -> None:
    """All 42 rows are printed, with control ids and without one that was not confirmed."""
    document = compose(make_inputs())
    table = next(t for t in _nodes(document, Table) if t.title == "Procurement checklist")
    assert [row[0] for row in table.rows] == [str(number) for number in range(1, 43)]
    assert table.anchors == tuple(f"row-{number}" for number in range(1, 43))
    assert not any("*" in row[4] for row in table.rows)
    by_number = {row[0]: row for row in table.rows}
    for number in ("26", "35", "39"):
        assert by_number[number][2] == "not available in this version"
    assert "BCR-04" not in by_number["21"][4]
    assert set(ROWS) == set(range(1, 43))


def test_a_statement_of_the_vendor_answers_its_row(make_inputs: Callable[..., Inputs]) -> None:
    """A row that only the vendor can answer is `stated` once the vendor states it."""
    words = Statements(vulnerability_disclosure="security@acme.example")
    for vendor, grade in ((Vendor(), "not verified"), (Vendor(statements=words), "stated")):
        document = compose(make_inputs(vendor=vendor))
        table = next(t for t in _nodes(document, Table) if t.title == "Procurement checklist")
        assert table.rows[35][5] == grade


def test_a_row_is_known_as_well_as_the_weakest_of_its_claims(
    make_inputs: Callable[..., Inputs],
) -> None:
    """One check of several proves no row; the cell says how many claims have more."""
    claims = [claim.id for claim in CLAIMS.values() if claim.row == 1 and claim.available]
    assert len(claims) > 1

    def grade(*passed: str) -> str:
        known = Known("run", dict.fromkeys(passed, "sandbox"))
        document = compose(replace(make_inputs(), known=known))
        table = next(t for t in _nodes(document, Table) if t.title == "Procurement checklist")
        return table.rows[0][5]

    assert grade() == "not verified"
    assert grade(claims[0]) == f"not verified (of {len(claims)} claims 1 sandbox)"
    assert grade(*claims) == "sandbox"


def test_anchors_are_unique(make_inputs: Callable[..., Inputs]) -> None:
    """No two things of the document share an anchor."""
    document = compose(make_inputs())
    anchors = [section.anchor for section in document.sections]
    anchors += [node.anchor for node in _nodes(document, Subheading)]
    anchors += [node.id for node in _nodes(document, ClaimNode)]
    for table in _nodes(document, Table):
        anchors += table.anchors
    for tool in _nodes(document, ToolNode):
        anchors += [tool.anchor, *(each.anchor for each in tool.properties)]
    assert len(anchors) == len(set(anchors))


def test_a_reader_can_compute_a_filter_from_the_json(make_inputs: Callable[..., Inputs]) -> None:
    """Each tool carries resource, method, group and tags: a filter is a comprehension."""
    content = json.loads(RENDERERS["json"](compose(make_inputs())))
    tools = [
        node
        for section in content["sections"]
        for node in section["nodes"]
        if node["node"] == "tool"
    ]
    read = {tool["name"] for tool in tools if tool["method_group"] == "read"}
    assert read == {"get_single_crm_contact_by_id", "list_all_crm_contacts"}
    lookup = {tool["name"] for tool in tools if "lookup" in tool["tags"]}
    assert lookup == {"get_single_crm_contact_by_id"}
    assert {(tool["resource"], tool["method"]) for tool in tools} == {
        ("contacts", "get"),
        ("contacts", "list"),
    }


def test_fixed_values_of_the_upstream_request_are_left_out(
    make_inputs: Callable[..., Inputs],
) -> None:
    """Header and query values may be secrets of the vendor: only their names are printed."""
    text = RENDERERS["json"](compose(make_inputs())).decode()
    assert "X-App" in text
    assert "app-secret-value" not in text


def test_a_dropped_method_is_named_with_its_reason(make_inputs: Callable[..., Inputs]) -> None:
    """What is not a tool is in the document too."""
    text = RENDERERS["md"](compose(make_inputs())).decode()
    assert "contacts.merge" in text
    assert "It has no documentation record" in text


def test_a_tool_that_cannot_be_described_is_named(
    make_inputs: Callable[..., Inputs], make_tool: Callable[..., Tool]
) -> None:
    """Whatever is wrong with one of many, the error says which, where, and how to mend it."""
    broken = make_tool("broken_tool", schema={"properties": {"a": {"enum": [object()]}}})
    with pytest.raises(InvalidIntegration, match="broken_tool") as caught:
        compose(make_inputs((make_tool(), broken)))
    (problem,) = caught.value.problems
    assert problem.where == "contacts.list"
    assert problem.mend


def test_an_empty_catalog_makes_a_document(make_inputs: Callable[..., Inputs]) -> None:
    """No tool is no failure: the document says so, in every format."""
    document = compose(make_inputs(()))
    assert document.tool_count == 0
    for render in RENDERERS.values():
        assert b"has no tool" in render(document)


def test_a_thousand_tools_make_a_valid_document(
    make_inputs: Callable[..., Inputs], make_tool: Callable[..., Tool]
) -> None:
    """A large catalog gives a document that still satisfies its schema, each tool linked."""
    tools = tuple(make_tool(f"list_all_crm_things_{number:04}") for number in range(1000))
    document = compose(make_inputs(tools))
    content = json.loads(RENDERERS["json"](document))
    assert jsonschema_rs.validator_for(document_schema()).is_valid(content)
    page = RENDERERS["html"](document).decode()
    assert page.count('<article class="tool many"') == 1000


def test_every_field_of_an_audit_row_is_explained() -> None:
    """A field that is recorded is a field that the document explains, and no other."""
    assert set(FIELDS) == set(AuditRow.__struct_fields__)
