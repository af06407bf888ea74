"""What the outbound HTTP client promises, shown on raw sockets."""

import asyncio
import contextlib
import gzip
import logging
import socket
import ssl
import traceback
import tracemalloc
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, TypeAlias

import aiohttp
import msgspec
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from tests.support.certificates import server_context
from tests.support.rawserver import Exchange, Play, RawServer, plain, raw_server

from mcpassport.errors import (
    AddressForbidden,
    GatewayRateLimited,
    MalformedUpstreamResponse,
    ResponseTooLarge,
    UnsendableRequest,
    UpstreamError,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from mcpassport.http import HttpClient
from mcpassport.limits import Limits
from mcpassport.records.calls import OutboundRequest

Connect: TypeAlias = Callable[..., HttpClient]
PUBLIC = "93.184.215.14"


class Names(AbstractResolver):
    """A name service that gives the listed answers in turn, the last one for ever."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        addresses = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [
            ResolveResult(hostname=host, host=a, port=port, family=family, proto=0, flags=0)
            for a in addresses
        ]

    async def close(self) -> None:
        pass


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """Makes clients that may reach the given servers, and closes them."""
    clients: list[HttpClient] = []

    def make(*servers: RawServer, limits: Limits | None = None, **more: Any) -> HttpClient:
        hosts = [f"127.0.0.1:{server.port}" for server in servers] + more.pop("hosts", [])
        client = HttpClient(
            limits=limits or Limits(), private_hosts=hosts, user_agent="mcpassport/test", **more
        )
        clients.append(client)
        return client

    yield make
    for client in clients:
        await client.close()


def get(url: str, **more: Any) -> OutboundRequest:
    return OutboundRequest(method=more.pop("method", "GET"), url=url, **more)


def answering(data: bytes, *, close: bool = True) -> Play:
    """Send those bytes as the whole answer."""

    async def play(exchange: Exchange) -> None:
        await exchange.send(data)
        if close:
            exchange.writer.close()

    return play


async def hold(exchange: Exchange) -> None:
    """Never answer; end when the client hangs up."""
    await exchange.peer_closed()
    exchange.writer.close()


# ---- what is sent, what comes back -------------------------------------------------------------


async def test_the_request_arrives_byte_for_byte_with_its_secrets_joined(connect: Connect) -> None:
    """Target, headers, secrets and body arrive as given, in one request."""
    async with raw_server(plain) as server:
        answer = await connect(server).send(
            get(
                f"{server.origin}/a%2Fb/%7Bx%7D/..;/c?q=%41+d&e",
                method="POST",
                headers=(("X-One", "ü\t1"), ("Content-Type", "application/json")),
                secret_headers=(("Authorization", "Bearer s3cret"),),
                secret_query=(("key", "a&b c"),),
                body=b'{"a":1}',
            )
        )
    assert (answer.status, answer.body) == (200, b"{}")
    (exchange,) = server.exchanges
    assert exchange.target == "/a%2Fb/%7Bx%7D/..;/c?q=%41+d&e&key=a%26b%20c"
    assert exchange.body == b'{"a":1}'
    lines = exchange.head.decode().lower().splitlines()
    assert {"x-one: ü\t1", "authorization: bearer s3cret", "accept-encoding: gzip"} <= set(lines)
    assert "user-agent: mcpassport/test" in lines


@pytest.mark.parametrize("size", [0, 1, 2**18, 2**18 + 1, 4 * 2**20])
async def test_a_body_of_any_size_arrives_whole(connect: Connect, size: int) -> None:
    """Small and large bodies carry their length and arrive once, with no type made up."""
    body = bytes(index % 251 for index in range(1000)) * (size // 1000 + 1)
    async with raw_server(plain) as server:
        await connect(server).send(get(server.origin, method="POST", body=body[:size]))
    (exchange,) = server.exchanges
    assert exchange.body == body[:size]
    assert b"content-type" not in exchange.head.lower()
    assert b"transfer-encoding" not in exchange.head.lower()


async def test_nothing_is_invented_about_the_body(connect: Connect) -> None:
    """A body without a content type gets none; a bare GET has neither length nor type."""
    async with raw_server(plain) as server:
        client = connect(server)
        await client.send(get(server.origin, method="POST", body=b"x"))
        await client.send(get(server.origin))
    assert all(b"content-type" not in exchange.head.lower() for exchange in server.exchanges)
    assert b"content-length" not in server.exchanges[1].head.lower()


async def test_response_headers_are_lower_case_and_repeats_are_kept(connect: Connect) -> None:
    """Every header of the response is there, in order, as text."""
    raw = b"HTTP/1.1 200 OK\r\nLink: a\r\nLINK: b\xff\r\nContent-Length: 0\r\n\r\n"
    async with raw_server(answering(raw)) as server:
        answer = await connect(server).send(get(server.origin))
    assert answer.headers == (("link", "a"), ("link", "b\ufffd"), ("content-length", "0"))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_returned_and_not_followed(connect: Connect, status: int) -> None:
    """The client shows a 3xx and sends nothing to where it points."""

    async def redirect(exchange: Exchange) -> None:
        await exchange.reply(b"", status=status, head=f"Location: {server.origin}/next\r\n")

    async with raw_server(redirect) as server:
        answer = await connect(server).send(get(f"{server.origin}/first"))
    assert (answer.status, answer.header("location")) == (status, f"{server.origin}/next")
    assert [exchange.target for exchange in server.exchanges] == ["/first"]


async def test_no_cookie_is_kept(connect: Connect) -> None:
    """A cookie that a response sets is not sent with the next request."""

    async def cookie(exchange: Exchange) -> None:
        await exchange.reply(head="Set-Cookie: session=abc; Path=/\r\n")

    async with raw_server(cookie) as server:
        client = connect(server)
        await client.send(get(server.origin))
        await client.send(get(server.origin))
    assert [b"cookie" in exchange.head.lower() for exchange in server.exchanges] == [False, False]
    assert server.connections == 1, "the connection is reused"


async def test_the_environment_names_no_proxy(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Proxy variables of the process are not obeyed."""
    async with raw_server(plain) as proxy, raw_server(plain) as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.origin)
        await connect(server, proxy).send(get(server.origin))
    assert (proxy.connections, server.connections) == (0, 1)


