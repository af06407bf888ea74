"""One answer as server-sent events, begun only when there is something to say (mcp-facts 1.5).

Until then it can still be plain JSON with a status of its own. Who tells never waits: what a slow
reader does not take is dropped, the oldest first, so that a caller cannot hold up its own call.

1. The first notification, or 15 s without one, begins the response: HTTP 200, unbuffered.
2. A comment each 15 s keeps the connection; `settle` ends both, so that nothing follows the answer.
3. The answer is the last event, and then the response ends.
"""

import asyncio
from collections import deque
from typing import Final

from mcpassport.edge.asgi import SAFETY_HEADERS, Answer, Header, Send, respond
from mcpassport.limits import SSE_KEEP_ALIVE_S

OK: Final = 200
WAITING_MAX: Final = 64
"""Notifications that wait for a slow reader."""
_HEADERS: Final[tuple[Header, ...]] = (
    *SAFETY_HEADERS,
    (b"content-type", b"text/event-stream"),
    (b"x-accel-buffering", b"no"),
)
_LINE_ENDS: Final = bytes.maketrans(b"\r\n", b"  ")
"""In JSON they stand between tokens only, where a space means the same."""


class EventStream:
    """The response of one request, if it is streamed. Belongs to one task."""

    __slots__ = (
        *("_keep_alive_s", "_last", "_news", "_send", "_settled", "_waiting", "_writing"),
        "started",
    )

    def __init__(self, send: Send, keep_alive_s: float = SSE_KEEP_ALIVE_S) -> None:
        self.started = False
        """Whether the response has begun, or is about to: its status is fixed."""
        self._send = send
        self._keep_alive_s = keep_alive_s
        self._last: bytes | None = None
        self._settled = False
        self._writing: asyncio.Task[None] | None = None

    def open(self) -> None:
        """From now on there may be news."""
        if self._writing is None:
            # Made here, since most answers have none.
            self._waiting: deque[bytes] = deque(maxlen=WAITING_MAX)
            self._news = asyncio.Event()
            self._writing = asyncio.create_task(self._write())

    def tell(self, message: bytes) -> None:
        """Send a notification (1), unless the answer is known already."""
        if not self._settled:
            self.started = True
            self._waiting.append(message)
            self._news.set()

    def settle(self) -> None:
        """Nothing is told any more (2)."""
        self._settled = True

    async def respond(self, answer: Answer | None) -> None:
        """Send the answer: as the last event (3) if there was one, else by itself; None: nothing.

        Refusals that are no JSON-RPC message just end a stream.
        """
        self.settle()
        if answer is None:
            return
        if not self.started or self._writing is None:
            await respond(self._send, answer)
            return
        self._last = answer.body if answer.status == OK else b""
        self._news.set()
        await self._writing

    def abandon(self) -> None:
        """Stop writing: nobody reads, or plain JSON is the answer."""
        if self._writing is not None:
            self._writing.cancel()

    async def _write(self) -> None:
        begun = ended = False
        while not ended:
            frames, ended = await self._next()
            if not frames and not ended:
                continue
            try:
                if not begun:
                    await self._send(
                        {"type": "http.response.start", "status": 200, "headers": [*_HEADERS]}
                    )
                await self._send(
                    {"type": "http.response.body", "body": frames, "more_body": not ended}
                )
            except OSError:
                return  # nobody reads any more; the call itself goes on
            begun = True

    async def _next(self) -> tuple[bytes, bool]:
        """What is to be written next, and whether it is the end."""
        try:
            async with asyncio.timeout(self._keep_alive_s):
                await self._news.wait()
        except TimeoutError:
            self.started = self.started or not self._settled
            return b"" if self._settled else b": keep-alive\n\n", False
        self._news.clear()
        frames = [_frame(message) for message in self._waiting]
        self._waiting.clear()
        if self._last:
            frames.append(_frame(self._last))
        return b"".join(frames), self._last is not None


def _frame(message: bytes) -> bytes:
    return b"event: message\ndata: %b\n\n" % message.translate(_LINE_ENDS)
