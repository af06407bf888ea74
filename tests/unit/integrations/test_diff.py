"""What changed between two versions, and whether a caller can notice."""

import copy
from collections.abc import Callable
from typing import Any, TypeAlias

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcpassport.integrations.compile import compile_content
from mcpassport.integrations.diff import Change, diff

Content: TypeAlias = dict[str, Any]
Edit: TypeAlias = Callable[[Content], Any]


def changes(notes: Content, edit: Edit) -> list[tuple[str, str, bool]]:
    """What the edit changes: path, kind, breaking."""
    edited = copy.deepcopy(notes)
    edit(edited)
    found = diff(compile_content(notes), compile_content(edited))
    return [(change.path, change.kind, change.breaking) for change in found]


def method(content: Content, name: str) -> Content:
    """The written form of a method."""
    found: Content = content["config"]["resources"]["notes"]["methods"][name]
    return found


def query(content: Content) -> Content:
    """The query properties of the list."""
    found: Content = content["documentation"][0]["query_schema"]["properties"]
    return found


LIST = "/tools/list_all_notes_notes"
CREATE = "/tools/create_a_notes_note"


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (lambda c: c["documentation"].pop(), [("/tools/notes_note_archive", "removed", True)]),
        (lambda c: query(c).pop("label"), [(f"{LIST}/input/label", "removed", True)]),
        (
            lambda c: query(c).update(color={"type": "string"}),
            [(f"{LIST}/input/color", "added", False)],
        ),
        (
            lambda c: c["documentation"][0]["query_schema"].update(required=["label"]),
            [(f"{LIST}/input/label/required", "changed", True)],
        ),
        (
            lambda c: query(c)["state"].update(enum=["active"]),
            [(f"{LIST}/input/state", "changed", True)],
        ),
        (
            lambda c: query(c)["state"].update(enum=["active", "archived", "all"]),
            [(f"{LIST}/input/state", "changed", False)],
        ),
        (
            lambda c: query(c)["label"].update(description="Other words."),
            [(f"{LIST}/input/label", "changed", False)],
        ),
        (
            lambda c: c["documentation"][0].update(description="Lists all the notes there are."),
            [(f"{LIST}/description", "changed", False)],
        ),
        (lambda c: method(c, "list").update(path="/v2"), [(f"{LIST}/call/path", "changed", False)]),
        (
            lambda c: method(c, "get").update(content=[{"type": "text", "value": "body"}]),
            [("/tools/get_single_notes_note_by_id/call/content", "changed", False)],
        ),
        (
            lambda c: method(c, "create").update(stream="sse", progress="body", final="body"),
            [
                (f"{CREATE}/call/final", "added", False),
                (f"{CREATE}/call/progress", "added", False),
                (f"{CREATE}/call/stream", "changed", False),
            ],
        ),
        (
            lambda c: method(c, "list").update(requires_client_capabilities=["sampling"]),
            [(f"{LIST}/requires_client_capabilities", "changed", True)],
        ),
        (
            lambda c: method(c, "list").update(scopes=["notes.read", "notes.all"]),
            [(f"{LIST}/scopes", "changed", True)],
        ),
        (lambda c: method(c, "list").update(scopes=[]), [(f"{LIST}/scopes", "changed", False)]),
        (
            lambda c: method(c, "create").update(annotations={"destructive": True}),
            [(f"{CREATE}/annotations/destructive", "changed", True)],
        ),
        (
            lambda c: method(c, "create").update(annotations={"idempotent": True}),
            [(f"{CREATE}/annotations/idempotent", "changed", False)],
        ),
        (lambda c: c["config"].update(label="N"), [("/config/label", "changed", False)]),
        (
            lambda c: c["config"].update(base_url="https://other.example"),
            [("/config/base_url", "changed", False)],
        ),
        (
            lambda c: c["config"]["credentials"].append({"kind": "api_key"}),
            [("/config/credentials", "changed", False)],
        ),
        (
            lambda c: c["config"].update(credentials=[{"kind": "basic"}]),
            [("/config/credentials", "changed", True)],
        ),
        (
            lambda c: c["documentation"][1].update(strict_output=True),
            [("/tools/get_single_notes_note_by_id/output", "added", False)],
        ),
    ],
)
def test_one_edit_is_one_change_with_the_right_weight(
    notes: Content, edit: Edit, expected: list[tuple[str, str, bool]]
) -> None:
    """Breaking is what can make a call fail that worked, or asks for more than before."""
    assert changes(notes, edit) == expected


def test_an_output_may_become_narrower_but_not_wider(notes: Content) -> None:
    """A reader of the answer breaks when a member it counted on may be missing."""
    notes["documentation"][1]["strict_output"] = True
    output = "/tools/get_single_notes_note_by_id/output"

    def require(content: Content, names: list[str]) -> None:
        content["documentation"][1]["response_schema"]["required"] = names

    assert changes(notes, lambda c: require(c, ["id"])) == [(output, "changed", True)]
    more = ["id", "title", "text"]
    assert changes(notes, lambda c: require(c, more)) == [(output, "changed", False)]


def test_breaking_changes_come_first(notes: Content) -> None:
    """Then the order of the paths."""

    def edit(content: Content) -> None:
        content["config"]["label"] = "N"
        query(content).pop("label")
        content["documentation"].pop()

    found = changes(notes, edit)
    assert [breaking for _, _, breaking in found] == [True, True, False]
    assert found == sorted(found, key=lambda change: (not change[2], change[0]))


PROPERTIES = st.dictionaries(
    st.sampled_from(["a", "b", "c", "d"]),
    st.fixed_dictionaries(
        {"type": st.sampled_from(["string", "integer"])},
        optional={"description": st.sampled_from(["x", "y"]), "enum": st.just(["k"])},
    ),
    max_size=4,
)
METHODS = st.sets(st.integers(0, 5), min_size=1)


def edited(notes: Content, properties: Content, kept: set[int]) -> Content:
    """The notes with other properties, and only some of the records."""
    content = copy.deepcopy(notes)
    content["documentation"][0]["query_schema"] = {"type": "object", "properties": properties}
    content["documentation"] = [r for i, r in enumerate(content["documentation"]) if i in kept]
    return content


FLIPPED = {"added": "removed", "removed": "added", "changed": "changed"}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(PROPERTIES, METHODS, PROPERTIES, METHODS)
def test_a_diff_is_empty_exactly_between_equals_and_turns_around(  # strategies
    notes: Content, one: Content, some: set[int], two: Content, others: set[int]
) -> None:
    """No change without a difference, and the way back has the same paths, flipped."""
    before = compile_content(edited(notes, one, some))
    after = compile_content(edited(notes, two, others))
    assert diff(before, before) == []
    forth, back = diff(before, after), diff(after, before)

    def turned(change: Change) -> tuple[str, str, Any, Any]:
        return change.path, FLIPPED[change.kind], change.after, change.before

    assert sorted(map(repr, map(turned, forth))) == sorted(
        repr((change.path, change.kind, change.before, change.after)) for change in back
    )
