"""What a message says of itself, and what an HTTP answer becomes."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.calling import MODERN, legacy, modern

from mcpassport.cli.bridge.answers import Events, failures_of, messages_of
from mcpassport.cli.bridge.messages import Peeked, header_value, headers_for, mirrors_in, peek
from mcpassport.errors import UpstreamTimeout
from mcpassport.protocol.era import plain_header
from mcpassport.records.calls import OutboundResponse

SCHEMA = {
    "type": "object",
    "properties": {
        "region": {"type": "string", "x-mcp-header": "Region"},
        "where": {
            "type": "object",
            "properties": {"zone": {"type": "integer", "x-mcp-header": "Zone"}},
        },
        "free": {"type": "string"},
    },
}


def _response(body: bytes, status: int = 200, kind: str = "application/json") -> OutboundResponse:
    return OutboundResponse(status=status, headers=(("content-type", kind),), body=body)


def _errors(found: list[bytes]) -> list[dict[str, Any]]:
    return [json.loads(each) for each in found]


def test_a_modern_message_brings_its_routing_headers() -> None:
    """Version, method and name as the body has them (spec: basic/transports)."""
    message = peek(modern("tools/call", {"name": "a_tool", "arguments": {}}))
    headers = dict(headers_for(message, "2025-06-18", {}))
    assert headers["mcp-protocol-version"] == MODERN
    assert (headers["mcp-method"], headers["mcp-name"]) == ("tools/call", "a_tool")
    assert "text/event-stream" in headers["accept"]


def test_an_older_message_brings_the_revision_that_was_agreed_on() -> None:
    """Without an agreement no revision is stated, and never a routing header."""
    message = peek(legacy("tools/list"))
    assert dict(headers_for(message, None, {})).keys() == {"accept", "content-type"}
    assert dict(headers_for(message, "2025-06-18", {}))["mcp-protocol-version"] == "2025-06-18"


def test_mirrored_arguments_are_repeated_in_headers() -> None:
    """Those that the schema names, wherever they stand; absent and null ones are left out."""
    (found,) = mirrors_in([{"name": "t", "inputSchema": SCHEMA}, {"name": 5}, None])
    assert found[0] == "t"
    arguments = {"region": "Zürich", "where": {"zone": 42}, "free": "x"}
    message = peek(modern("tools/call", {"name": "t", "arguments": arguments}))
    headers = dict(headers_for(message, None, found[1]))
    assert plain_header(headers["Mcp-Param-Region"]) == "Zürich"
    assert headers["Mcp-Param-Zone"] == "42"
    message = peek(modern("tools/call", {"name": "t", "arguments": {"region": None}}))
    assert not {name for name, _ in headers_for(message, None, found[1])} & {"Mcp-Param-Region"}


@given(st.text(st.characters(codec="utf-8"), max_size=20))
def test_any_text_survives_as_a_header_value(text: str) -> None:
    """Printable ASCII, and what the server reads out of it is the text."""
    value = header_value(text)
    assert value == value.strip()
    assert value.isascii()
    assert value.isprintable()
    assert plain_header(value) == text


@given(st.binary(max_size=60) | st.text().map(str.encode))
def test_any_line_can_be_looked_at(line: bytes) -> None:
    """What is no message has no id, no method and no parameters."""
    message = peek(line)
    assert isinstance(message.params, dict)
    assert dict(headers_for(message, None, {}))


@pytest.mark.parametrize("line", [b"[" * 100_000, b"{", b"\xff", b"1", b"null", b'{"id":1}'])
def test_what_is_no_request_waits_for_no_answer(line: bytes) -> None:
    """Nobody is told of an answer that did not come."""
    assert peek(line).ids == ()


def test_a_number_of_any_length_hides_nothing() -> None:
    """Python refuses to read it; the message still travels with its id and its headers."""
    arguments = {"n": "@"}
    line = modern("tools/call", {"name": "t", "arguments": arguments}).replace(b'"@"', b"1" * 5000)
    message = peek(line)
    assert (message.ids, message.modern) == ((1,), MODERN)


@pytest.mark.parametrize(
    ("line", "cancelled"),
    [
        (b'{"method":"notifications/cancelled","params":{"requestId":7}}', 7),
        (b'{"method":"notifications/cancelled","params":{"requestId":"7"}}', "7"),
        (b'{"method":"notifications/cancelled","params":{"requestId":true}}', None),
        (b'{"method":"notifications/cancelled","id":1,"params":{"requestId":7}}', None),
        (b'{"method":"notifications/progress","params":{"requestId":7}}', None),
    ],
)
def test_a_cancellation_names_its_request(line: bytes, cancelled: Any) -> None:
    """Only the notification of that name, and an id of its own type."""
    assert peek(line).cancels == cancelled


STREAM = b": ping\n\nevent: message\ndata: %b\n\nid: 5\ndata: %b\n\n"
NOTE = b'{"jsonrpc":"2.0","method":"notifications/progress","params":{}}'
ANSWER = b'{"jsonrpc":"2.0","id":1,"result":{}}'


@pytest.mark.parametrize("size", [1, 7, 1000])
async def test_events_are_passed_on_as_they_come(size: int) -> None:
    """Comments, names and ids are left out; the data of an event is one message."""
    written: list[bytes] = []

    async def write(message: bytes) -> None:
        written.append(message)

    events = Events(write)
    assert events.begin(200, (("content-type", "text/event-stream; charset=utf-8"),))
    assert not events.begin(200, (("content-type", "application/json"),))
    body = STREAM % (NOTE, ANSWER)
    for start in range(0, len(body), size):
        await events.take(body[start : start + size])
    assert written == [NOTE, ANSWER]
    assert events.answers == [ANSWER]


def test_a_json_rpc_answer_is_passed_on_whatever_its_status() -> None:
    """A 429 of the modern era is a JSON-RPC error already."""
    body = b'{"jsonrpc":"2.0","id":1,"error":{"code":429,"message":"slow"}}'
    asked = Peeked(ids=(1,))
    assert list(messages_of(_response(body, 429), asked)) == [body]


@pytest.mark.parametrize(
    ("status", "body", "code", "kind"),
    [
        (404, b'{"error":{"type":"not_found"}}', -32600, "not_found"),
        (403, b'{"error":{"type":"second_factor_required","message":"m"}}', -32600, None),
        (503, b'{"error":{"type":"store_unavailable","message":"m"}}', -32603, None),
        (502, b"<html>proxy</html>", -32603, "unexpected_answer"),
        (200, b"", -32603, "unexpected_answer"),
        (200, b'{"error":"text"}', -32603, "unexpected_answer"),
        (200, b": only a comment", -32603, "unexpected_answer"),
    ],
)
def test_any_other_answer_becomes_an_error_of_the_request(
    status: int, body: bytes, code: int, kind: str | None
) -> None:
    """With the request's own id; a notification is not answered."""
    asked = Peeked(ids=("a", 2))
    found = _errors(list(messages_of(_response(body, status), asked)))
    assert [each["id"] for each in found] == ["a", 2]
    error = found[0]["error"]
    assert error["code"] == code
    assert error["message"]
    assert error["data"]["type"] == (kind or json.loads(body)["error"]["type"])
    assert b"html" not in json.dumps(found).encode()
    assert list(messages_of(_response(body, status), Peeked())) == []


def test_no_answer_is_an_error_too() -> None:
    """It says what happened, not where."""
    (found,) = _errors(list(failures_of(UpstreamTimeout(), Peeked(ids=(9,)))))
    assert (found["id"], found["error"]["data"]["type"]) == (9, "no_answer")
    assert "timeout" in found["error"]["message"]
