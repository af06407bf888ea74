"""What arrives: headers, bodies, addresses, client networks."""

import asyncio

import pytest
from tests.support.asgi import Connection

from mcpassport.edge.asgi import accepts_json, headers_of, sends_json
from mcpassport.edge.bodies import Disconnected, read_body, unless_gone
from mcpassport.edge.clients import client_network, networks
from mcpassport.edge.presented import presented_by, secret_of
from mcpassport.errors import RequestTooLarge


def test_headers_are_lowered_trimmed_and_joined() -> None:
    """Names are lower case, values trimmed, repeated ones joined, so that none is overlooked."""
    raw = [(b"Mcp-Name", b" a "), (b"mcp-name", b"a"), (b"X", b"\xff")]
    assert headers_of(raw) == {"mcp-name": "a, a", "x": "ÿ"}


@pytest.mark.parametrize(
    ("accept", "admits"),
    [
        (None, True),
        ("", True),
        ("*/*", True),
        ("application/*", True),
        ("application/json, text/event-stream", True),
        ("text/event-stream, application/json;q=0.5", True),
        ("Application/JSON; charset=utf-8", True),
        ("text/event-stream", False),
        ("application/json;q=0", False),
        ("application/json; q=0.000, text/html", False),
        ("application/jsonx", False),
    ],
)
def test_accept_is_read_as_the_rfc_says(accept: str | None, *, admits: bool) -> None:
    """JSON is admitted by name, by type or by wildcard, unless its weight is zero."""
    assert accepts_json({} if accept is None else {"accept": accept}) is admits


@pytest.mark.parametrize(
    ("headers", "plain"),
    [
        ({"content-type": "application/json"}, True),
        ({"content-type": "Application/JSON; charset=utf-8"}, True),
        ({"content-type": "application/json", "content-encoding": "identity"}, True),
        ({"content-type": "application/json", "content-encoding": "gzip"}, False),
        ({"content-type": "text/plain"}, False),
        ({"content-type": "application/json, application/json"}, False),
        ({}, False),
    ],
)
def test_only_plain_json_is_read(headers: dict[str, str], *, plain: bool) -> None:
    """Another media type, a repeated one, or a compressed body is not read."""
    assert sends_json(headers) is plain


async def test_bodies_are_read_whole() -> None:
    """Chunks are joined in order; a body exactly at the cap is read."""
    body = await read_body(Connection([b"ab", b"", b"cd"]).receive, {}, cap=4, timeout_s=1)
    assert body == b"abcd"


@pytest.mark.parametrize("announced", ["5", "9" * 500])
async def test_an_announced_excess_is_refused_unread(announced: str) -> None:
    """A Content-Length over the cap is refused before anything is read."""
    connection = Connection([b"x"])
    with pytest.raises(RequestTooLarge):
        await read_body(connection.receive, {"content-length": announced}, cap=4, timeout_s=1)
    assert connection.chunks == [b"x"]


async def test_an_unannounced_excess_is_refused_at_the_cap() -> None:
    """What really arrives is counted, whatever was announced."""
    connection = Connection([b"xxx", b"xx", b"never read"])
    with pytest.raises(RequestTooLarge):
        await read_body(connection.receive, {"content-length": "3"}, cap=4, timeout_s=1)
    assert connection.chunks == [b"never read"]


async def test_a_body_that_never_ends_is_given_up() -> None:
    """A caller who stops sending is not waited for, one who leaves is noticed."""
    with pytest.raises(TimeoutError):
        await read_body(Connection([]).receive, {}, cap=4, timeout_s=0.01)
    gone = Connection([])
    gone.hung_up.set()
    with pytest.raises(Disconnected):
        await read_body(gone.receive, {}, cap=4, timeout_s=1)


async def test_work_stops_when_the_caller_hangs_up() -> None:
    """Hanging up cancels the work; work that is done first is answered; our own cancel is ours."""
    connection = Connection([])

    async def forever() -> str:
        await asyncio.Event().wait()
        return ""

    async def quick() -> str:
        await asyncio.sleep(0)
        return "done"

    assert await unless_gone(connection.receive, quick()) == "done"
    asyncio.get_running_loop().call_later(0.01, connection.hung_up.set)
    with pytest.raises(Disconnected):
        await unless_gone(connection.receive, forever())
    task = asyncio.create_task(unless_gone(Connection([]).receive, forever()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize(
    ("peer", "forwarded", "network"),
    [
        ("192.0.2.7", "203.0.113.9", "192.0.2.0/24"),
        ("10.0.0.1", "203.0.113.9", "203.0.113.0/24"),
        ("10.0.0.1", "198.51.100.1, 203.0.113.9", "203.0.113.0/24"),
        ("10.0.0.1", "203.0.113.9, 10.0.0.2", "203.0.113.0/24"),
        ("10.0.0.1", "", "10.0.0.0/24"),
        ("10.0.0.1", "203.0.113.9, nonsense", "unknown"),
    ],
)
def test_only_trusted_proxies_speak_for_others(peer: str, forwarded: str, network: str) -> None:
    """X-Forwarded-For counts from the right, and only behind a trusted proxy."""
    scope = {"client": (peer, 1)}
    found = client_network(scope, {"x-forwarded-for": forwarded}, networks(["10.0.0.0/8"]))
    assert found == network


@pytest.mark.parametrize(
    ("path", "token", "server"),
    [
        ("/mcp/abc", "abc", None),
        ("/mcp/s/srv_1", None, "srv_1"),
        ("/mcp/s", "s", None),
    ],
)
def test_addresses_are_two(path: str, token: str | None, server: str | None) -> None:
    """A secret in the path, or a server id with the secret as Bearer."""
    presented = presented_by(path, {"authorization": "Bearer zzz", "x-api-token": "api"})
    assert presented is not None
    assert (presented.path_token, presented.server_id) == (token, server)
    assert presented.api_token == "api"
    assert secret_of(presented) == (token or "zzz")


@pytest.mark.parametrize("path", ["/mcp", "/mcp/", "/mcp/s/", "/mcp/a/b", "/mcp/a/", "/mcp/s/a/b"])
def test_other_paths_are_no_addresses(path: str) -> None:
    """Nothing is guessed: a slash too many is another address."""
    assert presented_by(path, {}) is None
