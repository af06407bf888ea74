"""A load reports everything at once, or makes an integration."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from mcpassport.integrations.compile import content_digest
from mcpassport.integrations.lint import Report, check
from mcpassport.integrations.load import load_content, load_folder

Content: TypeAlias = dict[str, Any]
WriteFolder: TypeAlias = Callable[[Mapping[str, str]], Path]

CASES = sorted((Path(__file__).parents[2] / "cases" / "integrations").iterdir())


def printed(report: Report) -> str:
    """The report as the golden files hold it."""
    lines = [f"score {report.score}"]
    for finding in report.findings:
        method = f"[{finding.resource}.{finding.method}]"
        lines += [
            f"{finding.severity} {finding.rule} {finding.where} {method}",
            f"  {finding.message}",
            f"  {finding.mend}",
        ]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("folder", CASES, ids=lambda path: path.name)
def test_a_folder_with_mistakes_is_answered_with_all_of_them(folder: Path) -> None:
    """Every finding, with severity, rule, file, line and mend, is the one in expected.txt."""
    expected = (folder / "expected.txt").read_text(encoding="utf-8")
    assert printed(check(load_folder(folder))) == expected


def test_a_good_folder_loads_without_a_finding(notes_folder: Path) -> None:
    """The notes fixture is clean, scores 100, and becomes six tools."""
    loaded = load_folder(notes_folder)
    report = check(loaded)
    assert loaded.integration is not None
    assert not report.findings
    assert report.score == 100
    assert report.catalog is not None
    assert len(report.catalog.tools) == 6


def test_a_folder_and_its_content_are_the_same_integration(
    notes_folder: Path, notes: Content
) -> None:
    """What is pushed over the API as one document compiles to what the folder compiles to."""
    assert load_content(notes).integration == load_folder(notes_folder).integration


def test_over_the_api_a_finding_carries_a_json_pointer(notes: Content) -> None:
    """Where there is no file, the place is an RFC 6901 pointer into the document."""
    notes["config"]["resources"]["notes"]["methods"]["get"]["pth"] = "/x"
    notes["documentation"][0]["descripton"] = "x"
    loaded = load_content(notes)
    assert loaded.integration is None
    assert [finding.where for finding in loaded.findings] == [
        "/config/resources/notes/methods/get/pth",
        "/documentation/0/descripton",
    ]
    assert "Did you mean 'path'?" in loaded.findings[0].mend
    assert (loaded.findings[0].resource, loaded.findings[0].method) == ("notes", "get")
    assert (loaded.findings[1].resource, loaded.findings[1].method) == ("notes", "list")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (2**53, "2^53"),
        (-(2**53), "2^53"),
        (10**400, "2^53"),
        (float("nan"), "not finite"),
        (float("inf"), "not finite"),
        ("\ud800", "surrogate"),
    ],
)
def test_values_that_no_digest_could_cover_are_refused(
    notes: Content, value: Any, said: str
) -> None:
    """Numbers beyond 2^53-1, NaN and half characters are errors with their place."""
    notes["documentation"][0]["query_schema"]["properties"]["label"]["default"] = value
    loaded = load_content(notes)
    assert loaded.integration is None
    place = "/documentation/0/query_schema/properties/label/default"
    assert [finding.where for finding in loaded.findings] == [place]
    assert said in loaded.findings[0].message


@pytest.mark.parametrize("content", [{}, {"config": None}, {"config": {}, "documentation": {}}])
def test_nonsense_is_answered_with_findings(content: Content) -> None:
    """No shape of a document raises."""
    loaded = load_content(content)
    assert loaded.integration is None
    assert loaded.findings


def test_nesting_without_end_is_answered_with_a_finding(notes: Content) -> None:
    """A document deeper than the bound is refused, not recursed into."""
    deep: Any = "x"
    for _ in range(200):
        deep = [deep]
    notes["documentation"][0]["examples"] = [{"arguments": {"x": deep}}]
    loaded = load_content(notes)
    assert loaded.integration is None
    assert "levels" in loaded.findings[0].message


def test_tool_names_that_collide_are_refused(notes: Content) -> None:
    """Two methods that would become one tool make the integration unusable."""
    resources = notes["config"]["resources"]
    resources["memos"] = {"singular": "note", "methods": {"get": {"http": "GET", "path": "/m"}}}
    loaded = load_content(notes)
    assert loaded.integration is None
    assert [finding.where for finding in loaded.findings] == ["/config/resources/memos/methods/get"]
    assert "get_single_notes_note_by_id" in loaded.findings[0].message


def test_records_are_still_checked_when_the_config_cannot_be_read(
    write_folder: WriteFolder,
) -> None:
    """Broken YAML in one file hides nothing of the others."""
    folder = write_folder(
        {"integration.yaml": "name: [", "docs/a.yaml": "- {resource: a, methd: list}"}
    )
    loaded = load_folder(folder)
    assert {finding.where for finding in loaded.findings} == {"integration.yaml:2", "docs/a.yaml:1"}
    assert sum("'method" in finding.mend for finding in loaded.findings) == 2


def test_the_digest_is_that_of_the_content_and_nothing_else(notes: Content) -> None:
    """Key order does not matter to it; any value does."""
    shuffled = {
        "documentation": notes["documentation"],
        "config": dict(reversed(notes["config"].items())),
    }
    assert content_digest(shuffled) == content_digest(notes)
    changed = {**notes, "config": {**notes["config"], "label": "Other notes"}}
    assert content_digest(changed) != content_digest(notes)


def test_an_error_of_a_recorded_example_has_its_place(write_folder: WriteFolder) -> None:
    """The files under examples/ are checked like the others."""
    folder = write_folder(
        {
            "integration.yaml": """
                format: 1
                name: x
                label: X
                base_url: https://x.example
                credentials: [{kind: bearer}]
                authorization: {kind: bearer}
                resources: {a: {methods: {get: {http: GET, path: '/a/{{args.id}}'}}}}
                """,
            "docs/a.yaml": "- {resource: a, method: get, description: Returns one of them whole.}",
            "examples/a.yaml": "- {resource: a, method: get, args: {id: '1'}}",
        }
    )
    loaded = load_folder(folder)
    assert [finding.where for finding in loaded.findings] == ["examples/a.yaml:1"]
    assert loaded.integration is None


def test_a_record_without_a_description_drops_its_method(notes: Content) -> None:
    """The key may be missing altogether: the quality gate says so, and the rest is served."""
    record = notes["documentation"][0]
    del record["description"]
    report = check(load_content(notes))
    assert [(each.rule, f"{each.resource}.{each.method}") for each in report.findings] == [
        ("empty_description", f"{record['resource']}.{record['method']}")
    ]
