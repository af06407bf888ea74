"""What every paging style must hold: each record once, in order, and cursors that fit one list."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.support.upstreams import World, make_account, make_tool, response
from yarl import URL

from mcpassport.errors import (
    ExpressionFailed,
    InvalidArguments,
    MalformedUpstreamResponse,
    UpstreamRejected,
)
from mcpassport.limits import NEXT_CURSOR_MAX_CHARS
from mcpassport.records.calls import OutboundRequest, OutboundResponse
from mcpassport.records.grants import Account
from mcpassport.records.integration import Pagination
from mcpassport.records.tool import Route, Tool
from mcpassport.upstream.outcome import NOTE_REPEATED
from mcpassport.upstream.paging import PAGINATIONS
from mcpassport.upstream.paging.link_header import next_target

SIZE = 2
Page = tuple[list[int], bool, int]
"""Records, whether more follow, and where they would begin."""


def size_of(request: OutboundRequest) -> int:
    asked = dict(request.headers).get("Range")
    if asked is None:
        return int(URL(request.url).query.get("per", SIZE))
    first, _, last = asked.removeprefix("items=").partition("-")
    return int(last) - int(first) + 1


def page(records: list[int], request: OutboundRequest, start: int) -> Page:
    size = size_of(request)
    return records[start : start + size], start + size < len(records), start + size


def by_cursor(records: list[int], request: OutboundRequest) -> OutboundResponse:
    found, more, after = page(records, request, int(URL(request.url).query.get("after", "0")))
    paging = {"next": f"{after}"} if more else {}
    return response({"data": found, "paging": paging})


def by_page(records: list[int], request: OutboundRequest) -> OutboundResponse:
    query = URL(request.url).query
    start = (int(query["page"]) - 1) * int(query.get("per", SIZE))
    return response({"data": page(records, request, start)[0]})


def next_of(records: list[int], request: OutboundRequest) -> tuple[list[int], str | None]:
    url = URL(request.url)
    found, more, after = page(records, request, int(url.query.get("_token", "0")))
    return found, str(url.update_query({"_token": str(after)})) if more else None


def by_link(records: list[int], request: OutboundRequest) -> OutboundResponse:
    found, following = next_of(records, request)
    links = [("link", '<https://api.example.com/docs>; rel="help"')]
    links += [("link", f'<{following}>; title="a, b"; rel="last next"')] if following else []
    return response({"data": found}, headers=links)


def by_header(records: list[int], request: OutboundRequest) -> OutboundResponse:
    found, following = next_of(records, request)
    return response({"data": found}, headers=[("next-page", following)] if following else [])


def by_body(records: list[int], request: OutboundRequest) -> OutboundResponse:
    found, following = next_of(records, request)
    relative = None if following is None else "?" + URL(following).raw_query_string
    return response({"data": found, "links": {"next": relative}})


def by_offset(records: list[int], request: OutboundRequest) -> OutboundResponse:
    found, more, after = page(records, request, int(URL(request.url).query["skip"]))
    told = {"total": len(records), "next": after if more else None}
    return response({"data": found, **told})


def by_range(records: list[int], request: OutboundRequest) -> OutboundResponse:
    """As RFC 9110 has it: no record at all is a range that cannot be satisfied."""
    headers = dict(request.headers)
    start = int(headers["Range"].removeprefix("items=").partition("-")[0])
    if start >= len(records):
        return response({}, 416, [("content-range", f"items */{len(records)}")])
    found = page(records, request, start)[0]
    told = f"items {start}-{start + len(found) - 1}/{len(records)}"
    return response({"data": found}, 206, [("content-range", told)])


def by_postgrest(records: list[int], request: OutboundRequest) -> OutboundResponse:
    """As PostgREST answers where nobody asked for a count."""
    headers = dict(request.headers)
    assert headers["Range-Unit"] == "items"
    start = int(headers["Range"].partition("-")[0])
    found = page(records, request, start)[0]
    told = f"{start}-{start + len(found) - 1}/*" if found else "*/*"
    return response({"data": found}, headers=[("content-range", told)])


def by_expression(records: list[int], request: OutboundRequest) -> OutboundResponse:
    """A position in a header, the answer's own way of telling the next one."""
    position = dict(request.headers)["X-Position"]
    assert URL(request.url).query["mode"] == "walk"
    found, more, after = page(records, request, int(position.removeprefix("at ")))
    return response({"data": found}, headers=[("x-next", f"at {after}")] if more else [])