# ---- one request -------------------------------------------------------------------------------


async def drop_the_second(exchange: Exchange) -> None:
    """Answer the first request of a connection; close when the second one has arrived."""
    if exchange.target == "/first":
        await exchange.reply()
    else:
        exchange.writer.close()


async def test_a_closed_keep_alive_connection_sees_one_request(connect: Connect) -> None:
    """An idempotent request that meets a closing connection fails; it is not sent again."""
    async with raw_server(drop_the_second) as server:
        client = connect(server)
        await client.send(get(f"{server.origin}/first"))
        with pytest.raises(UpstreamUnreachable) as caught:
            await client.send(get(f"{server.origin}/second"))
    assert caught.value.sent
    assert [exchange.target for exchange in server.exchanges] == ["/first", "/second"]
    assert server.connections == 1


async def test_the_bare_client_would_send_it_twice() -> None:
    """Control: without our middleware the same server sees the request again."""
    async with raw_server(drop_the_second) as server, aiohttp.ClientSession() as session:
        await (await session.get(f"{server.origin}/first")).read()
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await session.get(f"{server.origin}/second")
    assert [exchange.target for exchange in server.exchanges] == ["/first", "/second", "/second"]


async def test_a_reset_after_the_request_is_not_answered_with_another(connect: Connect) -> None:
    """A connection reset by the upstream is a failure, once."""

    async def reset(exchange: Exchange) -> None:
        exchange.writer.transport.abort()

    async with raw_server(reset) as server:
        with pytest.raises(UpstreamUnreachable):
            await connect(server).send(get(server.origin, method="PUT", body=b"x"))
    assert len(server.exchanges) == 1


