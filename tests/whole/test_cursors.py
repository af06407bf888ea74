"""Cursors over the whole app: ours open only for the list they were made for."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from tests.support.items import LIST
from tests.support.lab import rule
from tests.support.whole import (
    CREDENTIALS,
    WAYS,
    Call,
    Door,
    Era,
    Met,
    World,
    refused,
    sent_once,
    succeeded,
    withheld,
)

from mcpassport.upstream.outcome import NOTE_REPEATED

pytestmark = pytest.mark.asyncio(loop_scope="module")

JSON = ["Content-Type", "application/json"]
STYLES = ["pages", "links", "nexts"]
"""Resources whose cursors are made here, by the style of their paging."""


def tool(style: str) -> str:
    return f"list_all_lab_{style}"


def first_page(app: World, style: str, target: str | None = None) -> dict[str, Any]:
    """The lab answers two records and, in the style's own way, that there are more."""
    url = target or f"{app.lab.origin}/v1/{style}?after=two&limit=2"
    body = {"pages": '{"data":[1,2]}', "links": '{"data":[1,2]}'}.get(
        style, f'{{"data":[1,2],"next":"{url}"}}'
    )
    link = [["Link", f'<{url}>; rel="next"']] if style == "links" else []
    return rule("/*", body, headers=[JSON, *link])


async def cursor_of(app: World, style: str, server: str = "acme", **more: Any) -> str:
    """The cursor of the second page."""
    call = Call(tool(style), {"limit": 2, **more})
    page = succeeded(await app.call(WAYS[0], call, first_page(app, style), server=server))
    assert page["result"] == [1, 2]
    cursor: str = page["next_cursor"]
    return cursor


@pytest.mark.parametrize("way", WAYS, ids="-".join)
@pytest.mark.parametrize("style", STYLES)
async def test_an_honest_cursor_opens_its_page(
    app: World, style: str, way: tuple[Door, Era]
) -> None:
    """Sent back unchanged with the same arguments, it leads to the next page."""
    cursor = await cursor_of(app, style, text="a b")
    assert "two" not in cursor
    call = Call(tool(style), {"limit": 2, "text": "a b", "next_cursor": cursor})
    met = await app.call(way, call, rule("/*", '{"data":[3]}', headers=[JSON]))
    assert succeeded(met) == {"result": [3], "next_cursor": None}
    (seen,) = met.upstream
    wanted = "limit=2" if style == "pages" else "after=two&limit=2"
    assert wanted in seen.target
    assert ("page=2" in seen.target) == (style == "pages")


def flipped(cursor: str) -> str:
    """One character changed, in the middle."""
    at = len(cursor) // 2
    return cursor[:at] + ("A" if cursor[at] != "A" else "B") + cursor[at + 1 :]


FORGED: dict[str, Callable[[str], str]] = {
    "made up": lambda _: "2",
    "a number of a page": lambda _: "page=99",
    "a query": lambda _: "after=x&admin=1",
    "a URL": lambda _: "http://evil.example/?a=1",
    "Base64 of nothing": lambda _: "AAAA",
    "one character changed": flipped,
    "cut off": lambda cursor: cursor[:-4],
    "longer": lambda cursor: cursor + "AAAA",
    "twice": lambda cursor: cursor * 2,
    "in lower case": str.lower,
    "not ASCII": lambda cursor: cursor[:-1] + "é",
    "controls": lambda cursor: cursor + "\r\n\0",
    "16,000 characters": lambda _: "A" * 16_000,
}


def no_cursor(met: Met, era: Era) -> None:
    """An argument error that does not tell why the cursor does not open."""
    withheld(met, "invalid_arguments", era)
    text = met.response.json()["result"]["content"][0]["text"]
    assert "next_cursor is not a cursor of this list with these arguments" in text


@pytest.mark.parametrize("way", WAYS, ids="-".join)
@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("row", FORGED)
async def test_a_forged_cursor_is_an_argument_error(
    app: World, row: str, style: str, way: tuple[Door, Era]
) -> None:
    """Made up, changed, cut or repeated: nothing is sent, and every forgery reads the same."""
    forged = FORGED[row](await cursor_of(app, style))
    call = Call(tool(style), {"limit": 2, "next_cursor": forged})
    no_cursor(await app.call(way, call, first_page(app, style)), way[1])


class Elsewhere(NamedTuple):
    """Where a cursor of `pages` with limit 2 and text `a` is tried."""

    style: str = "pages"
    server: str = "acme"
    limit: int = 2
    text: str | None = "a"


ELSEWHERE = {
    "another account": Elsewhere(server="second"),
    "another tenant": Elsewhere(server="globex"),
    "another method": Elsewhere(style="links"),
    "another limit": Elsewhere(limit=3),
    "another argument": Elsewhere(text="b"),
    "without the argument": Elsewhere(text=None),
}


@pytest.mark.parametrize("way", WAYS, ids="-".join)
@pytest.mark.parametrize("row", ELSEWHERE)
async def test_a_cursor_is_bound_to_its_call(app: World, row: str, way: tuple[Door, Era]) -> None:
    """An honest cursor does not open for another account, method, or other arguments."""
    if "second" not in app.servers:
        second = await app.connect("acme", CREDENTIALS["acme"], "lab")
        app.servers["second"] = await app.house.server(second)
    cursor = await cursor_of(app, "pages", text="a")
    style, server, limit, text = ELSEWHERE[row]
    given = {"limit": limit, "text": text, "next_cursor": cursor}
    arguments = {name: value for name, value in given.items() if value is not None}
    met = await app.call(way, Call(tool(style), arguments), first_page(app, style), server=server)
    no_cursor(met, way[1])


