"""The way out of the lab: what a fault may do to a connection."""

import asyncio
import socket
import struct
from typing import Final, Protocol

from mcpassport.lab.wire import Rendered

_AT_ONCE: Final = struct.pack("ii", 1, 0)
"""SO_LINGER on, 0 seconds: closing drops what is unsent and sends RST (socket(7))."""


class Channel:
    """One connection, seen from the side that answers."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer

    @property
    def closed(self) -> bool:
        """Whether nothing more will be sent."""
        return self._writer.is_closing()

    async def send(self, data: bytes) -> None:
        """Write, and wait until the peer takes more."""
        self._writer.write(data)
        await self._writer.drain()

    async def pause(self, seconds: float) -> None:
        """Say nothing for so long."""
        await asyncio.sleep(seconds)

    def close(self) -> None:
        """Send what is buffered, then FIN."""
        self._writer.close()

    def reset(self) -> None:
        """RST, at once: nothing that is buffered goes out."""
        link = self._writer.get_extra_info("socket")
        link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
        self._writer.transport.abort()


class Fault(Protocol):
    """A way to deliver an answer. Its fields are its options, decoded strictly."""

    async def play(self, answer: Rendered, channel: Channel) -> None:
        """Deliver the answer, or fail to; the connection stays open unless it closes it."""
        ...