# ---- cancellation and time ---------------------------------------------------------------------


async def half(exchange: Exchange) -> None:
    """Half a body, then silence until the client hangs up."""
    await exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345")
    await hold(exchange)


@pytest.mark.parametrize("play", [hold, half])
async def test_cancellation_closes_the_upstream_connection(connect: Connect, play: Play) -> None:
    """Cancelled before the headers or in the body, the upstream sees the connection end."""
    closed = asyncio.Event()

    async def watch(exchange: Exchange) -> None:
        await play(exchange)
        closed.set()

    async with raw_server(watch) as server:
        task = asyncio.create_task(connect(server).send(get(server.origin)))
        await server.arrived.wait()
        assert not closed.is_set()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(closed.wait(), 5)


async def test_cancellation_stops_a_request_that_is_half_sent(connect: Connect) -> None:
    """What the upstream had not taken of a body when the call was cancelled never arrives."""
    received = asyncio.Queue[int]()
    go_on = asyncio.Event()

    async def late(exchange: Exchange) -> None:
        await go_on.wait()
        total = 0
        try:
            while data := await exchange.reader.read(65536):
                total += len(data)
        except ConnectionError:
            pass
        received.put_nowait(total)
        exchange.writer.close()

    size = 64 * 2**20
    async with raw_server(late) as server:
        request = get(
            server.origin, method="POST", headers=(("X-Leave-Body", "1"),), body=bytes(size)
        )
        task = asyncio.create_task(connect(server).send(request))
        await server.arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        go_on.set()
        assert await asyncio.wait_for(received.get(), 5) < size


@pytest.mark.parametrize("play", [hold, half])
async def test_a_slow_upstream_is_a_timeout(connect: Connect, play: Play) -> None:
    """No headers, or no end of the body, within the request's time: timeout, connection closed."""
    closed = asyncio.Event()

    async def watch(exchange: Exchange) -> None:
        await play(exchange)
        closed.set()

    async with raw_server(watch) as server:
        with pytest.raises(UpstreamTimeout) as caught:
            await connect(server).send(get(server.origin, timeout_s=0.1))
        assert caught.value.sent
        await asyncio.wait_for(closed.wait(), 5)


async def test_a_connection_that_does_not_come_about_is_a_timeout(connect: Connect) -> None:
    """Connecting, the name look-up included, has its own, shorter time."""

    class Silent(Names):
        async def resolve(self, *_: Any, **__: Any) -> list[ResolveResult]:
            await asyncio.Event().wait()
            return []

    client = connect(resolver=Silent([]), limits=Limits(connect_timeout_s=1))
    with pytest.raises(UpstreamTimeout) as caught:
        await client.send(get("http://slow.example/", timeout_s=20))
    assert not caught.value.sent


async def test_no_time_is_no_unlimited_time(connect: Connect) -> None:
    """A time of zero ends at once; in the library's own terms it would mean for ever."""
    async with raw_server(hold) as server:
        with pytest.raises(UpstreamTimeout):
            await connect(server).send(get(server.origin, timeout_s=0))


# ---- size --------------------------------------------------------------------------------------


