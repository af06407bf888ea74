"""Accepts connections, records every request, and lets the rules answer."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from mcpassport.lab.channel import Channel
from mcpassport.lab.control import PREFIX, Control, Ended, Record
from mcpassport.lab.wire import Malformed, Received, read_request, render


class _Link(asyncio.StreamReaderProtocol):
    """A connection that knows when its client has hung up, while an answer is still under way."""

    def __init__(self, lab: "Lab") -> None:
        super().__init__(asyncio.StreamReader(limit=2**18), self._serve)
        self._lab = lab
        self._gone = asyncio.Event()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._lab.serve(reader, writer, self._gone)

    def eof_received(self) -> bool | None:
        self._gone.set()
        return super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._gone.set()
        super().connection_lost(exc)


class Lab:
    """The recording upstream. `start` listens; `control` holds the rules and the records."""

    def __init__(self) -> None:
        self.control = Control()
        self._connections = 0
        self._requests = 0

    async def start(self, host: str, port: int) -> asyncio.Server:
        """Listen; port 0 takes a free one."""
        loop = asyncio.get_running_loop()
        return await loop.create_server(lambda: _Link(self), host, port)

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, gone: asyncio.Event
    ) -> None:
        """One connection, request after request, until either side ends it."""
        self._connections += 1
        connection, channel = self._connections, Channel(writer)
        try:
            while not channel.closed:
                request = await read_request(reader)
                await self._answer(request, connection, channel, gone)
                if (request.header("Connection") or "").lower() == "close":
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has hung up
        except Malformed as exc:
            refusal = render(400, (("Connection", "close"),), str(exc).encode())
            writer.write(refusal.head + refusal.body)
        finally:
            channel.close()

    async def _answer(
        self, request: Received, connection: int, channel: Channel, gone: asyncio.Event
    ) -> None:
        if request.target.startswith(PREFIX):
            answer = self.control.answer(request)
            await channel.send(answer.head + answer.body)
            return
        self._requests += 1
        record = Record(number=self._requests, connection=connection, request=request)
        self.control.records.append(record)
        rendered, fault = self.control.rules.answer(request)
        record.ended = await _played(fault.play(rendered, channel), channel, gone)


async def _played(play: Coroutine[Any, Any, None], channel: Channel, gone: asyncio.Event) -> Ended:
    """Run the delivery until it is done or the client is gone, whichever comes first."""
    delivery, leaving = asyncio.create_task(play), asyncio.create_task(gone.wait())
    await asyncio.wait({delivery, leaving}, return_when=asyncio.FIRST_COMPLETED)
    leaving.cancel()
    if not delivery.done():
        delivery.cancel()
    await asyncio.wait({delivery, leaving})
    if delivery.cancelled() or isinstance(delivery.exception(), ConnectionError):
        channel.close()
        return "client_closed"
    delivery.result()
    return "closed" if channel.closed else "answered"
