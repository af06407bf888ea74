"""What responses mean: errors by status, errors in a 200, bodies, lists and notes."""

import asyncio
import json
from typing import Any

import pytest
from tests.support.upstreams import FakeHttp, World, make_account, make_tool, response

from mcpassport.errors import (
    AddressForbidden,
    ExpressionFailed,
    GatewayRateLimited,
    MalformedUpstreamResponse,
    ReauthorizationRequired,
    ResponseTooLarge,
    UpstreamError,
    UpstreamFailed,
    UpstreamRateLimited,
    UpstreamRedirect,
    UpstreamRejected,
    UpstreamReportedError,
    UpstreamTimeout,
    UpstreamUnauthorized,
    UpstreamUnreachable,
    envelope_of,
)
from mcpassport.records.envelope import RateLimit
from mcpassport.records.integration import RateLimitMap
from mcpassport.records.masked import Secret
from mcpassport.upstream.outcome import NOTE_RATE_LIMIT
from mcpassport.upstream.scopes import NOTE_INTEGERS, harmless

LIST: dict[str, Any] = {"method": "list"}


async def value_of(answer: Any, **method: Any) -> bytes:
    outcome = await World(answer).call(make_tool(**method))
    assert outcome.error is None, outcome.error
    assert outcome.value is not None
    return outcome.value


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, UpstreamRedirect),
        (304, UpstreamRedirect),
        (400, UpstreamRejected),
        (401, UpstreamUnauthorized),
        (403, UpstreamRejected),
        (404, UpstreamRejected),
        (429, UpstreamRateLimited),
        (500, UpstreamFailed),
        (503, UpstreamFailed),
        (599, UpstreamFailed),
        (101, UpstreamFailed),
        (700, UpstreamFailed),
    ],
)
async def test_a_status_means_an_error_without_the_body(
    status: int, kind: type[UpstreamError]
) -> None:
    """Each class of status has its error with the status; the body shows nowhere."""
    world = World(response({"message": "S3CRET"}, status, [("retry-after", "9")]))
    outcome = await world.call(make_tool(errors="body.message", response="body"))
    assert type(outcome.error) is kind
    assert outcome.sent
    assert outcome.upstream_status == status
    envelope = envelope_of(outcome.error)
    assert (envelope.upstream_status, envelope.retry.after_seconds) == (status, 9)
    assert envelope.ratelimit == RateLimit(retry_after=9)
    assert "S3CRET" not in repr(envelope)
    assert len(world.http.requests) == 1


@pytest.mark.parametrize(
    ("error", "sent"),
    [
        (UpstreamTimeout(), True),
        (UpstreamUnreachable(), True),
        (ResponseTooLarge(), True),
        (GatewayRateLimited(), False),
    ],
)
async def test_a_failure_of_the_network_is_an_outcome(error: UpstreamError, sent: bool) -> None:
    """Nothing is raised; the outcome says whether the request may have left; no second try."""
    world = World(error)
    outcome = await world.call(make_tool())
    assert type(outcome.error) is type(error)
    assert outcome.sent is sent
    assert len(world.http.requests) == 1


async def test_a_refused_address_was_not_sent() -> None:
    """The client's own word decides."""
    error = AddressForbidden()
    error.sent = False
    assert not (await World(error).call(make_tool())).sent


async def test_cancellation_passes_through() -> None:
    """A cancelled call is not turned into an outcome."""

    class Hanging(FakeHttp):
        async def send(self, _request: Any) -> Any:
            arrived.set()
            await asyncio.Event().wait()

    arrived = asyncio.Event()
    world = World()
    world.upstream._http = Hanging()
    task = asyncio.create_task(world.call(make_tool()))
    await arrived.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_credential_of_another_shape_asks_for_a_new_one() -> None:
    """The error names the field, nothing is sent, and the secret shows nowhere."""
    world = World()
    outcome = await world.upstream.call(
        make_tool(), {}, make_account(), Secret(b'{"password":"S3CRET"}'), 1
    )
    assert isinstance(outcome.error, ReauthorizationRequired)
    assert "token" in str(outcome.error)
    assert "S3CRET" not in str(outcome.error)
    assert not world.http.requests


