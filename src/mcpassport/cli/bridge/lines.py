"""Lines in and out: one JSON-RPC message each (spec: basic/transports/stdio)."""

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import CancelledError
from typing import Final

from mcpassport.limits import LIMITS

LONGEST: Final = LIMITS["request_body_bytes"].ceiling
"""Bytes of a line; the server reads no larger message anyway."""
_CHUNK: Final = 2**16
_AHEAD: Final = 64
"""Lines that are read before the first of them is taken."""


class TooLong(bytes):
    """The beginning of a line that was not read whole."""


class Splitter:
    """Cuts what arrives into lines; of one that is too long it keeps the beginning."""

    def __init__(self, longest: int = LONGEST) -> None:
        self._longest = longest
        self._begun = bytearray()

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """The lines that this chunk completes, without their ends and without empty ones."""
        *whole, rest = chunk.split(b"\n")
        for part in whole:
            self._keep(part)
            yield from self.finish()
        self._keep(rest)

    def finish(self) -> Iterator[bytes]:
        """The line that is begun, if any."""
        line = bytes(self._begun)
        self._begun.clear()
        if len(line) > self._longest:
            yield TooLong(line[: self._longest])
        elif line.strip():
            yield line.strip()

    def _keep(self, part: bytes) -> None:
        self._begun += part[: self._longest + 1 - len(self._begun)]


async def lines_of(descriptor: int) -> AsyncIterator[bytes]:
    """The lines of a pipe, a file or a terminal, until its end.

    A thread reads, since files cannot be watched; it is a daemon and holds no lock of Python's, so
    a program that ends does not wait for it.
    """
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[bytes | None] = asyncio.Queue(_AHEAD)

    def put(line: bytes | None) -> None:
        asyncio.run_coroutine_threadsafe(queue.put(line), loop).result()

    def read() -> None:
        splitter = Splitter()
        try:
            while chunk := os.read(descriptor, _CHUNK):
                for line in splitter.feed(chunk):
                    put(line)
            for line in splitter.finish():
                put(line)
            put(None)
        except (RuntimeError, CancelledError):
            return  # the loop has ended: nobody takes lines any more

    threading.Thread(target=read, name="lines", daemon=True).start()
    while (line := await queue.get()) is not None:
        yield line


class Writer:
    """Writes messages to a descriptor, each whole and on a line of its own."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._turn = asyncio.Lock()

    async def write(self, message: bytes) -> None:
        """Write one message; waits while the reader does not read. `OSError` when it is gone.

        A cancellation in the middle leaves the message whole: it is written to its end.
        """
        await asyncio.shield(self._in_turn(flat(message) + b"\n"))

    async def _in_turn(self, data: bytes) -> None:
        async with self._turn:
            await asyncio.to_thread(self._write, data)

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]


def flat(message: bytes) -> bytes:
    """JSON text on one line: outside of strings a line end is space, inside it is escaped."""
    return message.replace(b"\r", b" ").replace(b"\n", b" ")
