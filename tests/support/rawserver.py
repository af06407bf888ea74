"""A TCP server whose answers a test writes byte for byte, to show what a client really does."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass
class Exchange:
    """One request as it came in, and the connection to answer on."""

    target: str
    head: bytes
    body: bytes
    connection: int
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def reply(self, body: bytes = b"{}", *, status: int = 200, head: str = "") -> None:
        """A whole response on a connection that stays open."""
        start = f"HTTP/1.1 {status} Any\r\nContent-Length: {len(body)}\r\n{head}\r\n"
        await self.send(start.encode() + body)

    async def peer_closed(self) -> None:
        """Wait until the client hangs up, by FIN or by RST."""
        with contextlib.suppress(ConnectionError):
            while await self.reader.read(65536):
                pass


Play: TypeAlias = Callable[[Exchange], Awaitable[None]]


@dataclass
class RawServer:
    """Records what arrives and lets `play` answer; a `play` that closes ends the connection."""

    play: Play
    port: int = 0
    connections: int = 0
    exchanges: list[Exchange] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        number = self.connections
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        try:
            while not writer.is_closing():
                head = await reader.readuntil(b"\r\n\r\n")
                target = head.split(b" ", 2)[1].decode("latin-1")
                exchange = Exchange(target, head, b"", number, reader, writer)
                self.exchanges.append(exchange)
                self.arrived.set()
                lower = head.lower()
                if b"content-length: " in lower and b"x-leave-body" not in lower:
                    length = int(lower.split(b"content-length: ")[1].split(b"\r\n")[0])
                    exchange.body = await reader.readexactly(length)
                await self.play(exchange)
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass  # the end of the connection, or of the server
        finally:
            writer.close()


class _Link(asyncio.StreamReaderProtocol):
    """Remembers its transport from the first moment, so that none is left open."""

    def __init__(self, raw: RawServer, transports: set[asyncio.BaseTransport]) -> None:
        super().__init__(asyncio.StreamReader(), raw.serve)
        self._transports = transports

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transports.add(transport)
        super().connection_made(transport)


@contextlib.asynccontextmanager
async def raw_server(play: Play, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[RawServer]:
    """Serve on a free loopback port until the block ends."""
    raw = RawServer(play)
    transports: set[asyncio.BaseTransport] = set()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Link(raw, transports), "127.0.0.1", 0, ssl=tls)
    raw.port = server.sockets[0].getsockname()[1]
    try:
        yield raw
    finally:
        # A connection accepted just now needs its transport first, else its socket is lost.
        await asyncio.sleep(0.01)
        server.close()
        for transport in transports:
            transport.abort()  # type: ignore[attr-defined]  # every stream transport has it
        for task in raw.tasks:
            task.cancel()
        await asyncio.gather(*raw.tasks, return_exceptions=True)
        await asyncio.sleep(0.01)  # the loop closes what was aborted


async def plain(exchange: Exchange) -> None:
    """Answer every request with an empty JSON object."""
    await exchange.reply()
