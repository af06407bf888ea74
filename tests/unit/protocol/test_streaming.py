"""Progress of a call: who is told, of what, until when, and what the answer is then."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec
import pytest
from tests.support.calling import (
    MODERN,
    Told,
    World,
    legacy,
    legacy_headers,
    modern,
    modern_headers,
)

from mcpassport.errors import UpstreamFailed, UpstreamRateLimited
from mcpassport.limits import LEGACY_REVISIONS, SSE_EVENT_BYTES
from mcpassport.protocol.streaming import TOKEN_MAX_BYTES
from mcpassport.records.calls import Outcome, Progress
from mcpassport.records.envelope import RateLimit

GET = "get_single_notes_note_by_id"
STREAM = {"stream": "ndjson", "progress": "body"}
HEARD = [Progress(0.5), Progress(2, 3, "two")]


class Stream:
    """A world whose upstream reports progress, and one caller of it."""

    def __init__(self, *heard: Progress, get_method: Any = STREAM) -> None:
        self.world = World(get_method=get_method)
        self.channel = Told()
        self.world.upstream.during = self._report
        self._heard = heard

    async def _report(self) -> None:
        if self.world.upstream.listener is not None:
            assert self.world.audit.phases() == ["intent"]
            for progress in self._heard:
                self.world.upstream.listener(progress)

    async def call(
        self, token: Any = "t", revision: str = MODERN, *, told: bool = True
    ) -> tuple[int, Any]:
        params: dict[str, Any] = {"name": GET, "arguments": {"id": "1"}}
        meta = {} if token is None else {"progressToken": token}
        if revision == MODERN:
            sent = modern("tools/call", params, **meta), modern_headers("tools/call", GET)
        else:
            body = legacy("tools/call", params | ({"_meta": meta} if meta else {}))
            sent = body, legacy_headers(revision)
        status, _, answer = await self.world.post(*sent, channel=self.channel if told else None)
        return status, msgspec.json.decode(answer)


Made = Callable[..., Awaitable[Stream]]


@pytest.fixture
async def made() -> AsyncIterator[Made]:
    """Makes such worlds, each with its audit running."""
    streams: list[Stream] = []

    async def make(*heard: Progress, get_method: Any = STREAM) -> Stream:
        streams.append(Stream(*heard, get_method=get_method))
        await streams[-1].world.log.start()
        return streams[-1]

    yield make
    for stream in streams:
        stream.world.audit.broken = False
        await stream.world.log.close()


@pytest.mark.parametrize("revision", [*LEGACY_REVISIONS, MODERN])
@pytest.mark.parametrize("token", ["t", "", 0, 7, -1, 2**63, 'a"\\é'])
async def test_each_report_becomes_a_notification(made: Made, revision: str, token: Any) -> None:
    """With the caller's own token; the message only where the revision knows it."""
    stream = await made(*HEARD)
    status, answer = await stream.call(token, revision)
    message = {} if revision == "2024-11-05" else {"message": "two"}
    assert stream.channel.messages == [
        {
            "jsonrpc": "2.0",
            "method": "notifications/progress",
            "params": {"progressToken": token, **params},
        }
        for params in ({"progress": 0.5}, {"progress": 2, "total": 3, **message})
    ]
    assert (status, answer["id"]) == (200, 1)
    assert answer["result"]["content"][0]["text"] == '{"id":"1","text":"hi"}'
    assert stream.channel.settled
    assert stream.world.audit.phases() == ["intent", "outcome"]


async def test_progress_only_grows(made: Made) -> None:
    """What is not further than the last report is left out."""
    stream = await made(*map(Progress, (1, 1, 0.5, 2, 1.5, 2, 2.25, -3)))
    await stream.call()
    assert [told["params"]["progress"] for told in stream.channel.messages] == [1, 2, 2.25]


async def test_the_answer_is_settled_before_it_is_recorded(made: Made) -> None:
    """A report that comes after the outcome is known is nobody's."""
    stream = await made(Progress(1))
    listeners = []

    async def outcome_is_written() -> None:
        if stream.world.audit.phases() == ["intent"]:
            listeners.append(stream.channel.settled)

    stream.world.audit.before_write = outcome_is_written
    await stream.call()
    assert listeners == [True]


