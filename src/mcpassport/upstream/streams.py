"""An upstream response that is read while it arrives: its events, progress, and what they come to.

1. Only a 2xx is followed; of `sse` only what says that it is one. Anything else is read whole, as
   any response.
2. Each event is checked JSON text (`events.py`); their number is capped.
3. Somebody listens: the method's `progress` expression sees each event. What it gives must hold
   finite numbers; a message is made harmless. If it fails, the call goes on without, and a note
   says so.
4. At the end `final` makes the body out of the events; without it the body is the last event, of a
   list all events. From there on it is read as if the upstream had answered it.
"""

import asyncio
import math
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

import msgspec

from mcpassport.errors import (
    ExpressionFailed,
    McpassportError,
    ResponseTooLarge,
    UpstreamError,
)
from mcpassport.expressions import Evaluator, Expression, compile_expression, protect_integers
from mcpassport.limits import Limits
from mcpassport.records.calls import Follower, OutboundRequest, OutboundResponse, Progress
from mcpassport.records.integration import Method, StreamKind
from mcpassport.upstream.body import checked_json
from mcpassport.upstream.events import SPLITTERS, Event
from mcpassport.upstream.media import media_type
from mcpassport.upstream.scopes import NOTE_INTEGERS, harmless, scope_of

Listener = Callable[[Progress], None]
"""Hears of progress; it returns at once."""

NOTE_PROGRESS: Final = "The integration's progress expression failed on this answer."
ACCEPTS: Final[Mapping[StreamKind, str]] = {
    "ndjson": "application/x-ndjson, application/json;q=0.9, */*;q=0.5",
    "sse": "text/event-stream",
}
TURN_EVENTS: Final = 64
"""Events that are read before others get their turn."""
_EVENT_STREAM: Final = "text/event-stream"


class Streamer(Protocol):
    """The part of the HTTP client that a streamed call needs."""

    async def follow(self, request: OutboundRequest, follower: Follower, /) -> OutboundResponse:
        """The response, its body handed to the follower while it arrives if it wants it."""
        ...


class Streaming:
    """How a method's response streams, compiled. `InvalidExpression` if it does not compile."""

    def __init__(self, method: Method, slot: str) -> None:
        self.kind = method.stream
        self.accept = ACCEPTS[method.stream]
        self.progress = _compiled(method.progress, f"{slot} progress")
        self.final = _compiled(method.final, f"{slot} final")
        self.is_list = method.method == "list"
        named = "" if method.final is None else method.final
        self.keeps_all = "events" in named or (self.is_list and self.final is None)
        """Whether every event is kept until the end, or the last one only."""