def chunked(*parts: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


OK = b"HTTP/1.1 200 OK\r\n"
LAST = OK + b"Connection: close\r\n"
BODIES = {
    "length": LAST + b"Content-Length: 1000\r\n\r\n" + bytes(1000),
    "chunked": LAST + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(bytes(400), bytes(600)),
    "until close": LAST + b"\r\n" + bytes(1000),
    "gzip": OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(bytes(1000)),
}


@pytest.mark.parametrize("raw", BODIES.values(), ids=BODIES)
async def test_a_body_over_the_cap_is_refused(connect: Connect, raw: bytes) -> None:
    """The cap counts decoded bytes, in every framing; a body of exactly the cap passes."""
    async with raw_server(answering(raw)) as server:
        client = connect(server)
        answer = await client.send(get(server.origin, max_body=1000))
        assert answer.body == bytes(1000)
        with pytest.raises(ResponseTooLarge):
            await client.send(get(server.origin, max_body=999))


async def test_a_gzip_bomb_is_not_inflated(connect: Connect) -> None:
    """Of 256 MiB in 256 KiB, no more than the cap is ever held, and the upstream is cut off."""
    bomb = gzip.compress(bytes(256 * 2**20))
    head = OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    async with raw_server(answering(head + bomb)) as server:
        client = connect(server)
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        try:
            with pytest.raises(ResponseTooLarge):
                await client.send(get(server.origin, max_body=2**20))
            peak = tracemalloc.get_traced_memory()[1] - before
        finally:
            tracemalloc.stop()
    assert peak < 16 * 2**20


async def test_an_endless_body_is_cut_off(connect: Connect) -> None:
    """The connection is closed at the cap, not drained."""
    cut = asyncio.Event()

    async def endless(exchange: Exchange) -> None:
        await exchange.send(OK + b"Connection: close\r\n\r\n")
        try:
            while True:
                await exchange.send(bytes(65536))
        except ConnectionError:
            cut.set()
            raise

    async with raw_server(endless) as server:
        with pytest.raises(ResponseTooLarge):
            await connect(server).send(get(server.origin))
        await asyncio.wait_for(cut.wait(), 5)


HEADER_FLOODS = {
    "long value": b"X-A: " + b"a" * 20_000 + b"\r\n",
    "long name": b"a" * 20_000 + b": 1\r\n",
    "many": b"".join(b"X-%d: 1\r\n" % number for number in range(500)),
}


@pytest.mark.parametrize("flood", HEADER_FLOODS.values(), ids=HEADER_FLOODS)
async def test_response_headers_are_capped(connect: Connect, flood: bytes) -> None:
    """Too long or too many headers end the call."""
    async with raw_server(answering(OK + flood + b"Content-Length: 0\r\n\r\n")) as server:
        with pytest.raises(UpstreamUnreachable):
            await connect(server).send(get(server.origin))


CUT_SHORT = {
    "nothing": b"",
    "half a status line": b"HTTP/1.1 20",
    "half the headers": OK + b"Content-Le",
    "half a length": OK + b"Content-Length: 10\r\n\r\n12345",
    "half a chunk": OK + b"Transfer-Encoding: chunked\r\n\r\na\r\n12345",
    "no last chunk": OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n",
    "half a gzip": OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"12345" * 9)[:-9],
    "no http": b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
    "bad chunk": OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n12345\r\n",
}


@pytest.mark.parametrize("raw", CUT_SHORT.values(), ids=CUT_SHORT)
async def test_an_answer_cut_short_is_no_answer(connect: Connect, raw: bytes) -> None:
    """Whatever ends before it is complete, or is not HTTP, is unreachable."""
    async with raw_server(answering(raw)) as server:
        with pytest.raises(UpstreamUnreachable):
            await connect(server).send(get(server.origin))


@pytest.mark.parametrize(("encoding", "body"), [("br", b"x"), ("gzip", b"not gzip")])
async def test_an_encoding_that_cannot_be_read_is_malformed(
    connect: Connect, encoding: str, body: bytes
) -> None:
    """An encoding that was not asked for, or is not what it says, is the upstream's fault."""

    async def play(exchange: Exchange) -> None:
        await exchange.reply(body, head=f"Content-Encoding: {encoding}\r\n")

    async with raw_server(play) as server:
        with pytest.raises(MalformedUpstreamResponse):
            await connect(server).send(get(server.origin))


async def test_a_failed_call_leaves_the_client_usable(connect: Connect) -> None:
    """After a refusal of one answer the next call works."""
    async with raw_server(plain) as server:
        client = connect(server)
        with pytest.raises(ResponseTooLarge):
            await client.send(get(server.origin, max_body=1))
        assert (await client.send(get(server.origin))).status == 200


# ---- where to ----------------------------------------------------------------------------------

