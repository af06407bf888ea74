"""Upstream statuses over the whole app: each has its error, once, and none is followed up."""

from typing import Any, NamedTuple

import pytest
from tests.support.calling import legacy
from tests.support.items import CREATE, GET, LIST, thing
from tests.support.lab import rule
from tests.support.whole import (
    CREDENTIALS,
    WAYS,
    Call,
    Door,
    Era,
    Met,
    World,
    ok,
    sent_once,
    strict,
    succeeded,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

CANARY = "planted-upstream-text-9b21"
JSON = ["Content-Type", "application/json"]
CALLS = {
    "read": Call(GET, {"id": "1"}),
    "list": Call(LIST),
    "write": Call(CREATE, {"text": "t"}),
    "expression": Call(thing("shape")),
}

STATUSES: dict[int, str] = {
    300: "upstream_redirect",
    301: "upstream_redirect",
    302: "upstream_redirect",
    303: "upstream_redirect",
    304: "upstream_redirect",
    307: "upstream_redirect",
    308: "upstream_redirect",
    400: "upstream_rejected",
    401: "upstream_unauthorized",
    403: "upstream_rejected",
    404: "upstream_rejected",
    407: "upstream_rejected",
    409: "upstream_rejected",
    418: "upstream_rejected",
    422: "upstream_rejected",
    451: "upstream_rejected",
    500: "upstream_failed",
    502: "upstream_failed",
    503: "upstream_failed",
    599: "upstream_failed",
    600: "upstream_failed",
    999: "upstream_failed",
}


@pytest.mark.parametrize("way", WAYS, ids="-".join)
@pytest.mark.parametrize("status", STATUSES)
async def test_every_status_has_its_error(app: World, status: int, way: tuple[Door, Era]) -> None:
    """One request, one error in HTTP 200; the upstream's own text is never shown."""
    text = "" if status == 304 else f'{{"error":"{CANARY}","rows":[],"data":[]}}'
    headers = [JSON, ["WWW-Authenticate", CANARY], ["Set-Cookie", CANARY]]
    for call in CALLS.values():
        met = await app.call(way, call, rule("/*", text, status=status, headers=headers))
        sent_once(met, STATUSES[status], way[1])
        assert met.envelope()["upstream_status"] == met.rows[1].upstream_status == status
        assert met.envelope()["retry"] == {"safe": False, "after_seconds": None}
        assert CANARY not in str(met.response)
        assert met.response.header("www-authenticate") is None


@pytest.mark.parametrize("way", WAYS, ids="-".join)
@pytest.mark.parametrize("status", [200, 201, 202, 204, 206, 299])
async def test_every_2xx_succeeds(app: World, status: int, way: tuple[Door, Era]) -> None:
    """Created, accepted and empty answers are results."""
    text = b"" if status == 204 else b'{"id":"1"}'
    met = await app.call(way, CALLS["write"], rule("/*", text, status=status, headers=[JSON]))
    assert succeeded(met) == (None if status == 204 else {"id": "1"})
    assert met.rows[1].upstream_status == status


LOCATIONS = [
    "{origin}/v1/items/2",
    "/v1/items/2",
    "http://127.0.0.1:1/",
    "http://169.254.169.254/latest/meta-data/iam/security-credentials/",
    "http://[fd00:ec2::254]/",
    "//evil.example/",
    "file:///etc/passwd",
    "",
]


@pytest.mark.parametrize("location", LOCATIONS)
@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_never_followed(app: World, status: int, location: str) -> None:
    """Neither to another host, nor to a metadata address, nor to the same host."""
    target = location.format(origin=app.lab.origin)
    moved = rule("/v1/items/1", status=status, headers=[["Location", target]])
    met = await app.call(WAYS[0], CALLS["read"], moved, ok())
    sent_once(met, "upstream_redirect", "legacy")
    assert [seen.target for seen in met.upstream] == ["/v1/items/1"]
    assert not target or target.encode() not in met.response.body


@pytest.mark.parametrize("status", [500, 502, 503, 429, 408])
async def test_nothing_is_repeated(app: World, status: int) -> None:
    """A failure that would pass at the second try is told at the first."""
    first = rule("/*", status=status, headers=[["Retry-After", "0"]], times=1)
    met = await app.call(WAYS[0], CALLS["write"], first, ok())
    assert met.response.json()["result"]["isError"] is True
    assert len(met.upstream) == 1


@pytest.mark.parametrize("way", WAYS, ids="-".join)
async def test_an_upstream_that_is_too_slow_is_a_timeout(app: World, way: tuple[Door, Era]) -> None:
    """The method's own timeout holds, the request is not repeated, the connection is closed."""
    late = rule("/*", b"{}", headers=[JSON], fault={"kind": "delay", "seconds": 30})
    met = await app.call(way, Call(thing("slow")), late)
    sent_once(met, "upstream_timeout", way[1])
    assert met.envelope()["retry"]["safe"] is False
    app.lab.wait_for(1, ended="client_closed")


@pytest.mark.parametrize("status", [200, 401, 429])
async def test_cookies_are_never_sent_back(app: World, status: int) -> None:
    """What the upstream sets is forgotten, whoever calls next."""
    setting = rule("/*", b"{}", status=status, headers=[["Set-Cookie", "s=1; Path=/"], JSON])
    await app.call(WAYS[0], CALLS["read"], setting)
    for server in CREDENTIALS:
        met = await app.call(WAYS[0], CALLS["read"], ok(), server=server)
        assert met.upstream[0].header("cookie") is None


class Limited(NamedTuple):
    """Rate-limit headers of an upstream, and what the caller reads of them."""

    headers: tuple[list[str], ...]
    facts: dict[str, int] | None
    after: int | None


DIALECTS: dict[str, Limited] = {
    "bare": Limited((), None, None),
    "retry-after": Limited((["Retry-After", "7"],), {"retry_after": 7}, 7),
    "x-ratelimit": Limited(
        (
            ["X-RateLimit-Limit", "100"],
            ["X-RateLimit-Remaining", "0"],
            ["X-RateLimit-Reset", "30"],
        ),
        {"limit": 100, "remaining": 0, "reset": 30},
        30,
    ),
    "x-rate-limit": Limited(
        (["X-Rate-Limit-Limit", "9"], ["X-Rate-Limit-Remaining", "0"]),
        {"limit": 9, "remaining": 0},
        None,
    ),
    "structured": Limited(
        (["RateLimit", '"default";r=0;t=12'], ["RateLimit-Policy", '"default";q=50;w=60']),
        {"limit": 50, "remaining": 0, "reset": 12},
        12,
    ),
    "both": Limited(
        (["RateLimit-Reset", "30"], ["Retry-After", "31"]), {"reset": 30, "retry_after": 31}, 31
    ),
    "nonsense": Limited((["Retry-After", "soon\x01"], ["X-RateLimit-Limit", "many"]), None, None),
    "negative": Limited((["Retry-After", "-5"],), None, None),
}


def limited(met: Met, expected: Limited, *, as_http: bool) -> None:
    """The same facts in the headers and in the envelope, whichever channel carries them."""
    document = strict(met.response.body)
    assert met.response.status == (429 if as_http else 200)
    if as_http:
        assert document["error"]["code"] == 429
    else:
        assert document["result"]["isError"] is True
    envelope = met.envelope()
    assert (envelope["type"], envelope["whose"]) == ("rate_limited", "upstream")
    assert envelope["ratelimit"] == expected.facts
    assert envelope["retry"] == {"safe": True, "after_seconds": expected.after}
    after = None if expected.after is None else str(expected.after)
    assert met.response.header("retry-after") == after
    for name, value in (expected.facts or {}).items():
        if name != "retry_after":
            assert met.response.header(f"ratelimit-{name}") == str(value)
    assert len(met.upstream) == 1
    assert met.phases == ["intent", "outcome rate_limited"]
    assert (met.rows[1].http_status, met.rows[1].upstream_status) == (met.response.status, 429)


@pytest.mark.parametrize("row", DIALECTS)
async def test_a_429_travels_on_the_channel_of_the_caller(app: World, row: str) -> None:
    """Modern and raw HTTP callers read HTTP 429; clients of the old era read a tool error."""
    expected = DIALECTS[row]
    answer = rule("/*", CANARY, status=429, headers=list(expected.headers))
    call = CALLS["read"]
    limited(await app.call(("path", "legacy"), call, answer), expected, as_http=False)
    limited(await app.call(("header", "modern"), call, answer), expected, as_http=True)
    path, _ = app.address("path")
    raw = await app.post(path, call.body("legacy"), {}, answer)
    limited(raw, expected, as_http=True)


@pytest.mark.parametrize("channel", ["http_429", "tool_error"])
async def test_a_server_can_fix_the_channel(app: World, channel: str) -> None:
    """`rate_limit_errors` overrides the rule for both eras."""
    app.servers[channel] = await app.house.server(
        app.accounts["acme"], config={"rate_limit_errors": channel}
    )
    answer = rule("/*", status=429, headers=[["Retry-After", "7"]])
    for way in WAYS:
        met = await app.call(way, CALLS["read"], answer, server=channel)
        limited(met, DIALECTS["retry-after"], as_http=channel == "http_429")


@pytest.mark.parametrize("way", WAYS, ids="-".join)
async def test_rate_limit_facts_come_with_successes_too(app: World, way: tuple[Door, Era]) -> None:
    """Whatever the upstream said of its limit stands in the headers of the answer."""
    headers = [JSON, *DIALECTS["x-ratelimit"].headers]
    met = await app.call(way, CALLS["read"], rule("/*", b"{}", headers=headers))
    assert succeeded(met) == {}
    assert met.response.header("ratelimit-remaining") == "0"


async def test_a_429_inside_a_batch_is_a_tool_error(app: World) -> None:
    """An HTTP status cannot speak for one message of many."""
    path, _ = app.address("path")
    message = legacy("tools/call", {"name": GET, "arguments": {"id": "1"}})
    met = await app.post(path, b"[%b,%b]" % (message, message), {}, rule("/*", status=429))
    assert met.response.status == 200
    answers: list[Any] = met.response.json()
    assert [answer["result"]["isError"] for answer in answers] == [True, True]
    assert len(met.upstream) == 2
