"""What is omitted is inherited; what is stated wins; the hints follow the method."""

from typing import Any, TypeAlias

import pytest

from mcpassport.integrations.compile import annotations_of, compile_content
from mcpassport.records.integration import Annotations, Method, Pagination

Content: TypeAlias = dict[str, Any]


def compiled(content: Content, name: str) -> Method:
    """One method of the notes."""
    methods = compile_content(content, 3).methods
    return next(method for method in methods if method.method == name)


def test_a_method_inherits_what_it_does_not_state(notes: Content) -> None:
    """Headers and query are merged by name, headers without regard to case."""
    notes["config"] |= {"query": {"locale": "en", "v": 1}, "timeout_s": 20}
    method = notes["config"]["resources"]["notes"]["methods"]["get"]
    method |= {"headers": {"accept": "text/plain", "X-A": "1"}, "query": {"v": 2}}
    found = compiled(notes, "get")
    assert found.headers == {"accept": "text/plain", "X-A": "1"}
    assert found.query == {"locale": "en", "v": 2}
    assert found.timeout_s == 20
    assert found.errors == notes["config"]["errors"]
    assert compiled(notes, "list").headers == {"Accept": "application/json"}


def test_a_written_null_takes_an_inherited_value_away(notes: Content) -> None:
    """`errors: null` is a statement, unlike no `errors` at all."""
    methods = notes["config"]["resources"]["notes"]["methods"]
    methods["get"]["errors"] = None
    methods["list"]["pagination"] = None
    assert compiled(notes, "get").errors is None
    assert compiled(notes, "update").errors is not None
    assert compiled(notes, "list").pagination == Pagination("none")


def test_only_lists_inherit_the_pagination(notes: Content) -> None:
    """Another method pages when it says so itself."""
    notes["config"]["resources"]["notes"]["methods"]["archive"]["pagination"] = {
        "kind": "page",
        "page_param": "p",
    }
    assert compiled(notes, "list").pagination.kind == "cursor"
    assert compiled(notes, "get").pagination.kind == "none"
    assert compiled(notes, "archive").pagination == Pagination("page", page_param="p")


def test_tags_of_resource_and_method_are_united(notes: Content) -> None:
    """Each tag once, those of the resource first."""
    method = notes["config"]["resources"]["notes"]["methods"]["archive"]
    method["tags"] = ["archive", "content", "old"]
    assert compiled(notes, "archive").tags == ("content", "archive", "old")


def test_defaults_of_the_integration_are_filled_in(notes: Content) -> None:
    """Labels, singulars and credential fields that nobody wrote have sensible values."""
    notes["config"]["credentials"] = [{"kind": "basic"}, {"kind": "api_key"}]
    notes["config"]["resources"]["api-keys"] = {"methods": {}}
    notes["config"]["base_url"] = "https://x.example/v1/"
    found = compile_content(notes)
    assert [[field.name for field in item.fields] for item in found.credentials] == [
        ["username", "password"],
        ["key"],
    ]
    assert (found.resources[1].label, found.resources[1].singular) == ("Api keys", "api-keys")
    assert found.base_url == "https://x.example/v1"


@pytest.mark.parametrize(
    ("method", "http", "hints"),
    [
        ("list", "GET", (True, False, True)),
        ("get", "GET", (True, False, True)),
        ("list", "POST", (True, False, True)),
        ("create", "POST", (False, False, False)),
        ("create", "PUT", (False, False, True)),
        ("update", "PATCH", (False, True, False)),
        ("update", "PUT", (False, True, True)),
        ("delete", "DELETE", (False, True, True)),
        ("search", "GET", (True, False, True)),
        ("archive", "POST", (False, True, False)),
    ],
)
def test_hints_follow_from_name_and_http_method(
    method: str, http: str, hints: tuple[bool, bool, bool]
) -> None:
    """Reading is harmless; of a custom method that is no GET the worst is assumed."""
    assert annotations_of(method, http, {}) == Annotations(*hints, open_world=True)


def test_stated_hints_win() -> None:
    """One stated hint leaves the others to the method; read-only implies the rest."""
    stated = annotations_of("archive", "POST", {"destructive": False, "open_world": False})
    assert stated == Annotations(False, False, False, False)
    assert annotations_of("search", "POST", {"read_only": True}) == Annotations(True, False, True)