LOOPBACK_SPELLINGS = [
    *("127.0.0.1", "127.1", "127.0.1", "0x7f.1", "0x7f000001", "2130706433", "017700000001"),
    *("localhost", "LOCALHOST", "①②⑦.0.0.1", "127.0.0.1.", "0.0.0.0", "0", "[::]"),
    *("[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]"),
    *(
        "[2002:7f00:1::]",
        "127.0.0.1%2f.example.com",
        "a@127.0.0.1",
        "a:b@127.0.0.1",
        "127。0。0。1",
    ),
]


@pytest.mark.parametrize("host", LOOPBACK_SPELLINGS)
async def test_no_spelling_of_loopback_is_reached(connect: Connect, host: str) -> None:
    """However loopback is written, nothing connects unless that very host and port are listed."""
    async with raw_server(plain) as server:
        with pytest.raises(AddressForbidden) as caught:
            await connect().send(get(f"http://{host}:{server.port}/"))
    assert not caught.value.sent
    assert server.connections == 0


@pytest.mark.parametrize("host", ["inner.example", "localhost.", "LOCALHOST", "127-0-0-1.example"])
async def test_no_name_of_loopback_is_reached(connect: Connect, host: str) -> None:
    """A name that resolves to loopback is refused unless it is listed, whatever it looks like."""
    async with raw_server(plain) as server:
        url = f"http://{host}:{server.port}/"
        with pytest.raises(AddressForbidden):
            await connect(resolver=Names(["127.0.0.1"])).send(get(url))
        assert server.connections == 0
        listed = connect(resolver=Names(["127.0.0.1"]), hosts=[f"{host}:{server.port}"])
        assert (await listed.send(get(url))).status == 200


@pytest.mark.parametrize("listed", [["127.0.0.1:1"], ["localhost:{}"]])
async def test_a_listing_opens_only_that_host_and_port(connect: Connect, listed: list[str]) -> None:
    """Another port of a listed host, or another name of the same address, stays shut."""
    async with raw_server(plain) as server:
        client = connect(hosts=[entry.format(server.port) for entry in listed])
        with pytest.raises(AddressForbidden):
            await client.send(get(server.origin))
    assert server.connections == 0


@pytest.mark.parametrize("address", ["169.254.169.254", "100.100.100.200", "fd00:ec2::254"])
async def test_metadata_is_not_reached_even_when_listed(connect: Connect, address: str) -> None:
    """A listed host that resolves to a metadata address is refused."""
    client = connect(resolver=Names([address]), hosts=["inner.example:80"])
    with pytest.raises(AddressForbidden):
        await client.send(get("http://inner.example/"))


@pytest.mark.parametrize(
    "url",
    [
        *("ftp://127.0.0.1/", "file:///etc/passwd", "tcp://127.0.0.1/", "//127.0.0.1/", "/x", ""),
        *("http:///x", "http://[::1/", "http://127.0.0.1:99999/", "http://127.0.0.1:0/"),
        *("http://127.0.0.1\\@example.com/", "http://127.0.0.1/a b", "http://127.0.0.1/\r\nX: y"),
        *("http://127.0.0.1/\x00", "http://127.0.0.1/#f", "http://exämple.com/"),
    ],
)
async def test_only_a_plain_http_url_is_sent(connect: Connect, url: str) -> None:
    """Other schemes, and anything a parser could read in two ways, are refused."""
    with pytest.raises(AddressForbidden):
        await connect(hosts=["127.0.0.1:80"]).send(get(url))