async def test_a_cursor_opens_on_every_server_of_its_account(app: World) -> None:
    """It is bound to the account, not to the token that listed first."""
    app.servers["other token"] = await app.house.server(app.accounts["acme"])
    cursor = await cursor_of(app, "pages")
    call = Call(tool("pages"), {"limit": 2, "next_cursor": cursor})
    met = await app.call(WAYS[0], call, first_page(app, "pages"), server="other token")
    assert succeeded(met)["result"] == [1, 2]


TARGETS = [
    "http://evil.example/v1/{style}?after=two",
    "//evil.example/v1/{style}?after=two",
    "http://169.254.169.254/v1/{style}?after=two",
    "/v1/other?after=two",
    "/v1/{style}/../admin?after=two",
    "/v1/{style}/?after=two",
    "../admin?after=two",
    "javascript:alert(1)",
    "http://[",
    "?after=" + "x" * 9_000,
]


@pytest.mark.parametrize("style", ["links", "nexts"])
@pytest.mark.parametrize("target", TARGETS, ids=lambda text: text[:30])
async def test_a_next_page_elsewhere_is_malformed(app: World, style: str, target: str) -> None:
    """A next page on another host or path is refused as it arrives; it never becomes a cursor."""
    page = first_page(app, style, target.format(style=style))
    met = await app.call(WAYS[0], Call(tool(style), {"limit": 2}), page)
    over_header = style == "links" and len(target) > 8_000  # no header of a response is so long
    kind = "upstream_unreachable" if over_header else "malformed_upstream_response"
    sent_once(met, kind, "legacy")
    assert b"evil" not in met.response.body


@pytest.mark.parametrize("style", ["links", "nexts"])
async def test_only_the_query_of_a_next_page_is_kept(app: World, style: str) -> None:
    """Another scheme or port in it is ignored: the next request goes where the method goes."""
    target = f"https://127.0.0.1:1/v1/{style}?after=two"
    page = first_page(app, style, target)
    met = await app.call(WAYS[0], Call(tool(style), {"limit": 2}), page)
    cursor = succeeded(met)["next_cursor"]
    met = await app.call(WAYS[0], Call(tool(style), {"limit": 2, "next_cursor": cursor}), page)
    assert [seen.target for seen in met.upstream] == [f"/v1/{style}?after=two"]


VERBATIM = ["plain", "a&b=c", "../../x", "{{context.host}}", "é😀", "a\r\nb", "x" * 16_384]


@pytest.mark.parametrize("way", WAYS, ids="-".join)
@pytest.mark.parametrize("cursor", VERBATIM, ids=lambda text: ascii(text)[:20])
async def test_an_upstream_cursor_is_one_query_value(
    app: World, cursor: str, way: tuple[Door, Era]
) -> None:
    """Cursors of the upstream's own travel verbatim, as one encoded value, or not at all."""
    met = await app.call(
        way, Call(LIST, {"next_cursor": cursor}), rule("/*", '{"data":[]}', headers=[JSON])
    )
    if len(cursor) > 16_000:
        withheld(met, "invalid_arguments", way[1])
        return
    succeeded(met)
    (seen,) = met.upstream
    assert seen.target.startswith("/v1/items?after=")
    assert set(seen.target) & set("\r\n {}") == set()
    assert seen.target.count("&") == 0


@pytest.mark.parametrize("way", WAYS, ids="-".join)
@pytest.mark.parametrize("cursor", ["", 7, None, ["x"], "x" * 16_385])
async def test_a_cursor_that_is_none_breaks_the_schema(
    app: World, cursor: Any, way: tuple[Door, Era]
) -> None:
    """Empty, long and ill-typed cursors are refused before anything is intended."""
    refused(await app.call(way, Call(LIST, {"next_cursor": cursor})), "invalid_arguments", way[1])


@pytest.mark.parametrize("style", ["links", "nexts"])
async def test_a_made_cursor_that_leads_to_itself_is_noted(app: World, style: str) -> None:
    """The page that is reached by a cursor leads to that cursor again: passed on, with a note."""
    cursor = await cursor_of(app, style)
    call = Call(tool(style), {"limit": 2, "next_cursor": cursor})
    met = await app.call(WAYS[0], call, first_page(app, style))
    assert succeeded(met)["next_cursor"]
    assert met.response.json()["result"]["_meta"]["mcpassport/notes"] == [NOTE_REPEATED]


@pytest.mark.parametrize("way", WAYS, ids="-".join)
@pytest.mark.parametrize(
    ("asked", "given", "noted"),
    [("two", '"two"', True), ("2", "2", True), ("two", '"three"', False), (None, '"two"', False)],
)
async def test_an_upstream_cursor_that_comes_back_is_noted(
    app: World, asked: str | None, given: str, noted: bool, way: tuple[Door, Era]
) -> None:
    """A repeated cursor is passed on as it is, in one request, and said to be one."""
    arguments = {} if asked is None else {"next_cursor": asked}
    body = f'{{"data":[1],"next":{given}}}'
    met = await app.call(way, Call(LIST, arguments), rule("/*", body, headers=[JSON]))
    assert succeeded(met) == {"result": [1], "next_cursor": given.strip('"')}
    meta = met.response.json()["result"].get("_meta", {})
    assert meta.get("mcpassport/notes") == ([NOTE_REPEATED] if noted else None)
    assert len(met.upstream) == 1