@pytest.mark.parametrize(
    ("source", "body", "message"),
    [
        ("body.error", {"error": "No such\x00 note\u202e"}, "No such note"),
        ("body.error", {"error": "x" * 900}, "x" * 499 + "…"),
        ("$not(body.ok)", {"ok": False}, "The upstream API reported an error."),
        ("body.error", {"error": {"secret": 1}}, "The upstream API reported an error."),
    ],
)
async def test_an_error_in_a_200_shows_its_declared_message(
    source: str, body: Any, message: str
) -> None:
    """The message that the integration points at is shown, made harmless; nothing else is."""
    outcome = await World(response(body)).call(make_tool(errors=source))
    assert isinstance(outcome.error, UpstreamReportedError)
    assert envelope_of(outcome.error).message == message
    assert outcome.upstream_status == 200


@pytest.mark.parametrize("body", [{}, {"error": None}, {"error": ""}, {"error": False}])
async def test_no_error_in_a_200_is_no_error(body: Any) -> None:
    """Undefined, null, false and an empty message mean success."""
    assert json.loads(await value_of(response(body), errors="body.error")) == body


def test_a_harmless_message_has_no_controls() -> None:
    """Controls and direction marks become spaces; 500 characters stay as they are."""
    assert harmless("a\r\n\x1b[31mb\u2066c") == "a [31mb c"
    assert harmless("x" * 500) == "x" * 500


@pytest.mark.parametrize(
    "body", [b'{ "id": 12345678901234567890, "x": 1.0e2 }', b'"\\u00e9"', b"0", b"null"]
)
async def test_a_body_without_an_expression_is_byte_faithful(body: bytes) -> None:
    """No digit, space or escape of it changes."""
    assert await value_of(response(body)) == body


@pytest.mark.parametrize("status", [200, 201, 204])
async def test_no_body_is_null(status: int) -> None:
    """An empty success is null."""
    assert await value_of(response(b"", status)) == b"null"


@pytest.mark.parametrize("body", [b'1,"isError":false', b"\xff", b"[" * 70 + b"]" * 70, b"<html>"])
@pytest.mark.parametrize("method", [{}, LIST, {"response": "1"}, {"response_path": "a"}])
async def test_a_malformed_body_is_an_error(body: bytes, method: dict[str, Any]) -> None:
    """Whatever is done with it afterwards, a body is checked first."""
    outcome = await World(response(body)).call(make_tool(**method))
    assert isinstance(outcome.error, MalformedUpstreamResponse)
    assert outcome.error.upstream_status == 200
    assert outcome.value is None


async def test_large_integers_pass_an_expression_as_strings_with_a_note() -> None:
    """JSONata would round them; the note says what was done. Smaller ones stay."""
    body = b'{"id":1234567890123456,"n":123456789012345}'
    outcome = await World(response(body)).call(make_tool(response="body"))
    assert outcome.value == b'{"id":"1234567890123456","n":123456789012345}'
    assert outcome.notes == (NOTE_INTEGERS,)
    plain = await World(response(body)).call(make_tool())
    assert plain.notes == ()


async def test_a_response_expression_sees_body_status_headers_and_args() -> None:
    """The four names of its scope; cookies are not among the headers."""
    answer = response({"a": 1}, 201, [("x-b", "2"), ("x-b", "3"), ("set-cookie", "S3CRET")])
    world = World(answer)
    tool = make_tool(
        ("q", "query"), response='{"a": [body.a, status, headers."x-b", args.q], "h": headers}'
    )
    outcome = await world.call(tool, q="z")
    assert outcome.value is not None
    assert json.loads(outcome.value)["a"] == [1, 201, "2, 3", "z"]
    assert b"S3CRET" not in outcome.value


async def test_a_failing_expression_is_ours_and_keeps_the_status() -> None:
    """The slot's name and the engine's code, the upstream's status, and no data."""
    outcome = await World(response({"a": "S3CRET"})).call(make_tool(response="$error(body.a)"))
    assert isinstance(outcome.error, ExpressionFailed)
    assert str(outcome.error) == "The expression 'notes.get response' failed (D3137)."
    assert outcome.error.upstream_status == 200


@pytest.mark.parametrize(("path", "result"), [("a.b", b"[ 1 ]"), ("a.x", b"null"), ("a.b.0", b"1")])
async def test_a_response_path(path: str, result: bytes) -> None:
    """The value at the path, as it stands; null when there is none."""
    assert await value_of(response(b'{"a":{"b":[ 1 ]}}'), response_path=path) == result