@pytest.fixture
async def dialled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Records every address that a socket is connected to; only loopback really is."""
    loop_class: Any = type(asyncio.get_running_loop())
    seen: list[str] = []
    real = loop_class.sock_connect

    async def spy(loop: Any, sock: socket.socket, address: tuple[Any, ...]) -> None:
        seen.append(address[0])
        if not address[0].startswith("127."):
            raise ConnectionRefusedError
        await real(loop, sock, address)

    monkeypatch.setattr(loop_class, "sock_connect", spy)
    return seen


async def test_the_vetted_address_is_the_one_connected(
    connect: Connect, dialled: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that answers public first and loopback next is never connected to loopback."""
    monkeypatch.setattr(aiohttp.connector._DNSCacheTable, "expired", lambda *_: True)
    async with raw_server(plain) as server:
        url = f"http://rebind.example:{server.port}/"
        client = connect(resolver=Names([PUBLIC], ["127.0.0.1"]))
        with pytest.raises(UpstreamUnreachable):
            await client.send(get(url))
        with pytest.raises(AddressForbidden):
            await client.send(get(url))
        assert dialled == [PUBLIC]
        listed = connect(resolver=Names(["127.0.0.1"]), hosts=[f"rebind.example:{server.port}"])
        await listed.send(get(url))
        assert dialled == [PUBLIC, "127.0.0.1"]


async def test_of_several_addresses_only_the_allowed_are_tried(
    connect: Connect, dialled: list[str]
) -> None:
    """Each address of one answer is vetted by itself, also when they are raced."""
    addresses = ["10.0.0.1", PUBLIC, "127.0.0.1", "::1", "2606:4700::1111", "::ffff:127.0.0.1"]
    async with raw_server(plain) as server:
        client = connect(resolver=Names(addresses))
        with pytest.raises(AddressForbidden):
            await client.send(get(f"http://many.example:{server.port}/"))
    assert set(dialled) == {PUBLIC, "2606:4700::1111"}
    assert server.connections == 0


# ---- what may be said --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"headers": (("X-A", "a\r\nX-B: b"),)},
        {"headers": (("X-A", "a\nb"),)},
        {"headers": (("X-A", "a\x00"),)},
        {"headers": (("X-A", "\udce9"),)},
        {"headers": (("X-A\r\nX-B", "a"),)},
        {"headers": (("X A", "a"),)},
        {"headers": (("", "a"),)},
        {"secret_headers": (("Authorization", "Bearer a\r\nX-B: b"),)},
        {"secret_query": (("key", "\udce9"),)},
        {"headers": (("Host", "other.example"),)},
        {"headers": (("Content-Length", "5"),)},
        {"headers": (("transfer-encoding", "chunked"),)},
        {"headers": (("Connection", "upgrade"),)},
        {"headers": (("Expect", "100-continue"),)},
        {"method": "GET / HTTP/1.1\r\nX: y\r\n\r\nGET"},
        {"method": "CONNECT"},
        {"method": ""},
    ],
)
async def test_a_header_cannot_start_something_else(
    connect: Connect, change: dict[str, Any]
) -> None:
    """Line ends, NUL, framing headers and odd methods are refused before anything is sent."""
    async with raw_server(plain) as server:
        with pytest.raises(UnsendableRequest) as caught:
            await connect(server).send(get(server.origin, **change))
    assert not caught.value.sent
    assert server.connections == 0


async def test_a_request_chooses_no_encoding_that_is_not_read(connect: Connect) -> None:
    """A configured Accept-Encoding gives way to the one that is decoded under the cap."""
    async with raw_server(plain) as server:
        await connect(server).send(get(server.origin, headers=(("accept-encoding", "br"),)))
    assert server.exchanges[0].head.lower().count(b"accept-encoding: ") == 1
    assert b"br\r\n" not in server.exchanges[0].head