def by_none(records: list[int], _request: OutboundRequest) -> OutboundResponse:
    return response({"data": records})


Simulated = Callable[[list[int], OutboundRequest], OutboundResponse]
STYLES: dict[str, tuple[Pagination, Simulated]] = {
    "cursor": (Pagination("cursor", "per", "after", "paging.next"), by_cursor),
    "page": (Pagination("page", "per", page_param="page", default_limit=SIZE), by_page),
    "link_header": (Pagination("link_header", "per"), by_link),
    "next_url header": (Pagination("next_url", "per", next_header="Next-Page"), by_header),
    "next_url body": (Pagination("next_url", "per", next_path="links.next"), by_body),
    "offset": (Pagination("offset", "per", offset_param="skip", default_limit=SIZE), by_offset),
    "offset next": (Pagination("offset", "per", offset_param="skip", next_path="next"), by_offset),
    "offset total": (
        Pagination("offset", "per", offset_param="skip", total_path="total"),
        by_offset,
    ),
    "range": (Pagination("range", default_limit=SIZE), by_range),
    "range unit_header": (Pagination("range", default_limit=SIZE, unit_header=True), by_postgrest),
    "expression": (
        Pagination(
            "expression",
            default_limit=SIZE,
            first='{"headers": {"X-Position": "at 0"}, "query": {"per": limit, "mode": "walk"}}',
            next='headers."x-next" ? {"headers": {"X-Position": headers."x-next"},'
            ' "query": {"per": limit, "mode": "walk"}}',
            params=("per", "mode"),
        ),
        by_expression,
    ),
    "none": (Pagination("none"), by_none),
}
SEALED = [name for name in STYLES if PAGINATIONS[name.split()[0]].sealed]


def make_list(style: str, **method: Any) -> Tool:
    method = {"method": "list", "response_path": "data", **method}
    return make_tool(("q", "query"), ("n", "query"), pagination=STYLES[style][0], **method)


class Listing(World):
    """An upstream that serves these records in the way of a style."""

    def __init__(self, style: str, records: list[int]) -> None:
        super().__init__()
        self.tool = make_list(style)
        self.http.send = self.answer  # type: ignore[method-assign]  # the listing is the network
        self.seen: list[OutboundRequest] = []
        self._simulated = STYLES[style][1]
        self._records = records

    async def answer(self, request: OutboundRequest) -> OutboundResponse:
        self.seen.append(request)
        return self._simulated(self._records, request)

    async def turn(self, account: Account | None = None, /, **arguments: Any) -> Any:
        outcome = await self.call(self.tool, account, **arguments)
        if outcome.error is not None:
            raise outcome.error
        assert outcome.value is not None
        return json.loads(outcome.value)

    async def walk(self, **arguments: Any) -> list[list[int]]:
        pages: list[list[int]] = []
        more: dict[str, Any] = {}
        while True:
            answer = await self.turn(**arguments, **more)
            assert set(answer) == {"result", "next_cursor"}
            pages.append(answer["result"])
            if answer["next_cursor"] is None:
                return pages
            more = {"next_cursor": answer["next_cursor"]}


def test_every_style_is_simulated() -> None:
    """A new style must bring its simulation, or this suite would pass it by."""
    assert {name.split()[0] for name in STYLES} == set(PAGINATIONS)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 25])
@pytest.mark.parametrize("style", STYLES)
async def test_each_record_comes_once_and_in_order(style: str, count: int) -> None:
    """Following the cursors gives every record, and the last page has a null cursor."""
    listing = Listing(style, list(range(count)))
    pages = await listing.walk(q="a b&c=d")
    assert [record for found in pages for record in found] == list(range(count))
    assert len(listing.seen) == len(pages) <= count // SIZE + 1
    for request in listing.seen:
        assert URL(request.url).query["q"] == "a b&c=d"
        assert URL(request.url).host == "api.example.com"


@pytest.mark.parametrize("style", [name for name in STYLES if name != "none"])
async def test_the_limit_is_the_size_of_each_page(style: str) -> None:
    """The caller's `limit` reaches the upstream under its own name, on every page."""
    listing = Listing(style, list(range(7)))
    pages = await listing.walk(limit=3)
    assert [len(found) for found in pages] == [3, 3, 1]
    assert {size_of(request) for request in listing.seen} == {3}


