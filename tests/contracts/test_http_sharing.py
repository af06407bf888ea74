"""Who shares an upstream connection, shown on raw sockets."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.support.rawserver import Exchange, RawServer, plain, raw_server

from mcpassport.http import HttpClient
from mcpassport.limits import Limits
from mcpassport.records.calls import OutboundRequest

LATE = b'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"of acme"'
ACME = (("Authorization", "Bearer acme"),)
GLOBEX = (("Authorization", "Bearer globex"),)


def request(server: RawServer, path: str, secret: tuple[tuple[str, str], ...]) -> OutboundRequest:
    return OutboundRequest(method="GET", url=server.origin + path, secret_headers=secret)


@pytest.fixture
async def pair() -> AsyncIterator[tuple[RawServer, HttpClient]]:
    """A server that answers each request once, and a client of it."""
    async with raw_server(plain) as server:
        hosts = [f"127.0.0.1:{server.port}"]
        client = HttpClient(limits=Limits(), private_hosts=hosts, user_agent="mcpassport/test")
        yield server, client
        await client.close()


async def test_a_connection_belongs_to_one_credential(pair: tuple[RawServer, HttpClient]) -> None:
    """Equal credentials reuse a connection; another one, in a header or a query, gets its own."""
    server, client = pair
    query = OutboundRequest(
        method="GET", url=f"{server.origin}/", secret_query=(("key", "Bearer acme"),)
    )
    none = OutboundRequest(method="GET", url=f"{server.origin}/")
    for outbound in (request(server, "/", ACME), request(server, "/", GLOBEX), query, none) * 2:
        assert (await client.send(outbound)).status == 200
    assert [exchange.connection for exchange in server.exchanges] == [1, 2, 3, 4] * 2


async def test_an_answer_too_many_reaches_nobody_else(pair: tuple[RawServer, HttpClient]) -> None:
    """A second answer that comes while the next request is under way is not another account's."""
    server, client = pair
    go_on = asyncio.Event()

    async def twice(exchange: Exchange) -> None:
        await exchange.reply(b"{}")
        if exchange.target == "/twice":
            await go_on.wait()
            await exchange.send(LATE)

    server.play = twice
    await client.send(request(server, "/twice", ACME))
    sending = asyncio.create_task(client.send(request(server, "/", GLOBEX)))
    go_on.set()
    assert (await sending).body == b"{}"
    assert [exchange.connection for exchange in server.exchanges] == [1, 2]


@pytest.mark.parametrize("late", [LATE, b"HTTP/1.1 200 OK\r\n\r\n", b"\0garbage\r\n\r\n"])
async def test_an_idle_connection_that_speaks_is_dropped(
    pair: tuple[RawServer, HttpClient], late: bytes
) -> None:
    """What nobody asked for is never read as an answer, also not to the same account."""
    server, client = pair
    answered, said = asyncio.Event(), asyncio.Event()

    async def twice(exchange: Exchange) -> None:
        await exchange.reply(b"{}")
        if exchange.target == "/twice":
            await answered.wait()
            await exchange.send(late)
            said.set()

    server.play = twice
    await client.send(request(server, "/twice", ACME))
    answered.set()
    await said.wait()
    await asyncio.sleep(0.05)  # the bytes are on their way to us
    assert (await client.send(request(server, "/", ACME))).body == b"{}"
    assert [exchange.connection for exchange in server.exchanges] == [1, 2]
