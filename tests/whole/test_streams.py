"""Streamed upstream responses over the whole app: progress on the way, one answer, one row each."""

import json
from typing import Any

import msgspec
import pytest
from tests.support.asgi import Response
from tests.support.events import messages
from tests.support.items import GET, thing
from tests.support.lab import rule
from tests.support.scan import found_in
from tests.support.whole import WAYS, Call, Door, Era, Met, World, failed, sent_once, succeeded

pytestmark = pytest.mark.asyncio(loop_scope="module")

CANARY = "planted-progress-5a1c"
JOB, FEED = Call(thing("job"), {"text": "go"}), Call(thing("feed"))
CHUNKED = [["Transfer-Encoding", "chunked"]]
NDJSON = [["Content-Type", "application/x-ndjson"]]
SSE = [["Content-Type", "text/event-stream"]]


def line(done: int, **more: Any) -> bytes:
    return json.dumps({"done": done, "said": f"{CANARY} {done}", **more}).encode() + b"\n"


LINES = line(1) + line(2) + line(3, result={"id": "x"})
STEPS = (
    b'event: step\ndata: {"done":1}\n\nevent: step\ndata: {"done":2}\n\n'
    b'event: step\ndata: {"done":3}\n\nevent: end\ndata: {"text":"the end"}\n\n'
)


def stream(body: bytes = LINES, kind: list[list[str]] = NDJSON, **fault: Any) -> dict[str, Any]:
    """The lab answers with that body in pieces, a few milliseconds apart."""
    paced = {"kind": "paced", "seconds": 0.005, **fault}
    return rule("/*", body, headers=[*kind, *CHUNKED], fault=paced)


async def told(
    app: World, way: tuple[Door, Era], call: Call, *answers: dict[str, Any], token: Any = "t"
) -> Met:
    """One tool call with a progress token."""
    door, era = way
    path, headers = app.address(door)
    message = msgspec.json.decode(call.body(era))
    message["params"].setdefault("_meta", {})["progressToken"] = token
    sent = {**call.headers(era), **headers}
    return await app.post(path, msgspec.json.encode(message), sent, *answers)


def parts(met: Met) -> tuple[list[dict[str, Any]], Met]:
    """The parameters of the notifications, and the answer as if it had come by itself."""
    response = met.response
    assert response.header("content-type") == "text/event-stream"
    assert response.header("x-accel-buffering") == "no"
    assert response.header("content-length") is None
    *notifications, answer = messages(response.body)
    assert all(told["method"] == "notifications/progress" for told in notifications)
    plain = Response(response.status, response.headers, msgspec.json.encode(answer))
    return [told["params"] for told in notifications], Met(plain, met.upstream, met.rows)


@pytest.mark.parametrize("way", WAYS, ids="-".join)
async def test_progress_comes_on_the_way_and_the_answer_last(
    app: World, way: tuple[Door, Era]
) -> None:
    """Three notifications that grow, then the answer; one request, an intent and an outcome."""
    met = await told(app, way, JOB, stream())
    notified, answered = parts(met)
    assert notified == [
        {"progressToken": "t", "progress": n, "total": 3, "message": f"{CANARY} {n}"}
        for n in (1, 2, 3)
    ]
    assert succeeded(answered) == {"result": {"id": "x"}, "events": 3}
    (seen,) = met.upstream
    assert (seen.method, seen.body) == ("POST", b'{"text":"go"}')
    assert (met.rows[1].upstream_status, met.rows[1].http_status) == (200, 200)
    assert not found_in(app.house.files(), {CANARY})


@pytest.mark.parametrize("way", WAYS, ids="-".join)
async def test_server_sent_events_are_followed(app: World, way: tuple[Door, Era]) -> None:
    """Named events report, the last one is the answer, here as a declared block."""
    met = await told(app, way, FEED, stream(STEPS, SSE, ends="\n\n"), token=7)
    notified, answered = parts(met)
    assert notified == [{"progressToken": 7, "progress": n} for n in (1, 2, 3)]
    content = answered.response.json()["result"]["content"]
    assert content == [{"type": "text", "text": "the end"}]


