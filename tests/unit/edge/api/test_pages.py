"""Listings: page by page, each object once, and no cursor that was not issued for them."""

from typing import Any

import pytest
from tests.support.deployment import Deployment, notes

COUNT = 7


async def listings(house: Deployment) -> dict[str, tuple[dict[str, str], int]]:
    """Every listing with its query, and how many objects it holds."""
    await house.push()
    for number in range(COUNT - 2):
        await house.made("/tenant", {"name": "T", "id": f"t{number}"})
        await house.account()
    account = await house.account()
    for number in range(COUNT):
        await house.server(account)
        content = notes()
        content["config"]["label"] = f"Notes {number}"
        await house.push(content)
    return {
        "/tenant": ({}, COUNT),
        "/integration": ({}, 1),
        "/integration/notes/versions": ({}, COUNT + 1),
        "/integrated-account": ({"tenant": "acme"}, COUNT - 1),
        f"/integrated-account/{account}/mcp": ({}, COUNT),
        "/api-token": ({}, 2),
        "/audit": ({"tenant": "acme"}, COUNT - 1 + COUNT + 1),
        "/event": ({"tenant": "acme"}, COUNT - 1 + COUNT + 1),
    }


async def walked(house: Deployment, path: str, query: Any, limit: int) -> list[Any]:
    """Every object of a listing, in pages of that size."""
    found: list[Any] = []
    cursor: str | None = None
    while True:
        more = {} if cursor is None else {"cursor": cursor}
        page = await house.read(path, limit=limit, **query, **more)
        assert set(page) == {"result", "next_cursor"}
        assert page["result"] or cursor is None
        assert len(page["result"]) <= limit
        found += page["result"]
        cursor = page["next_cursor"]
        if cursor is None:
            return found


async def test_pages_of_any_size_hold_every_object_once(house: Deployment) -> None:
    """The last page says so and is not empty, also when it is full."""
    for path, (query, count) in (await listings(house)).items():
        whole = await walked(house, path, query, 200)
        for limit in (1, 3, COUNT):
            assert await walked(house, path, query, limit) == whole
        if path not in {"/audit", "/event"}:
            assert len(whole) == count
        names = [str(item.get("id") or item.get("version") or item) for item in whole]
        assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    "cursor",
    [
        *("x", "AAAA", "WyJhIl0=", "eyJhIjoxfQ", "WzFd", "²", "-1", "1.5", "9" * 40, "", "%00"),
        *("WyIiLCIiLCIiXQ", "W10", "\udcff"),
    ],
)
async def test_a_cursor_that_was_not_issued_is_a_400_or_a_page(
    cursor: str, house: Deployment
) -> None:
    """Whatever comes as a cursor, no listing breaks on it, and a refusal says what to send."""
    sent = cursor.encode("utf-8", "surrogateescape")
    for path, query in (
        ("/tenant", {}),
        ("/integration", {}),
        ("/integrated-account", {"tenant": "acme"}),
        ("/api-token", {}),
        ("/audit", {}),
    ):
        answer = await house.send("GET", path, query={**query, "cursor": sent})
        assert answer.status in {200, 400}, (path, answer.body)
        if answer.status == 400:
            assert "next_cursor" in answer.json()["detail"]


@pytest.mark.parametrize("cursor", ["²", "-1", "1.5", "9" * 40, "x", " 1"])
async def test_the_cursor_of_the_audit_is_a_sequence(cursor: str, house: Deployment) -> None:
    """Digits of other scripts and numbers beyond the chain's are refused, not a fault."""
    assert (await house.send("GET", "/audit", query={"cursor": cursor})).status == 400


async def test_audit_rows_come_newest_first_or_from_the_start(house: Deployment) -> None:
    """Both directions show the same rows."""
    await house.push()
    for _ in range(3):
        await house.account()
    newest = await walked(house, "/audit", {"tenant": "acme"}, 2)
    oldest = await walked(house, "/audit", {"tenant": "acme", "oldest_first": "true"}, 2)
    assert newest == oldest[::-1]
    assert [row["sequence"] for row in oldest] == [1, 2, 3]
