"""One answer as server-sent events: when it begins, what it holds, how it ends."""

import asyncio
from typing import Any

import pytest

from mcpassport.edge.asgi import Answer
from mcpassport.edge.streaming import WAITING_MAX, EventStream

ANSWER = Answer(200, b'{"jsonrpc":"2.0","id":1,"result":{}}')
LAST = b"event: message\ndata: " + ANSWER.body + b"\n\n"
KEEP = b": keep-alive\n\n"


class Wire:
    """What is sent; may refuse, or hold up its writer."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.open = asyncio.Event()
        self.open.set()
        self.broken = False

    async def send(self, message: Any) -> None:
        await self.open.wait()
        if self.broken:
            raise OSError("gone")
        self.sent.append(message)

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)

    async def until(self, count: int) -> None:
        """Wait for so many messages."""
        for _ in range(2000):
            if len(self.sent) >= count:
                return
            await asyncio.sleep(0.005)
        raise AssertionError(f"{len(self.sent)} of {count}")


@pytest.fixture
def wire() -> Wire:
    return Wire()


def headers_of(start: dict[str, Any]) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in start["headers"]}


async def test_notifications_begin_the_response_and_the_answer_ends_it(wire: Wire) -> None:
    """One event each, in order, unbuffered, and the end."""
    stream = EventStream(wire.send)
    stream.open()
    stream.tell(b'{"n":1}')
    assert stream.started
    await wire.until(2)
    stream.tell(b'{"n":2}')
    await wire.until(3)
    await stream.respond(ANSWER)
    start, *bodies = wire.sent
    assert (start["type"], start["status"]) == ("http.response.start", 200)
    assert headers_of(start) == {
        "cache-control": "no-store",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "content-type": "text/event-stream",
        "x-accel-buffering": "no",
    }
    told = b'event: message\ndata: {"n":1}\n\nevent: message\ndata: {"n":2}\n\n'
    assert wire.body == told + LAST
    assert [body["more_body"] for body in bodies] == [True, True, False]


@pytest.mark.parametrize("opened", [False, True])
async def test_without_news_the_answer_is_plain_json(wire: Wire, opened: bool) -> None:
    """Status, length and content type are those of any answer."""
    stream = EventStream(wire.send)
    if opened:
        stream.open()
        await asyncio.sleep(0)
    await stream.respond(Answer(429, b"{}", ((b"retry-after", b"3"),)))
    stream.abandon()
    start, body = wire.sent
    assert start["status"] == 429
    assert headers_of(start)["content-type"] == "application/json"
    assert headers_of(start)["retry-after"] == "3"
    assert body["body"] == b"{}"


async def test_a_quiet_call_is_kept_alive(wire: Wire) -> None:
    """Comments begin the response and go on until it is settled; none comes after that."""
    stream = EventStream(wire.send, keep_alive_s=0.01)
    stream.open()
    await wire.until(4)
    assert stream.started
    assert wire.body.replace(KEEP, b"") == b""
    stream.settle()
    await asyncio.sleep(0.05)
    settled = len(wire.sent)
    await asyncio.sleep(0.05)
    assert len(wire.sent) == settled
    stream.tell(b'{"late":1}')
    await stream.respond(ANSWER)
    assert wire.body.replace(KEEP, b"") == LAST


async def test_a_settled_call_that_was_quiet_stays_plain(wire: Wire) -> None:
    """Once the outcome is known the status may not change any more."""
    stream = EventStream(wire.send, keep_alive_s=0.02)
    stream.open()
    stream.settle()
    await asyncio.sleep(0.1)
    assert (stream.started, wire.sent) == (False, [])
    stream.abandon()


async def test_line_ends_in_json_cannot_end_an_event(wire: Wire) -> None:
    """Pretty-printed JSON of an upstream is one data line."""
    stream = EventStream(wire.send)
    stream.open()
    stream.tell(b"{}")
    await stream.respond(Answer(200, b'{\r\n "a":\n 1,\r "b": "\xe2\x80\xa8"}'))
    assert wire.body.count(b"\n") == 6
    assert wire.body.endswith(b'data: {   "a":  1,  "b": "\xe2\x80\xa8"}\n\n')


async def test_a_reader_that_does_not_read_holds_up_nobody(wire: Wire) -> None:
    """Telling never waits; of what waits the oldest go first, and the answer is kept."""
    stream = EventStream(wire.send)
    stream.open()
    stream.tell(b'{"n":-1}')
    wire.open.clear()
    await asyncio.sleep(0)
    for number in range(1000):
        stream.tell(b'{"n":%d}' % number)
    wire.open.set()
    await stream.respond(ANSWER)
    assert b'{"n":999}' in wire.body
    assert b'{"n":100}' not in wire.body
    assert wire.body.count(b"data:") <= WAITING_MAX + 2
    assert wire.body.endswith(LAST)


async def test_the_answer_is_not_lost_while_the_head_is_written(wire: Wire) -> None:
    """It may be there before the first notification has left."""
    stream = EventStream(wire.send)
    wire.open.clear()
    stream.open()
    stream.tell(b"{}")
    await asyncio.sleep(0)
    responding = asyncio.create_task(stream.respond(ANSWER))
    await asyncio.sleep(0)
    wire.open.set()
    await responding
    assert wire.body == b"event: message\ndata: {}\n\n" + LAST
    assert wire.sent[-1]["more_body"] is False


async def test_a_reader_that_left_is_no_fault(wire: Wire) -> None:
    """In the legacy era the call goes on; what nobody reads is dropped."""
    stream = EventStream(wire.send)
    stream.open()
    wire.broken = True
    stream.tell(b"{}")
    await asyncio.sleep(0.01)
    stream.tell(b"{}")
    await stream.respond(ANSWER)
    assert wire.sent == []


@pytest.mark.parametrize("answer", [None, Answer(500, b'{"error":{}}')])
async def test_what_is_no_message_is_not_an_event(wire: Wire, answer: Answer | None) -> None:
    """After a cancelled call, or a refusal without JSON-RPC, the stream just ends."""
    stream = EventStream(wire.send)
    stream.open()
    stream.tell(b"{}")
    await wire.until(2)
    await stream.respond(answer)
    stream.abandon()
    assert wire.body == b"event: message\ndata: {}\n\n"
