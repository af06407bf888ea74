"""The stdio bridge over the whole app: lines in, lines out, and what the upstream saw."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.support.asgi import Connection, request
from tests.support.calling import legacy, modern
from tests.support.items import CREATE, GET, thing
from tests.support.lab import rule
from tests.support.whole import World, ok

from mcpassport.cli.bridge.bridge import Bridge, Server
from mcpassport.errors import UpstreamUnreachable
from mcpassport.records.calls import Follower, OutboundRequest, OutboundResponse

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATIENCE_S = 20
REGION = thing("region")


class Wire:
    """HTTP to the app in this process: a cancelled request hangs up, as a client would."""

    def __init__(self, app: World) -> None:
        self._app = app
        self.sent: list[OutboundRequest] = []

    async def follow(self, asked: OutboundRequest, follower: Follower, /) -> OutboundResponse:
        self.sent.append(asked)
        connection = Connection([asked.body or b""])
        answering = asyncio.create_task(
            request(
                self._app.house.app,
                urlsplit(asked.url).path,
                headers=[(k.lower(), v) for k, v in asked.headers + asked.secret_headers],
                body=connection,
            )
        )
        try:
            response = await asyncio.shield(answering)
        except asyncio.CancelledError:
            connection.hung_up.set()
            await answering
            raise
        assert response is not None
        body = response.body
        if follower.begin(response.status, response.headers):
            await follower.take(body)
            body = b""
        return OutboundResponse(status=response.status, headers=response.headers, body=body)


class Client:
    """A client that only knows standard input and output."""

    def __init__(self, app: World, http: Any = None, path: str = "") -> None:
        self.http = http or Wire(app)
        self._input: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._output: asyncio.Queue[bytes] = asyncio.Queue()
        path = path or f"/mcp/{app.servers['acme']['token']}"
        bridge = Bridge(Server(f"http://x{path}"), self.http, self._output.put)
        self._running = asyncio.create_task(bridge.run(self._lines()))

    async def _lines(self) -> AsyncIterator[bytes]:
        while (line := await self._input.get()) is not None:
            yield line

    async def say(self, *lines: bytes) -> None:
        for line in lines:
            await self._input.put(line)

    async def hear(self) -> dict[str, Any]:
        """The next answer."""
        async with asyncio.timeout(PATIENCE_S):
            found: dict[str, Any] = json.loads(await self._output.get())
            return found

    async def end(self) -> list[Any]:
        """The input ends; what is still answered."""
        await self._input.put(None)
        async with asyncio.timeout(PATIENCE_S):
            await self._running
        return [json.loads(self._output.get_nowait()) for _ in range(self._output.qsize())]


def call(era: Callable[..., bytes], tool: str, number: Any, **arguments: Any) -> bytes:
    """A tool call with that id."""
    made = json.loads(era("tools/call", {"name": tool, "arguments": arguments}))
    return json.dumps(made | {"id": number}).encode()


@pytest.fixture(autouse=True)
def _clean(app: World) -> None:
    app.lab.forget()
    app.lab.answers(ok())


async def test_a_session_of_the_older_era(app: World) -> None:
    """Handshake, list and call; the revision that was agreed on is stated from then on."""
    client = Client(app)
    params = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t"}}
    await client.say(legacy("initialize", params, "start"))
    agreed = await client.hear()
    assert (agreed["id"], agreed["result"]["protocolVersion"]) == ("start", "2025-06-18")
    await client.say(b'{"jsonrpc":"2.0","method":"notifications/initialized"}')
    await client.say(legacy("tools/list", None, 2))
    tools = [tool["name"] for tool in (await client.hear())["result"]["tools"]]
    assert GET in tools
    await client.say(call(legacy, GET, 3, id="1"))
    assert (await client.hear())["result"]["structuredContent"] == {"id": "1"}
    assert await client.end() == []
    stated = [dict(each.headers).get("mcp-protocol-version") for each in client.http.sent]
    assert stated == [None, "2025-06-18", "2025-06-18", "2025-06-18"]


async def test_a_session_of_the_modern_era(app: World) -> None:
    """Discover, list and call, each with its routing headers."""
    client = Client(app)
    await client.say(modern("server/discover"))
    assert "supportedVersions" in (await client.hear())["result"]
    await client.say(modern("tools/list"))
    assert (await client.hear())["result"]["tools"]
    await client.say(call(modern, GET, 3, id="1"))
    assert (await client.hear())["result"]["structuredContent"] == {"id": "1"}
    await client.end()


async def test_a_slow_answer_holds_no_other_up(app: World) -> None:
    """Requests run beside each other; the end of the input waits for the last of them."""
    late = rule("/v1/slow", status=200, json={}, fault={"kind": "delay", "seconds": 600})
    app.lab.answers(late, ok())
    client = Client(app)
    await client.say(call(legacy, thing("slow"), "slow"), call(legacy, GET, "quick", id="1"))
    assert (await client.hear())["id"] == "quick"
    (slow,) = await client.end()
    assert slow["id"] == "slow"
    assert slow["result"]["_meta"]["mcpassport/error"]["type"] == "upstream_timeout"


async def test_a_modern_cancellation_reaches_the_upstream(app: World) -> None:
    """The HTTP request ends, the upstream sees it, and nothing is answered."""
    app.lab.answers(rule("/*", json={}, fault={"kind": "delay", "seconds": 600}))
    await app.audit("acme")
    client = Client(app)
    await client.say(call(modern, GET, 7, id="1"))
    await asyncio.to_thread(app.lab.wait_for, 1)
    cancelled = {"requestId": 7, "reason": "enough"}
    note = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": cancelled}
    await client.say(json.dumps(note | {"params": cancelled | {"requestId": "7"}}).encode())
    await client.say(json.dumps(note).encode())
    await asyncio.to_thread(app.lab.wait_for, 1, ended="client_closed")
    assert await client.end() == []
    outcomes = [row.outcome for row in await app.audit("acme") if row.phase == "outcome"]
    assert outcomes == ["accepted", "cancelled"], "of the other notification, and of the call"
    assert len(client.http.sent) == 2, "the call, and the cancellation of an id that nobody uses"


async def test_an_older_cancellation_is_passed_on_and_the_answer_dropped(app: World) -> None:
    """Closing means nothing in that era, so the call runs on; its answer is not wanted."""
    app.lab.answers(rule("/*", json={}, fault={"kind": "delay", "seconds": 600}))
    client = Client(app)
    await client.say(call(legacy, thing("slow"), 7))
    await asyncio.to_thread(app.lab.wait_for, 1)
    await client.say(legacy("notifications/cancelled", {"requestId": 7}).replace(b'"id":1,', b""))
    await client.say(legacy("ping", None, 8))
    assert (await client.hear())["id"] == 8
    assert await client.end() == []


async def test_mirrored_arguments_are_learned(app: World) -> None:
    """A call of a tool that was never listed is refused for its headers, and mended once."""
    client = Client(app)
    await client.say(call(modern, REGION, 1, region="eu"))
    assert "result" in await client.hear()
    assert len(app.lab.requests()) == 1, "the refusal came before the upstream"
    await client.say(call(modern, REGION, 2, region="us"))
    assert "result" in await client.hear()
    assert len(client.http.sent) == 4, "refused, listed, sent again; and then once"
    assert dict(client.http.sent[-1].headers)["Mcp-Param-Region"] == "us"
    await client.end()


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"{", -32700),
        (b"\xff\xfe", -32700),
        (b'"text"', -32600),
        (b'{"jsonrpc":"2.0","id":5,"method":"nope"}', -32601),
        (modern("nope"), -32601),
        (b'[{"jsonrpc":"2.0","id":5,"method":"nope"}]', -32601),
    ],
)
async def test_what_the_server_refuses_is_answered(app: World, line: bytes, code: int) -> None:
    """The server's own JSON-RPC error, whatever HTTP status it came with."""
    client = Client(app)
    await client.say(line)
    answer: Any = await client.hear()
    found = answer[0] if isinstance(answer, list) else answer
    assert found["error"]["code"] == code
    await client.end()


