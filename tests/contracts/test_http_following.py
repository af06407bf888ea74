"""What following a response promises, on raw sockets: every piece in time, under the same rules."""

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeAlias

import pytest
from tests.support.rawserver import Exchange, RawServer, raw_server

from mcpassport.errors import (
    ExpressionFailed,
    MalformedUpstreamResponse,
    ResponseTooLarge,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from mcpassport.http import HttpClient
from mcpassport.limits import Limits
from mcpassport.records.calls import OutboundRequest

Connect: TypeAlias = Callable[..., HttpClient]
HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"


class Collector:
    """A follower that keeps what it is given, and may refuse it."""

    def __init__(self, *, wants: bool = True, refuse: Exception | None = None) -> None:
        self.wants = wants
        self.refuse = refuse
        self.begun: list[int] = []
        self.pieces: list[bytes] = []
        self.news = asyncio.Event()

    def begin(self, status: int, headers: tuple[tuple[str, str], ...]) -> bool:
        assert dict(headers)
        self.begun.append(status)
        return self.wants

    async def take(self, piece: bytes) -> None:
        self.pieces.append(piece)
        self.news.set()
        if self.refuse is not None:
            raise self.refuse

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """Makes clients that may reach the given server, and closes them."""
    made: list[HttpClient] = []

    def connect(server: RawServer, **limits: Any) -> HttpClient:
        hosts = (f"127.0.0.1:{server.port}",)
        client = HttpClient(limits=Limits(**limits), private_hosts=hosts, user_agent="test")
        made.append(client)
        return client

    yield connect
    for client in made:
        await client.close()


def asked(server: RawServer, **more: Any) -> OutboundRequest:
    return OutboundRequest(method="GET", url=f"{server.origin}/x", **more)


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


@pytest.mark.parametrize("gzipped", [False, True])
async def test_a_piece_is_handed_on_before_the_next_one_is_sent(
    connect: Connect, gzipped: bool
) -> None:
    """The server sends the second piece only once the first has been taken."""
    follower = Collector()
    packer = zlib.compressobj(wbits=31) if gzipped else None

    def packed(data: bytes, flush: int = zlib.Z_SYNC_FLUSH) -> bytes:
        return data if packer is None else packer.compress(data) + packer.flush(flush)

    async def play(exchange: Exchange) -> None:
        await exchange.send(HEAD + (b"Content-Encoding: gzip\r\n" if gzipped else b"") + b"\r\n")
        for piece in (b"one", b"two"):
            await exchange.send(chunk(packed(piece)))
            await follower.news.wait()
            follower.news.clear()
        await exchange.send((chunk(packed(b"", zlib.Z_FINISH)) if gzipped else b"") + b"0\r\n\r\n")

    async with raw_server(play) as server:
        response = await connect(server).follow(asked(server), follower)
    assert (response.status, response.body) == (200, b"")
    assert (follower.begun, follower.body) == ([200], b"onetwo")


async def test_what_is_not_wanted_is_read_whole(connect: Connect) -> None:
    """A follower that declines gets nothing, and the body is in the response."""
    follower = Collector(wants=False)
    async with raw_server(lambda exchange: exchange.reply(b"whole", status=500)) as server:
        response = await connect(server).follow(asked(server), follower)
    assert (response.status, response.body, follower.pieces) == (500, b"whole", [])


@pytest.mark.parametrize("refuse", [MalformedUpstreamResponse("said"), ExpressionFailed("said")])
async def test_a_follower_that_refuses_ends_the_request(
    connect: Connect, refuse: Exception
) -> None:
    """Its error is raised with its text, and the connection is closed at once."""
    closed = asyncio.Event()

    async def play(exchange: Exchange) -> None:
        await exchange.send(HEAD + b"\r\n" + chunk(b"x"))
        await exchange.peer_closed()
        closed.set()

    async with raw_server(play) as server:
        with pytest.raises(type(refuse), match="said"):
            await connect(server).follow(asked(server), Collector(refuse=refuse))
        await asyncio.wait_for(closed.wait(), 10)


CAP = 1000


@pytest.mark.parametrize(
    "raw",
    [
        HEAD + b"\r\n" + chunk(b"x" * 400) * 3,
        b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n" + b"x" * 1001,
        HEAD + b"Content-Encoding: gzip\r\n\r\n" + chunk(gzip.compress(b"x" * 100_000)),
        HEAD + b"Content-Encoding: gzip\r\n\r\n" + chunk(gzip.compress(b"x" * 500)) * 3,
    ],
)
async def test_the_cap_counts_what_was_handed_on(connect: Connect, raw: bytes) -> None:
    """Pieces that were taken count on: a stream is no way around the size of a body."""
    follower = Collector()

    async def play(exchange: Exchange) -> None:
        await exchange.send(raw)
        await exchange.peer_closed()

    async with raw_server(play) as server:
        with pytest.raises(ResponseTooLarge):
            await connect(server).follow(asked(server, max_body=CAP), follower)
    assert len(follower.body) <= CAP


@pytest.mark.parametrize(
    ("end", "kind"),
    [("close", UpstreamUnreachable), ("stall", UpstreamTimeout), ("half", UpstreamUnreachable)],
)
async def test_a_stream_that_breaks_or_stalls_is_an_error(
    connect: Connect, end: str, kind: type[Exception]
) -> None:
    """A connection that closes within the stream, and one that falls silent until the timeout."""

    async def play(exchange: Exchange) -> None:
        await exchange.send(HEAD + b"\r\n" + chunk(b"x") + (b"5\r\nab" if end == "half" else b""))
        if end == "stall":
            await exchange.peer_closed()
        else:
            exchange.writer.close()

    async with raw_server(play) as server:
        with pytest.raises(kind):
            await connect(server).follow(asked(server, timeout_s=0.3), Collector())


async def test_cancellation_closes_a_stream(connect: Connect) -> None:
    """The upstream sees the end of the connection as soon as the call is cancelled."""
    follower, closed = Collector(), asyncio.Event()

    async def play(exchange: Exchange) -> None:
        await exchange.send(HEAD + b"\r\n" + chunk(b"x"))
        await exchange.peer_closed()
        closed.set()

    async with raw_server(play) as server:
        following = asyncio.create_task(connect(server).follow(asked(server), follower))
        await asyncio.wait_for(follower.news.wait(), 10)
        following.cancel()
        with pytest.raises(asyncio.CancelledError):
            await following
        await asyncio.wait_for(closed.wait(), 10)
