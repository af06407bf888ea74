"""`/integration`: push, read, compare and roll back."""

from typing import Any

import pytest
from tests.support.deployment import Deployment, notes


def changed(**config: Any) -> dict[str, Any]:
    content = notes()
    content["config"] |= config
    return content


def broken() -> dict[str, Any]:
    """The notes integration with ten mistakes."""
    content = notes()
    config = content["config"]
    config["colour"] = "red"  # 1 unknown member
    config["base_url"] = "api.notes.example"  # 2 no address
    config["errors"] = "$exists("  # 3 no JSONata
    config["credentials"][0]["fields"][0]["pattern"] = "("  # 4 no pattern
    methods = config["resources"]["notes"]["methods"]
    methods["get"]["http"] = "FETCH"  # 5 no such method
    methods["create"]["path"] = "notes"  # 6 no leading slash
    methods["update"]["annotations"] = {"destructive": "maybe"}  # 7 no truth value
    methods["delete"]["path"] = "/notes/{{args.id"  # 8 unfinished placeholder
    content["documentation"][0]["query_schema"] = "none"  # 9 no JSON Schema
    content["documentation"].append({"resource": "notes", "method": "get"})  # 10 twice
    return content


async def test_a_push_is_live_at_once_and_reads_back_whole(house: Deployment) -> None:
    """Head, version list and version show it; the content is what was pushed."""
    made = await house.push({**notes(), "note": "first"})
    assert (made["name"], made["version"], made["note"]) == ("notes", 1, "first")
    assert made["pushed_by"] == "tok_admin"
    head = await house.read("/integration/notes")
    assert (head["version"], head["digest"], head["label"]) == (1, made["digest"], "Notes")
    assert (await house.read("/integration"))["result"] == [head]
    (listed,) = (await house.read("/integration/notes/versions"))["result"]
    assert listed == made
    assert listed["config"] is None
    whole = await house.read("/integration/notes/versions/1")
    assert {name: whole[name] for name in ("config", "documentation")} == notes()


async def test_the_same_content_makes_no_new_version(house: Deployment) -> None:
    """Neither a version nor an event."""
    first = await house.push()
    assert await house.push() == first
    assert [row.action for row in await house.rows()] == ["integration.push"]


async def test_every_mistake_of_a_push_is_told_at_once(house: Deployment) -> None:
    """Ten mistakes, ten places, each with how to mend it; nothing is stored."""
    answer = await house.send("POST", "/integration", body=broken())
    document = answer.json()
    assert (answer.status, document["type"]) == (400, "invalid_integration")
    places = {problem["where"] for problem in document["problems"]}
    for part in (
        *("/colour", "/base_url", "/errors", "/pattern", "methods/get/http"),
        *("methods/create/path", "update/annotations", "methods/delete/path"),
        *("/documentation/0/", "/documentation/6"),
    ):
        assert [place for place in places if part in place], (part, sorted(places))
    assert all(problem["message"] for problem in document["problems"])
    assert (await house.send("GET", "/integration/notes")).status == 404
    assert await house.rows() == []


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"config": {}, "documentation": []},
        {"config": [], "documentation": {}},
        {"config": {"name": "notes"}},
        {"config": {"name": 1}, "documentation": []},
        {"config": {"name": "../x", "format": 1}, "documentation": [1]},
        {"config": {"name": "notes", "format": 1, "resources": 2**70}, "documentation": []},
    ],
)
async def test_a_content_of_any_shape_is_refused_not_broken_on(
    content: Any, house: Deployment
) -> None:
    """Empty, of the wrong kinds, with numbers beyond JSON's safe ones: a 400 with problems."""
    answer = await house.send("POST", "/integration", body=content)
    assert answer.status == 400, answer.body
    assert answer.json()["problems"]


async def test_a_push_can_insist_on_the_version_it_started_from(house: Deployment) -> None:
    """Zero means none yet; another live version is a conflict that names it."""
    await house.made("/integration", {**notes(), "expect_version": 0})
    later = {**changed(label="Second"), "expect_version": 1}
    assert (await house.made("/integration", later))["version"] == 2
    stale = {**changed(label="Third"), "expect_version": 1}
    answer = await house.send("POST", "/integration", body=stale)
    assert (answer.status, "Version 2 is live" in answer.json()["detail"]) == (409, True)


async def test_versions_are_compared_with_breaking_changes_first(house: Deployment) -> None:
    """A removed method breaks, a new label does not; the same version has no difference."""
    await house.push()
    content = changed(label="Notes 2")
    del content["config"]["resources"]["notes"]["methods"]["archive"]
    content["documentation"] = [
        record for record in content["documentation"] if record["method"] != "archive"
    ]
    await house.push(content)
    document = await house.read("/integration/notes/diff", a=1, b=2)
    flags = [change["breaking"] for change in document["changes"]]
    assert flags == sorted(flags, reverse=True)
    assert flags[0]
    assert not flags[-1]
    assert (await house.read("/integration/notes/diff", a=2, b=2))["changes"] == []
    for query in ({"a": 1, "b": 3}, {"a": 9, "b": 1}):
        answer = await house.send("GET", "/integration/notes/diff", query=query)
        assert answer.status == 404
    for wrong in ({"a": 1}, {"a": 0, "b": 1}, {"a": "x", "b": 1}):
        assert (await house.send("GET", "/integration/notes/diff", query=wrong)).status == 400


async def test_a_rollback_is_a_new_version_of_old_content(house: Deployment) -> None:
    """History only grows, and tools are those of the old version again."""
    first = await house.push()
    await house.push(changed(label="Second"))
    back = await house.made("/integration/notes/rollback", {"version": 1})
    assert (back["version"], back["digest"]) == (3, first["digest"])
    assert (await house.read("/integration/notes"))["label"] == "Notes"
    assert (await house.read("/integration/notes/diff", a=1, b=3))["changes"] == []
    for wrong, status in (({"version": 9}, 404), ({"version": 0}, 400), ({}, 400)):
        answer = await house.send("POST", "/integration/notes/rollback", body=wrong)
        assert answer.status == status
    actions = [row.action for row in await house.rows()]
    assert actions == ["integration.push", "integration.push", "integration.rollback"]


async def test_what_does_not_exist_is_a_404(house: Deployment) -> None:
    """Integration, version, and the routes below an unknown one."""
    await house.push()
    for path in (
        *("/integration/crm", "/integration/crm/versions", "/integration/crm/versions/1"),
        *("/integration/notes/versions/2", "/integration/notes/versions/0"),
        "/integration/notes/versions/-1",
    ):
        assert (await house.send("GET", path)).status == 404
    assert (await house.send("GET", "/integration/notes/versions/one")).status == 400