async def test_a_dead_address_is_told_to_every_request(app: World) -> None:
    """The identical 404 becomes an error with the request's id, and a sentence for people."""
    client = Client(app, path="/mcp/mcpp_srv_unknown")
    note = b'{"jsonrpc":"2.0","method":"notifications/x"}'
    await client.say(legacy("tools/list", None, "x"), note)
    answer = await client.hear()
    assert (answer["id"], answer["error"]["data"]["type"]) == ("x", "not_found")
    assert "revoked" in answer["error"]["message"]
    assert "mcpp_srv" not in json.dumps(answer)
    assert await client.end() == []


async def test_a_server_that_is_not_there_is_told(app: World) -> None:
    """A request that got no answer at all is answered; a notification is not."""

    class Nobody:
        async def follow(self, _request: OutboundRequest, _: Follower, /) -> OutboundResponse:
            raise UpstreamUnreachable

    client = Client(app, Nobody())
    await client.say(legacy("tools/list", None, 1), b'{"jsonrpc":"2.0","method":"notifications/x"}')
    (answer,) = await client.end()
    assert (answer["id"], answer["error"]["data"]["type"]) == (1, "no_answer")


async def test_an_upstream_429_is_a_429_on_the_channel_of_the_era(app: World) -> None:
    """The JSON-RPC error of the modern era and the tool error of the older one."""
    app.lab.answers(rule("/*", status=429, headers=[["Retry-After", "7"]]))
    client = Client(app)
    await client.say(call(modern, CREATE, 1, text="x"))
    assert (await client.hear())["error"]["code"] == 429
    await client.say(legacy("initialize", {"protocolVersion": "2025-11-25", "capabilities": {}}))
    await client.hear()
    await client.say(call(legacy, CREATE, 2, text="x"))
    assert (await client.hear())["result"]["isError"] is True
    assert len(app.lab.requests()) == 2
    await client.end()