@pytest.mark.parametrize("style", SEALED)
async def test_a_sealed_cursor_shows_nothing_and_cannot_be_changed(style: str) -> None:
    """Each flipped, cut, lengthened or invented cursor is an argument error; nothing is sent."""
    listing = Listing(style, list(range(9)))
    cursor = (await listing.turn(q="x"))["next_cursor"]
    assert "token" not in cursor
    other = {"A": "B"}.get(cursor[20], "A")
    forged = [cursor[:20] + other + cursor[21:], cursor[:-2], cursor + "AA", "2", "page=2", "é", ""]
    for wrong in forged:
        with pytest.raises(InvalidArguments) as caught:
            await listing.turn(q="x", next_cursor=wrong)
        assert caught.value.problems[0].where == "/next_cursor"
    assert len(listing.seen) == 1


@pytest.mark.parametrize("style", SEALED)
async def test_a_sealed_cursor_fits_one_list_only(style: str) -> None:
    """Another account, tenant, method, style or argument does not open it; the same call does."""
    listing = Listing(style, list(range(9)))
    cursor = (await listing.turn(q="x", n=2**60))["next_cursor"]
    for account in (make_account(id="acc2"), make_account(tenant="other")):
        with pytest.raises(InvalidArguments):
            await listing.turn(account, q="x", n=2**60, next_cursor=cursor)
    for others in ({"q": "y", "n": 2**60}, {"q": "x"}, {"q": "x", "n": 2**60, "limit": 2}):
        with pytest.raises(InvalidArguments):
            await listing.turn(**others, next_cursor=cursor)
    own = listing.tool
    for name in SEALED:
        listing.tool = make_list(name, resource="tasks" if name == style else "notes")
        if listing.tool.method.pagination.kind != own.method.pagination.kind or name == style:
            with pytest.raises(InvalidArguments):
                await listing.turn(q="x", n=2**60, next_cursor=cursor)
    listing.tool = own
    assert (await listing.turn(n=2**60, q="x", next_cursor=cursor))["result"] == [2, 3]


@pytest.mark.parametrize(
    "wrong",
    [
        "https://evil.example/v1/notes?_token=1",
        "https://api.example.com/v1/users?_token=1",
        "//evil.example/v1/notes?_token=1",
        "/v1/notes/../users?_token=1",
        "https://api.example.com@evil.example/v1/notes?_token=1",
        "https://api.example.com:x/",
        "mailto:a@example.com",
        "https://api.example.com/v1/notes?_token=" + "x" * 20_000,
    ],
)
@pytest.mark.parametrize("style", ["link_header", "next_url header", "next_url body"])
async def test_a_next_page_elsewhere_is_malformed(style: str, wrong: str) -> None:
    """Of a next URL only the query counts, and only when host and path are the method's."""
    answer = response(
        {"data": [1], "links": {"next": wrong}},
        headers=[("link", f'<{wrong}>; rel="next"'), ("next-page", wrong)],
    )
    outcome = await World(answer).call(make_list(style))
    assert isinstance(outcome.error, MalformedUpstreamResponse)


@pytest.mark.parametrize(
    "following", ["http://api.example.com:8080/v1/notes?_token=1", "notes?_token=1", "?_token=1"]
)
async def test_scheme_and_port_of_a_next_page_do_not_count(following: str) -> None:
    """A proxy's own scheme, or a relative URL, leads to the method's own address."""
    first = response({"data": [1]}, headers=[("next-page", following)])
    world = World(first, response({"data": [2]}))
    tool = make_list("next_url header")
    outcome = await world.call(tool)
    assert outcome.value is not None
    cursor = json.loads(outcome.value)["next_cursor"]
    await world.call(tool, next_cursor=cursor)
    assert world.http.requests[1].url == "https://api.example.com/v1/notes?_token=1"


async def test_a_credential_in_a_next_page_is_left_out() -> None:
    """The query value that the credential sets is not sent twice, nor in the open."""
    answer = response(
        {"data": [1]},
        headers=[("next-page", "https://api.example.com/v1/notes?key=S3CRET-key&_token=1")],
    )
    world = World(answer, response({"data": []}))
    tool = make_list("next_url header", query={"key": "{{credentials.key}}"})
    outcome = await world.call(tool)
    assert outcome.value is not None
    await world.call(tool, next_cursor=json.loads(outcome.value)["next_cursor"])
    second = world.http.requests[1]
    assert second.url == "https://api.example.com/v1/notes?_token=1"
    assert second.secret_query == (("key", "S3CRET-key"),)