SECRET = "s3cr3t-c4n4ry"
HARM: dict[str, tuple[Play, dict[str, Any], type[UpstreamError]]] = {
    "no answer": (answering(b""), {}, UpstreamUnreachable),
    "no http": (answering(f"{SECRET}\r\n\r\n".encode()), {}, UpstreamUnreachable),
    "bad header": (answering(OK + f"{SECRET}\r\n\r\n".encode()), {}, UpstreamUnreachable),
    "timeout": (hold, {"timeout_s": 0.1}, UpstreamTimeout),
    "too large": (answering(BODIES["length"]), {"max_body": 10}, ResponseTooLarge),
    "half": (answering(CUT_SHORT["half a length"]), {}, UpstreamUnreachable),
    "header": (plain, {"headers": (("X", f"{SECRET}\n"),)}, UnsendableRequest),
    "query": (plain, {"secret_query": (("k", f"{SECRET}\udce9"),)}, UnsendableRequest),
    "forbidden": (plain, {"url": f"http://{SECRET}.localhost:1/"}, AddressForbidden),
    "spelling": (plain, {"url": f"http://127.1/{SECRET}"}, AddressForbidden),
    "port": (plain, {"url": f"http://127.0.0.1:99999/{SECRET}"}, AddressForbidden),
    "refused": (plain, {"url": f"http://127.0.0.1:1/{SECRET}"}, UpstreamUnreachable),
}


@pytest.mark.parametrize(("play", "change", "error"), HARM.values(), ids=HARM)
async def test_no_secret_and_no_url_is_ever_rendered(
    connect: Connect,
    caplog: pytest.LogCaptureFixture,
    play: Play,
    change: dict[str, Any],
    error: type[UpstreamError],
) -> None:
    """Errors, their chains, our frames and every log at DEBUG are free of what was sent."""
    caplog.set_level(logging.DEBUG)
    asyncio.get_running_loop().set_debug(True)
    async with raw_server(play) as server:
        client = connect(server, hosts=["127.0.0.1:1"], resolver=Names(["127.0.0.1"]))
        given: dict[str, Any] = {
            "url": f"{server.origin}/path",
            "secret_headers": (("Authorization", f"Bearer {SECRET}"),),
            "secret_query": (("api_key", SECRET),),
        }
        request = get(**{**given, **change})
        with pytest.raises(error) as caught:
            await client.send(request)
    raised = caught.value
    assert raised.__cause__ is None
    assert raised.__context__ is None
    frames = [
        repr({name: repr(value) for name, value in entry.frame.f_locals.items()})
        for entry in caught.traceback
        if "mcpassport" in str(entry.path) and "tests" not in str(entry.path)
    ]
    assert frames
    shown = [str(raised), repr(raised), repr(request), str(request), caplog.text, *frames]
    shown += traceback.format_exception(raised)
    assert not [text for text in shown if SECRET in text or "/path" in text]