@pytest.mark.parametrize("era", [legacy, modern])
async def test_progress_is_passed_on_before_the_answer(
    app: World, era: Callable[..., bytes]
) -> None:
    """The events of a streamed answer become lines, in their order, in both eras."""
    lines = b'{"done":1,"said":"one"}\n{"done":2,"said":"two"}\n{"done":3,"result":{"id":1}}\n'
    headers = [["Content-Type", "application/x-ndjson"]]
    app.lab.answers(rule("/*", lines, headers=headers))
    client = Client(app)
    asked = json.loads(call(era, thing("job"), 5, text="t"))
    asked["params"].setdefault("_meta", {})["progressToken"] = "p"
    await client.say(json.dumps(asked).encode())
    heard = [await client.hear()]
    while "id" not in heard[-1]:
        heard.append(await client.hear())
    *notes, answer = heard
    assert [note["method"] for note in notes] == ["notifications/progress"] * len(notes)
    assert [note["params"]["progress"] for note in notes] == [1, 2, 3]
    assert answer["id"] == 5
    assert json.loads(answer["result"]["content"][0]["text"])["result"] == {"id": 1}
    assert await client.end() == []


async def test_output_that_is_closed_ends_the_bridge(app: World) -> None:
    """Nobody takes answers any more: what is under way is dropped."""

    async def gone(_message: bytes) -> None:
        raise BrokenPipeError

    async def lines() -> AsyncIterator[bytes]:
        yield legacy("ping")
        await asyncio.Event().wait()

    bridge = Bridge(Server(f"http://x/mcp/{app.servers['acme']['token']}"), Wire(app), gone)
    with pytest.raises(OSError, match="closed"):
        async with asyncio.timeout(PATIENCE_S):
            await bridge.run(lines())