@pytest.mark.parametrize(
    ("told", "cursor"),
    [("a/b=", "a/b="), (12345678901234567890, "12345678901234567890"), (None, None), ("", None)],
)
async def test_the_upstreams_own_cursor_is_verbatim(told: Any, cursor: str | None) -> None:
    """A text or a number is handed on and sent back as it was; nothing is null."""
    world = World(response({"data": [1], "paging": {"next": told}}), response({"data": []}))
    outcome = await world.call(make_list("cursor"))
    assert outcome.value is not None
    assert json.loads(outcome.value)["next_cursor"] == cursor
    if cursor is not None:
        await world.call(make_list("cursor"), next_cursor=cursor)
        assert URL(world.http.requests[1].url).query["after"] == cursor


@pytest.mark.parametrize("told", [True, [], {}, "x" * (NEXT_CURSOR_MAX_CHARS + 1)])
async def test_a_cursor_of_no_use_is_malformed(told: Any) -> None:
    """What could not be sent back is not handed out."""
    answer = response({"data": [1], "paging": {"next": told}})
    outcome = await World(answer).call(make_list("cursor"))
    assert isinstance(outcome.error, MalformedUpstreamResponse)


@pytest.mark.parametrize(("said", "cursor"), [('"z"', "z"), ("null", None), ('""', None)])
async def test_an_expressions_next_cursor_decides(said: str, cursor: str | None) -> None:
    """What the response expression gives is used in place of `cursor_path`."""
    source = f'{{"result": body.data, "next_cursor": {said}}}'
    tool = make_list("cursor", response=source)
    outcome = await World(response({"data": [1], "paging": {"next": "a"}})).call(tool)
    assert outcome.value is not None
    assert json.loads(outcome.value) == {"result": [1], "next_cursor": cursor}


async def test_a_list_of_one_page_takes_no_cursor() -> None:
    """No cursor was ever given out for it."""
    tool = make_tool(Route("next_cursor", "paging", "next_cursor"), method="list")
    world = World()
    assert isinstance((await world.call(tool, next_cursor="x")).error, InvalidArguments)
    assert not world.http.requests


@pytest.mark.parametrize(
    ("told", "number"), [(3, "3"), ("7", "7"), (True, "2"), (False, None), (None, None), ("", None)]
)
async def test_a_body_may_tell_the_next_page(told: Any, number: str | None) -> None:
    """With `next_path` a number is the page, a flag means the one after, nothing is the end."""
    paging = Pagination("page", page_param="page", next_path="more")
    tool = make_tool(method="list", response_path="data", pagination=paging)
    world = World(response({"data": [1], "more": told}), response({"data": []}))
    outcome = await world.call(tool)
    assert outcome.value is not None
    cursor = json.loads(outcome.value)["next_cursor"]
    assert (cursor is None) == (number is None)
    if cursor is not None:
        await world.call(tool, next_cursor=cursor)
        assert URL(world.http.requests[1].url).query["page"] == number


@pytest.mark.parametrize("told", ["/v1/notes?page=2", 1.5, -1, []])
async def test_a_next_page_that_is_no_number_is_malformed(told: Any) -> None:
    """A URL, a fraction or a list is no page number."""
    paging = Pagination("page", page_param="page", next_path="more")
    tool = make_tool(method="list", response_path="data", pagination=paging)
    outcome = await World(response({"data": [1], "more": told})).call(tool)
    assert isinstance(outcome.error, MalformedUpstreamResponse)