@pytest.mark.parametrize(
    ("body", "method", "result"),
    [
        (b"[ 1,2 ]", {}, b"[ 1,2 ]"),
        (b"[]", {}, b"[]"),
        (b'{"a":1}', {}, b'[{"a":1}]'),
        (b"", {}, b"[]"),
        (b'{"d":[1]}', {"response_path": "d"}, b"[1]"),
        (b'{"d":null}', {"response_path": "d"}, b"[]"),
        (b"{}", {"response_path": "d"}, b"[]"),
        (b'{"d":[]}', {"response": '{"result": body.d}'}, b"[]"),
        (b'{"d":[{"x":1}]}', {"response": '{"result": body.d.{"y": x}}'}, b'[{"y":1}]'),
        (b'{"d":[{"x":1},{"x":2}]}', {"response": '{"result": body.d.x}'}, b"[1,2]"),
        (b"{}", {"response": '{"result": body.d, "next_cursor": ""}'}, b"[]"),
    ],
)
async def test_a_list_is_an_array_whatever_it_was(
    body: bytes, method: dict[str, Any], result: bytes
) -> None:
    """Nothing is no record, one value one record; a list without more pages has a null cursor."""
    page = await value_of(response(body), **LIST, **method)
    assert page == b'{"result":%b,"next_cursor":null}' % result


@pytest.mark.parametrize(
    "source",
    ["body", "1", "nope", '{"items": []}', '{"result": [], "total": 1}', '{"next_cursor": [1]}'],
)
async def test_a_list_expression_of_another_shape_is_malformed(source: str) -> None:
    """Anything but result and next_cursor is an error."""
    outcome = await World(response([1])).call(make_tool(**LIST, response=source))
    assert isinstance(outcome.error, MalformedUpstreamResponse)


async def test_an_outcome_counts_bytes_and_time() -> None:
    """Bytes in both directions and the upstream's milliseconds, by the clock given."""
    tool = make_tool(("a", "body"), http="POST")
    outcome = await World(response(b"[1]")).call(tool, a=1)
    assert (outcome.bytes_out, outcome.bytes_in, outcome.upstream_ms) == (7, 3, 7)


async def test_a_rate_limit_map_reads_the_body() -> None:
    """Limits told in the body of an answer, with a unit, come out in the one dialect."""
    tool = make_tool(
        rate_limit=RateLimitMap(
            is_limited="body.code = 'slow'",
            limit="body.quota",
            remaining="0",
            reset="body.until",
            reset_unit="iso8601",
        )
    )
    body = {"code": "slow", "quota": 10, "until": "2026-01-02T03:05:05Z"}
    outcome = await World(response(body)).call(tool)
    assert isinstance(outcome.error, UpstreamRateLimited)
    assert outcome.ratelimit == RateLimit(limit=10, remaining=0, reset=60)
    assert outcome.error.after_seconds == 60
    assert outcome.upstream_status == 200


async def test_a_rate_limit_map_over_a_body_that_is_no_json() -> None:
    """The body counts as null; a 429 is a 429."""
    tool = make_tool(rate_limit=RateLimitMap(limit="body.quota", retry_after="headers.wait"))
    answer = response(b"<html>", 429, [("content-type", "text/html"), ("wait", "3")])
    outcome = await World(answer).call(tool)
    assert isinstance(outcome.error, UpstreamRateLimited)
    assert outcome.ratelimit == RateLimit(retry_after=3)


async def test_a_failing_rate_limit_map_spoils_no_answer() -> None:
    """The headers are read instead, and a note says so."""
    tool = make_tool(rate_limit=RateLimitMap(limit="$error('x')"))
    outcome = await World(response([], headers=[("ratelimit-limit", "5")])).call(tool)
    assert outcome.value == b"[]"
    assert outcome.ratelimit == RateLimit(limit=5)
    assert outcome.notes == (NOTE_RATE_LIMIT,)


async def test_the_facts_of_the_limit_come_with_success_too() -> None:
    """A 200 with rate-limit headers carries them."""
    answer = response([], headers=[("x-ratelimit-remaining", "7")])
    assert (await World(answer).call(make_tool())).ratelimit == RateLimit(remaining=7)