@pytest.mark.parametrize("way", WAYS, ids="-".join)
async def test_without_a_token_the_answer_is_plain_json(app: World, way: tuple[Door, Era]) -> None:
    """The same value, in one piece."""
    met = await app.call(way, JOB, stream())
    assert met.response.header("content-type") == "application/json"
    assert succeeded(met) == {"result": {"id": "x"}, "events": 3}


async def test_who_takes_no_events_gets_plain_json(app: World) -> None:
    """A raw caller with a token, and one whose `Accept` rules events out."""
    path, _ = app.address("path")
    message = msgspec.json.decode(JOB.body("legacy"))
    message["params"]["_meta"] = {"progressToken": 1}
    for accept in ("application/json", "application/json, text/event-stream;q=0", "*/*"):
        body = msgspec.json.encode(message)
        met = await app.post(path, body, {"accept": accept}, stream())
        assert met.response.header("content-type") == "application/json"
        assert succeeded(met) == {"result": {"id": "x"}, "events": 3}


@pytest.mark.parametrize("way", WAYS, ids="-".join)
async def test_a_tool_that_does_not_stream_is_plain_with_a_token_too(
    app: World, way: tuple[Door, Era]
) -> None:
    """A token asks for progress where there is any."""
    met = await told(app, way, Call(GET, {"id": "1"}), rule("/*", json={"id": "1"}))
    assert met.response.header("content-type") == "application/json"
    assert succeeded(met) == {"id": "1"}


BROKEN: dict[str, tuple[str, dict[str, Any]]] = {
    "cut within a line": ("malformed_upstream_response", stream(LINES[:-9])),
    "no JSON": ("malformed_upstream_response", stream(line(1) + f"<{CANARY}>\n".encode())),
    "no UTF-8": ("malformed_upstream_response", stream(line(1) + b'"\xff"\n')),
    "forged member": ("malformed_upstream_response", stream(line(1) + b'1,"isError":false\n')),
    "a huge line": ("response_too_large", stream(line(1) + b'"' + b"x" * 70_000 + b'"\n')),
    "too many bytes": ("response_too_large", stream(line(1) * 40_000, seconds=0, ends="\n{")),
    "connection closed": ("upstream_unreachable", stream(pieces=1, then="close")),
    "stalled": ("upstream_timeout", stream(pieces=1, then="stall")),
}


@pytest.mark.parametrize("way", WAYS, ids="-".join)
@pytest.mark.parametrize("row", BROKEN)
async def test_a_stream_that_breaks_is_a_clear_error(
    app: World, row: str, way: tuple[Door, Era]
) -> None:
    """After a first notification: one request, the error as the last event, both rows."""
    kind, answer = BROKEN[row]
    notified, answered = parts(await told(app, way, JOB, answer))
    assert notified[0]["progress"] == 1
    sent_once(answered, kind, way[1])
    assert answered.rows[1].upstream_status == 200
    assert f"<{CANARY}>".encode() not in answered.response.body


@pytest.mark.parametrize("way", WAYS, ids="-".join)
async def test_an_error_before_the_first_event_keeps_its_channel(
    app: World, way: tuple[Door, Era]
) -> None:
    """Nothing was told yet, so the answer is plain, a 429 with its status and headers."""
    answer = rule("/*", LINES, status=503, headers=NDJSON)
    sent_once(await told(app, way, JOB, answer), "upstream_failed", way[1])
    answer = rule("/*", LINES, status=429, headers=[*NDJSON, ["Retry-After", "7"]])
    met = await told(app, way, JOB, answer)
    assert met.response.status == (429 if way[1] == "modern" else 200)
    assert met.envelope()["type"] == "rate_limited"
    assert met.response.header("retry-after") == "7"
    assert met.phases == ["intent", "outcome rate_limited"]
    assert len(met.upstream) == 1


@pytest.mark.parametrize("way", WAYS, ids="-".join)
async def test_a_token_that_is_none_is_refused(app: World, way: tuple[Door, Era]) -> None:
    """Before anything is sent."""
    met = await told(app, way, JOB, stream(), token=["t"])
    failed(met, "invalid_params", way[1])
    assert met.upstream == []
    assert met.phases == ["refusal invalid_params"]