async def test_a_secret_that_worked_is_not_logged_either(
    connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    """Control: the secrets reach the upstream, and no log."""
    caplog.set_level(logging.DEBUG)
    asyncio.get_running_loop().set_debug(True)
    async with raw_server(plain) as server:
        await connect(server).send(
            get(
                server.origin,
                secret_headers=(("X-Key", SECRET),),
                secret_query=(("api_key", SECRET),),
            )
        )
    assert server.exchanges[0].head.count(SECRET.encode()) == 2
    assert SECRET not in caplog.text


# ---- TLS ---------------------------------------------------------------------------------------


def trust(monkeypatch: pytest.MonkeyPatch, certificate: Path) -> None:
    """Let the client's default TLS context accept that certificate."""
    context = ssl.create_default_context(cafile=str(certificate))
    monkeypatch.setattr(aiohttp.connector, "_SSL_CONTEXT_VERIFIED", context)


async def test_an_upstream_that_cannot_prove_its_name_gets_nothing(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An unknown issuer, or another name, ends the call before the request; a good one serves."""
    context, certificate = server_context(tmp_path)
    async with raw_server(plain, tls=context) as server:
        url = f"https://127.0.0.1:{server.port}/"
        with pytest.raises(UpstreamUnreachable) as caught:
            await connect(server).send(get(url))
        assert not caught.value.sent
        trust(monkeypatch, certificate)
        other = connect(resolver=Names(["127.0.0.1"]), hosts=[f"other.example:{server.port}"])
        with pytest.raises(UpstreamUnreachable):
            await other.send(get(f"https://other.example:{server.port}/"))
        assert not server.exchanges
        assert (await connect(server).send(get(url))).status == 200


async def test_cancellation_does_not_wait_for_a_tls_farewell(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The TCP connection ends with the call, though the upstream never answers close_notify."""
    context, certificate = server_context(tmp_path)
    trust(monkeypatch, certificate)
    closed = asyncio.Event()

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry TLS both ways until the request is in; from then on only listen for the end."""
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", server.port)

        async def back() -> None:
            while data := await inner_reader.read(65536):
                writer.write(data)

        answers = asyncio.create_task(back())
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                if not server.arrived.is_set():
                    inner_writer.write(data)
        closed.set()
        answers.cancel()
        inner_writer.close()
        writer.close()

    async with raw_server(hold, tls=context) as server:
        deaf = await asyncio.start_server(forward, "127.0.0.1", 0)
        authority = f"127.0.0.1:{deaf.sockets[0].getsockname()[1]}"
        task = asyncio.create_task(connect(hosts=[authority]).send(get(f"https://{authority}/")))
        await server.arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(closed.wait(), 5)
        deaf.close()


# ---- the bulkhead ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "other_host"),
    [
        (Limits(in_flight_host=1, place_wait_ms=50), True),
        (Limits(in_flight_process=1, place_wait_ms=50), False),
    ],
)
async def test_a_full_host_is_our_limit_and_starves_no_other(
    connect: Connect, limits: Limits, other_host: bool
) -> None:
    """A request that gets no turn is told so, apart from an upstream's slowness."""
    async with raw_server(hold) as slow, raw_server(plain) as quick:
        client = connect(slow, quick, limits=limits)
        first = asyncio.create_task(client.send(get(slow.origin)))
        await slow.arrived.wait()
        with pytest.raises(GatewayRateLimited):
            await client.send(get(slow.origin))
        if other_host:
            assert (await client.send(get(quick.origin))).status == 200
        else:
            with pytest.raises(GatewayRateLimited):
                await client.send(get(quick.origin))
        first.cancel()
        await asyncio.wait([first])
        assert (await client.send(get(quick.origin))).status == 200
    assert len(slow.exchanges) == 1


async def test_tenants_share_a_host(connect: Connect) -> None:
    """One that floods it leaves places for others, also when they come last."""
    async with raw_server(hold) as slow:
        client = connect(slow, limits=Limits(in_flight_host=4, place_wait_ms=50))
        request = get(slow.origin)
        flood = [
            asyncio.create_task(client.send(msgspec.structs.replace(request, tenant="flood")))
            for _ in range(20)
        ]
        done, under_way = await asyncio.wait(flood, timeout=30, return_when="FIRST_COMPLETED")
        while len(under_way) > 3:
            more, under_way = await asyncio.wait(
                under_way, timeout=30, return_when="FIRST_COMPLETED"
            )
            done |= more
        assert {type(task.exception()) for task in done} == {GatewayRateLimited}
        other = asyncio.create_task(client.send(msgspec.structs.replace(request, tenant="other")))
        async with asyncio.timeout(30):
            while len(slow.exchanges) < 4:  # noqa: ASYNC110 - another process is asked
                await asyncio.sleep(0.01)
        assert not other.done()
        for task in (*under_way, other):
            task.cancel()
        await asyncio.wait((*under_way, other))


async def test_a_waiting_request_takes_the_turn_that_comes_free(connect: Connect) -> None:
    """Requests beyond the limit wait briefly and then run, each once."""
    async with raw_server(plain) as server:
        client = connect(server, limits=Limits(in_flight_host=2))
        answers = await asyncio.gather(*(client.send(get(server.origin)) for _ in range(20)))
    assert [answer.status for answer in answers] == [200] * 20
    assert len(server.exchanges) == 20
    assert server.connections <= 2


async def test_a_closed_client_sends_nothing(connect: Connect) -> None:
    """After close every request is refused."""
    async with raw_server(plain) as server:
        client = connect(server)
        await client.send(get(server.origin))
        await client.close()
        with pytest.raises(UpstreamUnreachable):
            await client.send(get(server.origin))
    assert len(server.exchanges) == 1