@pytest.mark.parametrize(
    ("token", "told", "get_method"),
    [
        (None, True, STREAM),
        ("t", False, STREAM),
        ("t", True, {"stream": "ndjson"}),
        ("t", True, {}),
    ],
)
async def test_without_token_events_or_progress_the_answer_is_plain(
    made: Made, token: Any, told: bool, get_method: Any
) -> None:
    """Nobody is told, nothing is listened to, and the answer is the same."""
    stream = await made(*HEARD, get_method=get_method)
    status, answer = await stream.call(token, told=told)
    assert status == 200
    assert answer["result"]["structuredContent"] == {"id": "1", "text": "hi"}
    assert (stream.world.upstream.listener, stream.channel.opened) == (None, False)


async def test_a_null_token_is_none(made: Made) -> None:
    """As a client's library may write what is absent."""
    stream = await made(*HEARD)
    await stream.call(token=msgspec.Raw(b"null"))
    assert not stream.channel.opened


@pytest.mark.parametrize("revision", ["2025-11-25", MODERN])
@pytest.mark.parametrize("token", [1.5, True, [], {}, "x" * TOKEN_MAX_BYTES, 10**129])
async def test_a_token_that_is_none_is_refused(made: Made, token: Any, revision: str) -> None:
    """It would be repeated in every notification, so it is text or an integer, and short."""
    stream = await made(*HEARD)
    raw = msgspec.Raw(str(token).encode()) if isinstance(token, int) else token
    status, answer = await stream.call(raw if token is not True else True, revision)
    assert answer["error"]["code"] == -32602
    assert "progressToken" in answer["error"]["message"]
    assert status == (400 if revision == MODERN else 200)
    assert stream.world.upstream.calls == []
    assert stream.world.audit.phases() == ["refusal"]


async def test_a_batch_is_told_nothing(made: Made) -> None:
    """In an array no stream is anybody's own."""
    stream = await made(*HEARD)
    params = {"name": GET, "arguments": {"id": "1"}, "_meta": {"progressToken": 1}}
    body = b"[" + legacy("tools/call", params) + b"]"
    headers = {"accept": "application/json, text/event-stream"}
    _, _, answer = await stream.world.post(body, headers, channel=stream.channel)
    assert len(msgspec.json.decode(answer)) == 1
    assert not stream.channel.opened


@pytest.mark.parametrize("revision", ["2025-11-25", MODERN])
async def test_an_answer_that_clients_cannot_read_as_an_event_is_an_error(
    made: Made, revision: str
) -> None:
    """Over 1 MiB in an event: an error that says so, also in the audit; as JSON it would go."""
    value = b'"' + b"x" * (SSE_EVENT_BYTES // 2) + b'"'
    outcome = Outcome(value=value, upstream_status=200, sent=True)
    stream = await made(Progress(1))
    stream.world.upstream.outcome = outcome
    _, answer = await stream.call("t", revision)
    size = len(msgspec.json.encode(answer))
    if revision == MODERN:  # text and structured content: twice the value
        assert answer["result"]["isError"] is True
        assert "without a progress token" in answer["result"]["content"][0]["text"]
        assert stream.world.audit.written()[-1].outcome == "response_too_large"
    assert size < SSE_EVENT_BYTES
    silent = await made()
    silent.world.upstream.outcome = outcome
    _, answer = await silent.call("t", revision)
    assert "isError" not in answer["result"]


async def test_a_status_is_200_once_the_stream_has_begun(made: Made) -> None:
    """A rate limit found at the end stands in the event, and the audit says what was sent."""
    for heard, status in (((), 429), ((Progress(1),), 200)):
        stream = await made(*heard)
        stream.world.upstream.outcome = Outcome(
            error=UpstreamRateLimited(ratelimit=RateLimit(limit=1)), sent=True, upstream_status=200
        )
        sent, answer = await stream.call()
        assert sent == status == stream.world.audit.written()[-1].http_status
        assert ("result" in answer) == (status == 200)


async def test_a_failure_is_told_as_ever(made: Made) -> None:
    """An error after some progress is the same tool error."""
    stream = await made(Progress(1))
    stream.world.upstream.outcome = Outcome(error=UpstreamFailed(), sent=True)
    _, answer = await stream.call()
    assert answer["result"]["isError"] is True
    assert len(stream.channel.messages) == 1


async def test_a_result_that_is_not_recorded_is_withheld_from_the_stream_too(made: Made) -> None:
    """Progress was told under the intent; the answer needs its outcome row."""
    stream = await made(Progress(1))
    report = stream.world.upstream.during

    async def breaks() -> None:
        assert report is not None
        await report()
        stream.world.audit.broken = True

    stream.world.upstream.during = breaks
    _, answer = await stream.call()
    assert answer["result"]["_meta"]["mcpassport/error"]["type"] == "audit_unavailable"
    assert "hi" not in str(answer["result"]["content"]).replace("withheld", "").replace("this", "")