@pytest.mark.parametrize(
    ("paging", "body", "cursor"),
    [
        (Pagination("offset", offset_param="skip"), {"data": [1, 2]}, "2"),
        (Pagination("offset", offset_param="skip"), {"data": []}, None),
        (Pagination("offset", "n", offset_param="skip", default_limit=3), {"data": [1, 2]}, None),
        (Pagination("offset", offset_param="skip", first_offset=1), {"data": [1, 2]}, "3"),
        (Pagination("offset", total_path="n"), {"data": [1, 2], "n": 2}, None),
        (Pagination("offset", total_path="n"), {"data": [1, 2], "n": 3}, "2"),
        (Pagination("offset", total_path="n", first_offset=1), {"data": [1, 2], "n": 2}, None),
        (Pagination("offset", total_path="n", default_limit=2), {"data": [1, 2]}, "2"),
        (Pagination("offset", total_path="n"), {"data": [], "n": 9}, None),
        (Pagination("offset", next_path="more"), {"data": [1, 2], "more": 50}, "50"),
        (Pagination("offset", next_path="more"), {"data": [1, 2], "more": True}, "2"),
        (Pagination("offset", next_path="more"), {"data": [1, 2], "more": False}, None),
    ],
)
async def test_where_a_list_by_offset_goes_on(
    paging: Pagination, body: Any, cursor: str | None
) -> None:
    """Records are counted; a total, or what the body tells, goes before a short page."""
    tool = make_tool(method="list", response_path="data", pagination=paging)
    world = World(response(body), response({"data": []}))
    outcome = await world.call(tool)
    assert outcome.value is not None
    sealed = json.loads(outcome.value)["next_cursor"]
    assert (sealed is None) == (cursor is None)
    if sealed is not None:
        await world.call(tool, next_cursor=sealed)
        assert URL(world.http.requests[1].url).query[paging.offset_param or "offset"] == cursor


async def test_an_expression_that_drops_records_says_the_next_offset() -> None:
    """The `next_cursor` of a response expression goes before the count of what is left."""
    source = '{"result": body.data[$ > 1], "next_cursor": $count(body.data)}'
    paging = Pagination("offset", offset_param="skip")
    tool = make_tool(method="list", response=source, pagination=paging)
    world = World(response({"data": [1, 2, 3]}), response({"data": []}))
    outcome = await world.call(tool)
    assert outcome.value is not None
    await world.call(tool, next_cursor=json.loads(outcome.value)["next_cursor"])
    assert URL(world.http.requests[1].url).query["skip"] == "3"


async def range_turn(answer: OutboundResponse, first: int = 0) -> Any:
    """The answer of the page that begins there, and the `Range` that was sent for it."""
    before = response(
        {"data": list(range(SIZE))},
        206,
        [("content-range", f"items 0-{SIZE - 1}/*")],
    )
    world = World(*([before] if first else []), answer)
    tool = make_list("range")
    more = {}
    if first:
        outcome = await world.call(tool)
        assert outcome.value is not None
        more = {"next_cursor": json.loads(outcome.value)["next_cursor"]}
    outcome = await world.call(tool, **more)
    if outcome.error is not None:
        return outcome.error
    assert outcome.value is not None
    return json.loads(outcome.value)


@pytest.mark.parametrize(
    ("first", "status", "told", "error"),
    [
        (0, 416, None, UpstreamRejected),
        (0, 416, "items */9", UpstreamRejected),
        (0, 416, "bytes", UpstreamRejected),
        (2, 416, "items */3", UpstreamRejected),
        (2, 200, None, MalformedUpstreamResponse),
        (0, 206, "items 1-2/9", MalformedUpstreamResponse),
        (2, 206, "items 0-1/9", MalformedUpstreamResponse),
        (0, 206, "items 0-/9", MalformedUpstreamResponse),
        (0, 206, "items 5-4/9", MalformedUpstreamResponse),
        (0, 206, "items 0-1/9999999999999999", MalformedUpstreamResponse),
    ],
)
async def test_a_range_that_was_not_asked_for_is_refused(
    first: int, status: int, told: str | None, error: type[Exception]
) -> None:
    """Records would be left out or come twice; a first page that is refused is a refusal."""
    headers = [] if told is None else [("content-range", told)]
    answer = response({"data": [1, 2]}, status, headers)
    assert isinstance(await range_turn(answer, first), error)


@pytest.mark.parametrize(
    ("first", "status", "told", "result"),
    [
        (0, 200, None, [1, 2]),
        (0, 416, "items */0", []),
        (2, 416, None, []),
        (2, 416, "items */2", []),
        (0, 200, "*/0", [1, 2]),
    ],
)
async def test_the_end_of_a_list_by_ranges(
    first: int, status: int, told: str | None, result: list[int]
) -> None:
    """Without a range the list came whole; a range past its end is an empty page."""
    headers = [] if told is None else [("content-range", told)]
    answer = response({"data": [1, 2]}, status, headers)
    assert await range_turn(answer, first) == {"result": result, "next_cursor": None}


