"""The way out of the lab: what a fault may do to a connection."""

import asyncio
from typing import Protocol

from mcpassport.lab.wire import Rendered


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


class Fault(Protocol):
    """A way to deliver an answer. Its fields are its options, decoded strictly."""

    async def play(self, answer: Rendered, channel: Channel) -> None:
        """Deliver the answer, or fail to; the connection stays open unless it closes it."""
        ...
