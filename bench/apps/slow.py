"""An upstream that answers nobody until so many are waiting; then all, a second later.

python -m bench.apps.slow PORT WAITING
"""

import asyncio
import sys
from typing import Final

from bench.upstream import SMALL

HOLD_S: Final = 2.0
_ANSWER: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(SMALL)
) + SMALL


class Crowd:
    """Who waits, and for how many."""

    def __init__(self, wanted: int) -> None:
        self._wanted = wanted
        self._waiting = 0
        self._full = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection's requests; those to `/` at once."""
        while head := await _head(reader):
            if not head.startswith(b"GET / "):
                await self._turn()
            writer.write(_ANSWER)
        writer.close()

    async def _turn(self) -> None:
        self._waiting += 1
        if self._waiting >= self._wanted:
            await asyncio.sleep(HOLD_S)
            self._full.set()
        await self._full.wait()


async def _head(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""


async def run(port: int, wanted: int) -> None:
    """Serve until the process is ended."""
    server = await asyncio.start_server(Crowd(wanted).serve, "127.0.0.1", port, backlog=16_384)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(run(*map(int, sys.argv[1:])))
