"""Pieces of a streamed body to events, each of them checked JSON text.

- `ndjson`: one JSON text a line; empty lines are nothing; the last line needs no line feed.
- `sse`: server-sent events (WHATWG HTML, 9.2.6). `data` that is JSON is that value, other data is a
  JSON string. Comments, `id` and `retry` are passed over.

A line, or an event, is held to a cap before it is whole, and a body that ends within one is
malformed: what was cut off could have said anything.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple, Protocol

import msgspec

from mcpassport.errors import MalformedUpstreamResponse, ResponseTooLarge
from mcpassport.upstream.body import checked_json

MESSAGE: Final = "message"
"""The name of an event that states none (WHATWG HTML, 9.2.6)."""
_BOM: Final = b"\xef\xbb\xbf"
_FEED: Final = re.compile(rb"\n")
_ANY_END: Final = re.compile(rb"\r\n?|\n")
CUT: Final = "The upstream's stream ended within an event."


class Event(NamedTuple):
    """One event: JSON text, and of server-sent events their name."""

    value: bytes
    name: str = ""


class Splitter(Protocol):
    """Takes pieces as they come, and gives the events that they complete."""

    def feed(self, piece: bytes) -> Iterator[Event]:
        """The events that are whole now; `MalformedUpstreamResponse`, `ResponseTooLarge`."""
        ...

    def finish(self) -> Iterator[Event]:
        """What the end of the body completes; `MalformedUpstreamResponse` if it cuts an event."""
        ...


class _Lines:
    """Pieces to lines, by the pattern of what ends one; nothing is looked at twice."""

    def __init__(self, cap: int, ends: re.Pattern[bytes]) -> None:
        self._cap = cap
        self._ends = ends
        self._pending: list[bytes] = []
        self._size = 0
        self._after_return = False

    def feed(self, piece: bytes) -> list[bytes]:
        """The lines that are whole now, without their ends; `ResponseTooLarge` over the cap."""
        if self._after_return and piece:
            # The line feed of a pair that the network cut in two.
            piece, self._after_return = piece.removeprefix(b"\n"), False
        *lines, rest = self._ends.split(piece)
        if lines:
            lines[0] = b"".join((*self._pending, lines[0]))
            self._pending, self._size = [], 0
            self._after_return = self._ends is _ANY_END and piece.endswith(b"\r")
        self._pending.append(rest)
        self._size += len(rest)
        if max(map(len, lines), default=0) > self._cap or self._size > self._cap:
            raise too_long(self._cap)
        return lines

    def rest(self) -> bytes:
        """What is left without an end."""
        return b"".join(self._pending)


class JsonLines:
    """Splits `ndjson`."""

    def __init__(self, cap: int, depth: int) -> None:
        self._lines = _Lines(cap, _FEED)
        self._depth = depth

    def feed(self, piece: bytes) -> Iterator[Event]:
        """One event for each line that is whole."""
        for line in self._lines.feed(piece):
            yield from self._event(line)

    def finish(self) -> Iterator[Event]:
        """The last line, if it has no line feed."""
        try:
            yield from self._event(self._lines.rest())
        except MalformedUpstreamResponse:
            raise MalformedUpstreamResponse(CUT) from None

    def _event(self, line: bytes) -> Iterator[Event]:
        if line.strip():
            yield Event(checked_json(line, self._depth))


class ServerSent:
    """Splits `sse`."""

    def __init__(self, cap: int, depth: int) -> None:
        self._lines = _Lines(cap, _ANY_END)
        self._cap = cap
        self._depth = depth
        self._first = True
        self._data: list[bytes] = []
        self._name = b""
        self._size = 0

    def feed(self, piece: bytes) -> Iterator[Event]:
        """One event for each empty line that ends one."""
        for line in self._lines.feed(piece):
            if self._first:
                line, self._first = line.removeprefix(_BOM), False  # noqa: PLW2901 - the same line
            if line:
                self._field(line)
                continue
            if self._data:
                yield self._event()
            self._data, self._name, self._size = [], b"", 0

    def finish(self) -> Iterator[Event]:
        """Nothing: an event that is not ended by an empty line is cut off."""
        if self._data or self._lines.rest():
            raise MalformedUpstreamResponse(CUT)
        yield from ()

    def _field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
            self._size += len(value) + 1
        elif name == b"event":
            self._name = value
        if self._size > self._cap:
            raise too_long(self._cap)

    def _event(self) -> Event:
        try:
            return Event(self._value(b"\n".join(self._data)), self._name.decode() or MESSAGE)
        except UnicodeDecodeError:
            raise MalformedUpstreamResponse from None

    def _value(self, data: bytes) -> bytes:
        text = data.decode()
        try:
            return checked_json(data, self._depth)
        except MalformedUpstreamResponse:
            return msgspec.json.encode(text)


def too_long(cap: int) -> ResponseTooLarge:
    """An event over its cap."""
    return ResponseTooLarge(f"An event of the upstream's stream is over the cap of {cap:,} bytes.")


SPLITTERS: Final[dict[str, type[JsonLines] | type[ServerSent]]] = {
    "ndjson": JsonLines,
    "sse": ServerSent,
}