async def test_an_expression_may_page_in_the_body() -> None:
    """Members of an object lie over those of the request's body; integers stay exact."""
    paging = Pagination(
        "expression",
        first='{"body": {"size": limit, "owner": args.owner}}',
        next='body.after ? {"body": {"size": limit, "after": body.after}}',
        default_limit=5,
    )
    tool = make_tool(
        ("name", "body"), method="list", http="POST", response_path="data", pagination=paging
    )
    after = 12345678901234567890
    world = World(response({"data": [1], "after": after}), response({"data": []}))
    outcome = await world.call(tool, name="x", owner=2**60)
    assert outcome.value is not None
    cursor = json.loads(outcome.value)["next_cursor"]
    await world.call(tool, name="x", owner=2**60, next_cursor=cursor)
    bodies = [json.loads(request.body or b"") for request in world.http.requests]
    assert bodies == [
        {"name": "x", "size": 5, "owner": str(2**60)},
        {"name": "x", "size": 5, "after": str(after)},
    ]


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("1", ExpressionFailed),
        ('{"query": 1}', ExpressionFailed),
        ('{"url": {}}', ExpressionFailed),
        ('{"headers": {"X-A": "a\\r\\nb"}}', MalformedUpstreamResponse),
        ('{"query": {"x": body.long}}', MalformedUpstreamResponse),
        ("$error('S3CRET')", ExpressionFailed),
    ],
)
async def test_a_next_page_of_no_use_gives_no_cursor(source: str, error: type[Exception]) -> None:
    """What could not be sent is told at once, and by its slot alone."""
    tool = make_tool(method="list", response_path="data", pagination=Pagination("expression",
        next=source))  # fmt: skip
    outcome = await World(response({"data": [1], "long": "x" * 20_000})).call(tool)
    assert isinstance(outcome.error, error)
    assert "S3CRET" not in str(outcome.error)


async def test_an_expression_cannot_set_what_the_credential_sets() -> None:
    """Neither its header nor its query value."""
    paging = Pagination(
        "expression",
        first='{"headers": {"authorization": "mine", "X-B": "b"}, "query": {"key": "mine"}}',
        next="undefined",
    )
    query = {"key": "{{credentials.key}}"}
    tool = make_tool(method="list", response_path="data", pagination=paging, query=query)
    world = World(response({"data": [1]}))
    assert (await world.call(tool)).error is None
    assert ("X-B", "b") in world.http.request.headers
    assert not any(name.lower() == "authorization" for name, _ in world.http.request.headers)
    assert world.http.request.url == "https://api.example.com/v1/notes"


@pytest.mark.parametrize(
    "style", ["link_header", "next_url header", "next_url body", "offset next", "expression"]
)
async def test_a_page_that_leads_to_itself_is_noted(style: str) -> None:
    """The cursor of the page that was asked for comes back: the caller is told."""
    listing = Listing(style, list(range(9)))
    first = (await listing.turn())["next_cursor"]
    again = STYLES[style][1](list(range(9)), listing.seen[0])
    listing._simulated = lambda _records, _request: again
    outcome = await listing.call(listing.tool, next_cursor=first)
    assert outcome.error is None
    assert NOTE_REPEATED in outcome.notes


@pytest.mark.parametrize(
    ("header", "target"),
    [
        ("", None),
        ('<a>; rel="next"', "a"),
        ("<a>; rel=next", "a"),
        ("<a>;rel=prev,<b>;rel=next", "b"),
        ('<a,b;c>; title="x, <y>; rel=next"; rel="NEXT last"', "a,b;c"),
        ('<a>; rel="prev"; rel="next"', None),
        ('<a>; rel="next"; anchor="#x", <b>; rel="next"', "b"),
        ('<a>; title="q\\"; rel=next", <b>; rel = "next"', "b"),
        (", ,<a> ; ; rel=next", "a"),
        ("<a>; junk junk, <b>; rel=next", "b"),
        ("rel=next", None),
        ("<a", None),
        ('<a>; rel="next', None),
    ],
)
def test_link_headers(header: str, target: str | None) -> None:
    """RFC 8288 as written and as met: quoting, repeats, anchors, and links that do not parse."""
    assert next_target(header) == target
