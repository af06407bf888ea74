"""Streamed responses: what is heard of them on the way, and what they come to at the end."""

import json
from typing import Any

import pytest
from tests.support.upstreams import SECRET, World, make_account, make_tool, response

from mcpassport.errors import (
    ExpressionFailed,
    GatewayRateLimited,
    MalformedUpstreamResponse,
    McpassportError,
    ResponseTooLarge,
    UpstreamFailed,
    UpstreamRateLimited,
    UpstreamReportedError,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from mcpassport.limits import Limits
from mcpassport.records.calls import Block, Outcome, Progress
from mcpassport.records.envelope import RateLimit
from mcpassport.records.integration import ContentBlock
from mcpassport.upstream.scopes import NOTE_INTEGERS
from mcpassport.upstream.streams import NOTE_PROGRESS

STEPS = b'{"done":1}\n{"done":2}\n{"done":3,"result":{"id":"x"}}\n'
TOLD = '{"progress": body.done, "total": 3, "message": "step " & body.done}'
SSE = [("content-type", "text/event-stream; charset=utf-8")]
EVENTS = (
    b": hello\n\n"
    b'event: progress\ndata: {"done":1}\n\n'
    b'event: progress\ndata: {"done":2}\n\n'
    b'event: result\ndata: {"id":"x"}\n\n'
)


def lines(body: bytes = STEPS, **more: Any) -> Any:
    return response(body, headers=[("content-type", "application/x-ndjson")], **more)


async def streamed(answer: Any, world: World | None = None, **method: Any) -> tuple[World, Outcome]:
    world = world or World(answer)
    outcome = await world.call(make_tool(**{"stream": "ndjson", "progress": TOLD, **method}))
    return world, outcome


@pytest.mark.parametrize("piece", [1, 7, 2**16])
async def test_each_event_is_heard_and_the_last_is_the_answer(piece: int) -> None:
    """Progress in order, whatever the pieces; without `final` the body is the last event."""
    world = World(lines())
    world.http.piece = piece
    world, outcome = await streamed(lines(), world)
    assert world.heard == [Progress(n, 3, f"step {n}") for n in (1, 2, 3)]
    assert outcome.value == b'{"done":3,"result":{"id":"x"}}'
    assert (outcome.error, outcome.upstream_status, outcome.notes) == (None, 200, ())
    assert (outcome.sent, outcome.bytes_in) == (True, len(STEPS))
    assert len(world.http.requests) == 1


async def test_server_sent_events_have_names() -> None:
    """`event` is the name, `body` the data; `events` holds both."""
    world, outcome = await streamed(
        response(EVENTS, headers=SSE),
        stream="sse",
        progress='event = "progress" ? {"progress": body.done}',
        final='{"last": body, "seen": events[event = "progress"].data.done}',
    )
    assert world.heard == [Progress(1), Progress(2)]
    assert json.loads(outcome.value or b"") == {"last": {"id": "x"}, "seen": [1, 2]}


@pytest.mark.parametrize(
    ("final", "result"),
    [
        (None, b'{"done":3,"result":{"id":"x"}}'),
        ("body.result", b'{"id":"x"}'),
        ("$sum(events.done)", b"6"),
        ("events[1].done", b"2"),
        ("body.nothing", b"null"),
        ('{"status": status, "type": headers.`content-type`, "a": args.a}', None),
    ],
)
async def test_final_makes_the_body(final: str | None, result: bytes | None) -> None:
    """It sees the last event, all events, and what every expression sees."""
    _, outcome = await streamed(lines(), final=final)
    if result is None:
        assert json.loads(outcome.value or b"") == {"status": 200, "type": "application/x-ndjson"}
    else:
        assert outcome.value == result


async def test_the_body_is_read_as_if_it_had_been_answered() -> None:
    """Errors, response expression, blocks, paging and rate limits work on what `final` made."""
    _, outcome = await streamed(lines(), response="body.result.id")
    assert outcome.value == b'"x"'
    content = (ContentBlock("text", "body.result.id"),)
    _, outcome = await streamed(lines(), content=content)
    assert outcome.content == (Block(kind="text", text="x"),)
    _, outcome = await streamed(lines(), errors='body.done = 3 ? "It broke."')
    assert isinstance(outcome.error, UpstreamReportedError)
    assert outcome.upstream_status == 200
    limited = response(STEPS, headers=[("content-type", "text/plain"), ("ratelimit-limit", "5")])
    _, outcome = await streamed(limited)
    assert outcome.ratelimit == RateLimit(limit=5)


@pytest.mark.parametrize(
    ("method", "result"),
    [
        ({}, [{"done": 1}, {"done": 2}, {"done": 3, "result": {"id": "x"}}]),
        ({"final": '{"data": events.done}', "response_path": "data"}, [1, 2, 3]),
        ({"response": '{"result": body.done}'}, [1, 2, 3]),
    ],
)
async def test_a_streamed_list_is_all_its_events(method: dict[str, Any], result: Any) -> None:
    """Without `final` each event is a record."""
    _, outcome = await streamed(lines(), method="list", **method)
    assert json.loads(outcome.value or b"") == {"result": result, "next_cursor": None}


@pytest.mark.parametrize("body", [b"", b"\n\n"])
async def test_a_stream_without_events_is_nothing(body: bytes) -> None:
    """As an empty body is null, and a list without records."""
    world, outcome = await streamed(lines(body))
    assert (world.heard, outcome.value) == ([], b"null")
    _, outcome = await streamed(lines(body), method="list")
    assert outcome.value == b'{"result":[],"next_cursor":null}'


@pytest.mark.parametrize("status", [400, 429, 500])
async def test_what_is_no_success_is_not_followed(status: int) -> None:
    """An error is an error, its body neither heard nor shown."""
    kind = {400: McpassportError, 429: UpstreamRateLimited, 500: UpstreamFailed}[status]
    world, outcome = await streamed(lines(status=status))
    assert isinstance(outcome.error, kind)
    assert (world.heard, outcome.upstream_status) == ([], status)


async def test_an_answer_that_does_not_stream_is_read_whole() -> None:
    """An API that answers JSON where events were asked for is understood all the same."""
    world, outcome = await streamed(response({"id": "x"}), stream="sse")
    assert (world.heard, outcome.value, outcome.bytes_in) == ([], b'{"id":"x"}', 10)


@pytest.mark.parametrize(
    ("progress", "heard"),
    [
        ("body.nothing", []),
        ("null", []),
        ('body.done = 2 ? {"progress": 2}', [Progress(2)]),
        ('{"progress": body.done / 4}', [Progress(0.25), Progress(0.5), Progress(0.75)]),
        ('{"progress": body.done, "total": null, "message": null}', [*map(Progress, (1, 2, 3))]),
    ],
)
async def test_what_an_event_says_of_progress(progress: str, heard: list[Progress]) -> None:
    """Undefined and null are nothing; total and message may be missing."""
    world, outcome = await streamed(lines(), progress=progress)
    assert world.heard == heard
    assert outcome.notes == ()


@pytest.mark.parametrize(
    "progress",
    [
        "$error('planted')",
        "body.done",
        "[1]",
        "{}",
        '{"progress": "1"}',
        '{"progress": true}',
        '{"progress": 1, "total": "3"}',
        '{"progress": 1, "message": 5}',
        '{"progress": 1, "more": 5}',
        "$eval('1')",
    ],
)
async def test_a_progress_expression_that_fails_spoils_no_answer(progress: str) -> None:
    """It is not asked again, and a note says so."""
    world, outcome = await streamed(lines(), progress=progress)
    assert world.heard == []
    assert outcome.value == b'{"done":3,"result":{"id":"x"}}'
    assert outcome.notes == (NOTE_PROGRESS,)
    assert "planted" not in str(outcome.notes)


async def test_a_message_is_made_harmless() -> None:
    """Control and direction characters are gone, and it is short."""
    body = json.dumps({"m": "a\x00\x1b[31m\u202eb\r\nc" + "x" * 2000}).encode()
    world, _ = await streamed(lines(body), progress='{"progress": 1, "message": body.m}')
    (heard,) = world.heard
    assert heard.message is not None
    assert heard.message.startswith("a [31m b c")
    assert len(heard.message) == 500


async def test_nobody_listens_nothing_is_evaluated() -> None:
    """Without a listener a progress expression is not even tried."""
    world = World(lines())
    tool = make_tool(stream="ndjson", progress="$error('x')")
    outcome = await world.upstream.call(tool, {}, make_account(), SECRET, 1)
    assert (outcome.value is not None, outcome.notes) == (True, ())


async def test_long_integers_become_texts_before_an_expression_only() -> None:
    """Without `final` the last event is passed on byte for byte."""
    body = b'{"n":12345678901234567890}\n'
    _, outcome = await streamed(lines(body), progress=None)
    assert (outcome.value, outcome.notes) == (b'{"n":12345678901234567890}', ())
    _, outcome = await streamed(lines(body), progress=None, final="body.n")
    assert (outcome.value, outcome.notes) == (b'"12345678901234567890"', (NOTE_INTEGERS,))


BROKEN: dict[str, tuple[bytes, type[McpassportError]]] = {
    "cut within a line": (STEPS[:-5], MalformedUpstreamResponse),
    "no JSON": (b'{"done":1}\n<html>\n', MalformedUpstreamResponse),
    "no UTF-8": (b'{"done":1}\n"\xff"\n', MalformedUpstreamResponse),
    "forged member": (b'1,"isError":false\n', MalformedUpstreamResponse),
    "too deep": (b"[" * 65 + b"]" * 65 + b"\n", MalformedUpstreamResponse),
    "a huge line": (b'"' + b"x" * 200 + b'"\n', ResponseTooLarge),
    "a line without end": (b'"' + b"x" * 200, ResponseTooLarge),
    "too many events": (b"1\n" * 6, ResponseTooLarge),
}


@pytest.mark.parametrize("row", BROKEN)
async def test_a_stream_that_breaks_the_rules_is_an_error(row: str) -> None:
    """One request, one clear error, the status known, and nothing of the body shown."""
    body, kind = BROKEN[row]
    limits = Limits(stream_event_bytes=150, stream_events=5)
    world, outcome = await streamed(lines(body), World(lines(body), limits=limits))
    assert isinstance(outcome.error, kind)
    assert (outcome.value, outcome.content, outcome.sent) == (None, (), True)
    assert outcome.upstream_status == outcome.error.upstream_status == 200
    assert "xxx" not in str(outcome.error)
    assert len(world.http.requests) == 1


async def test_caps_are_told_with_their_size() -> None:
    """Which cap it was stands in the message."""
    limits = Limits(stream_event_bytes=150, stream_events=5)
    for body, said in ((b"1\n" * 6, "more than 5 events"), (b'"' + b"x" * 200, "150 bytes")):
        _, outcome = await streamed(lines(body), World(lines(body), limits=limits))
        assert said in str(outcome.error)


async def test_a_failing_final_is_an_error_after_the_request() -> None:
    """The expression's place is told, its words are not; the request counts as sent."""
    _, outcome = await streamed(lines(), final="$error('planted')")
    assert isinstance(outcome.error, ExpressionFailed)
    assert "notes.get final" in str(outcome.error)
    assert "planted" not in str(outcome.error)
    assert (outcome.sent, outcome.upstream_status, outcome.bytes_in) == (True, 200, len(STEPS))


@pytest.mark.parametrize("error", [UpstreamTimeout(), UpstreamUnreachable()])
async def test_a_stream_that_breaks_off_is_what_the_network_says(error: Exception) -> None:
    """What was heard before stays heard; the answer is the error, with the status known."""
    world = World(lines())
    world.http.breaks = error
    world, outcome = await streamed(lines(), world)
    assert len(world.heard) == 3
    assert type(outcome.error) is type(error)
    assert (outcome.sent, outcome.upstream_status, outcome.bytes_in) == (True, 200, len(STEPS))


async def test_what_was_never_sent_is_not_said_to_be() -> None:
    """A refusal of our own limits, and of the address, before anything left."""
    world, outcome = await streamed(GatewayRateLimited())
    assert isinstance(outcome.error, GatewayRateLimited)
    assert (outcome.sent, outcome.upstream_status, outcome.bytes_out) == (False, None, 0)
    assert world.heard == []


@pytest.mark.parametrize(
    ("stream", "accept"),
    [
        ("ndjson", "application/x-ndjson, application/json;q=0.9, */*;q=0.5"),
        ("sse", "text/event-stream"),
    ],
)
async def test_a_stream_is_asked_for(stream: str, accept: str) -> None:
    """`Accept` names the kind of stream."""
    world, _ = await streamed(lines(), stream=stream)
    assert dict(world.http.request.headers)["Accept"] == accept