class Following:
    """Follows one response."""

    def __init__(
        self,
        streaming: Streaming,
        evaluator: Evaluator,
        limits: Limits,
        arguments: Mapping[str, Any],
        listener: Listener | None,
    ) -> None:
        self.sent = False
        """Whether the request reached the network."""
        self.status: int | None = None
        self.received = 0
        """Bytes of the body, decoded."""
        self.notes: tuple[str, ...] = ()
        self._followed = False
        self._streaming = streaming
        self._evaluator = evaluator
        self._limits = limits
        self._arguments = arguments
        self._progress = None if listener is None else streaming.progress
        self._listener = listener
        self._splitter = SPLITTERS[streaming.kind](limits.stream_event_bytes, limits.json_depth)
        self._head = OutboundResponse(status=0, headers=(), body=b"")
        self._events: list[bytes] = []
        self._last: Event | None = None
        self._count = 0

    async def follow(
        self, http: Streamer, request: OutboundRequest
    ) -> OutboundResponse | McpassportError:
        """Send the request, once, and follow its response to the end."""
        self.sent = True
        try:
            response = await http.follow(request, self)
            if self._followed:
                return await self._whole()
        except McpassportError as error:
            # Only the client knows whether anything left, until there is a response.
            left = isinstance(error, UpstreamError) and error.sent
            self.sent = left or self.status is not None
            return error
        self.received = len(response.body)
        return response

    def begin(self, status: int, headers: tuple[tuple[str, str], ...]) -> bool:
        """Whether the response is a stream (1)."""
        self.status = status
        self._head = OutboundResponse(status=status, headers=headers, body=b"")
        media, _ = media_type(self._head.header("content-type") or "")
        typed = self._streaming.kind != "sse" or media == _EVENT_STREAM
        self._followed = typed and 200 <= status <= 299  # noqa: PLR2004 - RFC 9110, section 15
        return self._followed

    async def take(self, piece: bytes) -> None:
        """The next bytes: their events are checked (2), and told (3)."""
        self.received += len(piece)
        for event in self._splitter.feed(piece):
            await self._event(event)
            if not self._count % TURN_EVENTS:
                await asyncio.sleep(0)  # a piece may hold thousands, and others wait

    async def _whole(self) -> OutboundResponse:
        """The response that the events come to (4)."""
        for event in self._splitter.finish():
            await self._event(event)
        body = await self._final()
        # What `final` made is JSON, whatever type the events came as.
        headers = tuple(item for item in self._head.headers if item[0] != "content-type")
        return msgspec.structs.replace(self._head, headers=headers, body=body)

    async def _event(self, event: Event) -> None:
        self._count += 1
        if self._count > self._limits.stream_events:
            raise ResponseTooLarge(
                f"The upstream's stream has more than {self._limits.stream_events:,} events."
            )
        self._last = event
        if self._streaming.keeps_all:
            self._events.append(_kept(event))
        if self._progress is not None:
            await self._tell(self._progress, event)

    async def _tell(self, expression: Expression, event: Event) -> None:
        body, _ = protect_integers(event.value)
        more = {"event": event.name} if event.name else {}
        try:
            result = await self._evaluator.evaluate(
                expression, scope_of(self._head, body, self._arguments, **more)
            )
            progress = None if result is None else progress_of(msgspec.json.decode(result))
        except (ExpressionFailed, ValueError, msgspec.DecodeError):
            self._progress, self.notes = None, (*self.notes, NOTE_PROGRESS)
            return
        if progress is not None and self._listener is not None:
            self._listener(progress)

    async def _final(self) -> bytes:
        last = b"null" if self._last is None else self._last.value
        final = self._streaming.final
        if final is None:
            return b"[%b]" % b",".join(self._events) if self._streaming.is_list else last
        body, changed = protect_integers(last)
        events, also = protect_integers(b"[%b]" % b",".join(self._events))
        if changed or also:
            self.notes = (*self.notes, NOTE_INTEGERS)
        scope = scope_of(self._head, body, self._arguments, events=msgspec.Raw(events))
        result = await self._evaluator.evaluate(final, scope)
        return b"null" if result is None else checked_json(result, self._limits.json_depth)


def progress_of(value: Any) -> Progress | None:
    """What a `progress` expression gave; null is nothing.

    Raises:
        ValueError: it is not {progress, total, message} with finite numbers and a text.
    """
    if value is None:
        return None
    if not isinstance(value, dict) or not value.keys() <= {"progress", "total", "message"}:
        raise ValueError
    message = value.get("message")
    if message is not None and not isinstance(message, str):
        raise ValueError
    total = value.get("total")
    return Progress(
        _number(value.get("progress")),
        None if total is None else _number(total),
        None if message is None else harmless(message),
    )


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError
    return value


def _kept(event: Event) -> bytes:
    """An event as `events` shows it: the value of a line; of server-sent events the name too."""
    if not event.name:
        return event.value
    return b'{"event":%b,"data":%b}' % (msgspec.json.encode(event.name), event.value)


def _compiled(source: str | None, slot: str) -> Expression | None:
    return None if source is None else compile_expression(source, slot)
