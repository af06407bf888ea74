"""What changed between two documents, and the number it leads to."""

from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from mcpassport.records.release import ReferenceChange
from mcpassport.records.tool import Tool
from mcpassport.reference.changes import changes_between, number_after
from mcpassport.reference.compose import compose
from mcpassport.reference.document import ClaimNode, Document
from mcpassport.reference.facts import Facts
from mcpassport.reference.inputs import Inputs

MakeInputs = Callable[..., Inputs]
MakeTool = Callable[..., Tool]
_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"kind": {"type": "string", "enum": ["a", "b"], "description": "Which."}},
    "required": [],
}


def _with(make_tool: MakeTool, make_inputs: MakeInputs, schema: dict[str, Any]) -> Document:
    # A changed schema has another digest in a real catalog, and so it must here.
    visible = sha256(str(schema).encode()).digest()
    tool = replace(make_tool(schema=schema), visible=visible)
    return compose(make_inputs((tool,)))


def _levels(changes: tuple[ReferenceChange, ...], subject: str = "tool") -> list[tuple[str, str]]:
    return [(each.level, each.text) for each in changes if each.subject == subject]


def test_a_document_has_no_changes_to_itself(make_inputs: MakeInputs) -> None:
    """Nothing is told where nothing changed."""
    assert changes_between(compose(make_inputs()), compose(make_inputs())) == ()


def test_a_removed_tool_is_major_and_a_new_one_minor(
    make_inputs: MakeInputs, make_tool: MakeTool
) -> None:
    """What an agent used yesterday must not vanish in a minor release."""
    one, two = make_tool(), make_tool("get_single_crm_contact_by_id", method="get")
    small, large = compose(make_inputs((one,))), compose(make_inputs((two, one)))
    assert ("major", "The tool is gone.") in _levels(changes_between(large, small))
    assert _levels(changes_between(small, large))[0][0] == "minor"


@pytest.mark.parametrize(
    ("changed", "level"),
    [
        ({"properties": {}}, "major"),
        ({"required": ["kind"]}, "major"),
        ({"properties": {"kind": {"type": "string", "enum": ["a"]}}}, "major"),
        ({"properties": {**_SCHEMA["properties"], "more": {"type": "string"}}}, "minor"),
        (
            {
                "properties": {**_SCHEMA["properties"], "more": {"type": "string"}},
                "required": ["more"],
            },
            "major",
        ),
        ({"properties": {"kind": {"type": "string", "enum": ["a", "b", "c"]}}}, "minor"),
        (
            {"properties": {"kind": {"type": "string", "enum": ["a", "b"], "description": "?"}}},
            "patch",
        ),
    ],
)
def test_a_changed_input_has_the_level_of_what_it_does_to_callers(
    changed: dict[str, Any], level: str, make_tool: MakeTool, make_inputs: MakeInputs
) -> None:
    """A property gone, a new required one, a narrower enum break callers; the rest does not."""
    before = _with(make_tool, make_inputs, _SCHEMA)
    after = _with(make_tool, make_inputs, {**_SCHEMA, **changed})
    assert {each for each, _ in _levels(changes_between(before, after))} == {level}


def test_a_changed_promise_is_major_and_names_its_setting(make_inputs: MakeInputs) -> None:
    """Only a reader can tell a stronger promise from a weaker one."""
    before = compose(make_inputs(facts=Facts(public_url="https://a.example")))
    facts = Facts(public_url="https://a.example", default_server_ttl_days=30)
    told = changes_between(before, compose(make_inputs(facts=facts)))
    claims = [each for each in told if each.subject == "claim"]
    assert claims
    assert {each.level for each in claims} == {"major"}
    assert any("`expiry_rule`" in each.text for each in claims)


def _graded(document: Document, claim: str, grade: Any) -> Document:
    def with_grade(node: Any) -> Any:
        matches = isinstance(node, ClaimNode) and node.id == claim
        return replace(node, grade=grade) if matches else node

    sections = tuple(
        replace(section, nodes=tuple(with_grade(node) for node in section.nodes))
        for section in document.sections
    )
    return replace(document, sections=sections)


def test_a_weaker_claim_is_major_and_a_better_known_one_minor(make_inputs: MakeInputs) -> None:
    """A grade that falls is what a reviewer must hear of."""
    document = compose(make_inputs())
    known = _graded(document, "TEN-01", "sandbox")
    fallen, risen = changes_between(known, document), changes_between(document, known)
    assert [(each.level, each.name) for each in fallen] == [("major", "TEN-01")]
    assert [(each.level, each.name) for each in risen] == [("minor", "TEN-01")]


def _change(level: Any) -> ReferenceChange:
    return ReferenceChange(level, "tool", "x", "x")


@given(
    st.tuples(*[st.integers(0, 99)] * 3),
    st.lists(st.sampled_from(["major", "minor", "patch"]), max_size=5),
)
def test_the_number_rises_at_the_gravest_level_and_zeroes_what_is_below(
    number: tuple[int, int, int], levels: list[str]
) -> None:
    """Semantic versioning: the next number is always greater, by the gravest change."""
    text = ".".join(str(part) for part in number)
    changes = tuple(_change(level) for level in levels)
    after = tuple(int(part) for part in number_after(text, changes).split("."))
    assert after > number
    if "major" in levels:
        assert after == (number[0] + 1, 0, 0)
    elif "minor" in levels:
        assert after == (number[0], number[1] + 1, 0)
