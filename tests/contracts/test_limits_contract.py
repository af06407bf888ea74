"""Every limit, met from outside: what just fits passes, one more is refused as ours.

A limit that settings may change holds for the deployment; one that an admin may set for a tenant or
a server holds for that one alone. A row of `LIMITS` without a case here fails.
"""

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

import pytest
from tests.support.asgi import Response, request
from tests.support.calling import legacy, legacy_headers
from tests.support.items import GET, items, thing
from tests.support.lab import Lab, rule, running_lab
from tests.support.whole import LIMITS as ROOMY
from tests.support.whole import World, world

from mcpassport.limits import LIMITS, Limits, in_force, settable
from mcpassport.serving.worker import InheritingServer

ENDLESS = {"kind": "delay", "seconds": 600}
SLOW = "slow"
SOON_S = 60
USUAL = in_force(ROOMY, {"place_wait_ms": 50})


class Outcome(NamedTuple):
    """What came of one request: `ok`, or the type of the failure and whose it is."""

    kind: str
    whose: str = ""


OK = Outcome("ok")
OURS = Outcome("gateway_rate_limited", "gateway")


class Outside:
    """A caller of one deployment."""

    def __init__(self, app: World, deaf: socket.socket) -> None:
        self.app = app
        self.deaf = deaf
        self.path = f"/mcp/{app.servers['acme']['token']}"
        self._held: list[asyncio.Task[Outcome]] = []

    async def post(self, body: bytes, path: str | None = None) -> Response:
        """One POST."""
        return await self.app.house.mcp(path or self.path, body, legacy_headers())

    async def call(self, item: str = "1", path: str | None = None, tool: str = GET) -> Outcome:
        """One tool call."""
        params = {"name": tool, "arguments": {"id": item}}
        return told(await self.post(legacy("tools/call", params), path))

    async def hold(self, *paths: str) -> None:
        """Calls that stay under way, one for each path, until the end of the test."""
        before = len(self.app.lab.requests())
        self._held += [asyncio.create_task(self.call(SLOW, path)) for path in paths]
        async with asyncio.timeout(SOON_S):
            while len(self.app.lab.requests()) < before + len(paths):  # noqa: ASYNC110 - another process is asked
                await asyncio.sleep(0.01)

    async def release(self) -> None:
        """End them."""
        for task in self._held:
            task.cancel()
        if self._held:
            await asyncio.wait(self._held)
        self._held.clear()

    async def another(self) -> str:
        """The path of one more server of the same account."""
        made = await self.app.house.server(self.app.accounts["acme"])
        return f"/mcp/{made['token']}"

    @property
    def foreign(self) -> str:
        """The path of another tenant's server."""
        return f"/mcp/{self.app.servers['globex']['token']}"


def told(answer: Response) -> Outcome:
    """The outcome that an answer tells, on whatever channel."""
    document = answer.json()
    if isinstance(document, list):
        return OK if answer.status == 200 else Outcome(str(answer.status))
    if "result" in document:
        result = document["result"]
        if "isError" not in result:
            return OK
        envelope = result["_meta"]["mcpassport/error"]
    else:
        envelope = document["error"].get("data", document["error"])
    return Outcome(envelope["type"], envelope.get("whose", ""))


Hit: TypeAlias = Callable[[Outside, int], Awaitable[tuple[Outcome, Outcome]]]
"""Meets a limit of that value: the outcome of what just fits, and of one more."""


async def connect_timeout_s(out: Outside, _value: int) -> tuple[Outcome, Outcome]:
    """An upstream that takes connections, and one whose queue of them is full."""
    deaf = f"127.0.0.1:{out.deaf.getsockname()[1]}"
    await out.app.house.push(items(f"http://{deaf}", name="deaf"))
    account = await out.app.connect("acme", "planted_of_the_deaf_01", "deaf")
    made = await out.app.house.server(account)
    path = f"/mcp/{made['token']}"
    with socket.create_connection(out.deaf.getsockname()):
        over = await out.call(path=path, tool="get_single_deaf_item_by_id")
    return await out.call(), over


async def call_timeout_s(out: Outside, _value: int) -> tuple[Outcome, Outcome]:
    """An upstream that answers, and one that does not."""
    return await out.call(), await out.call(SLOW)


async def upstream_body_bytes(out: Outside, value: int) -> tuple[Outcome, Outcome]:
    """A body of so many bytes, and of one more."""
    empty = len(json.dumps({"id": ""}))
    sized = {name: "x" * (value - empty + more) for name, more in (("fits", 0), ("over", 1))}
    out.app.lab.answers(*(rule(f"/v1/items/{n}", json={"id": text}) for n, text in sized.items()))
    return await out.call("fits"), await out.call("over")


async def streamed(out: Outside, *lines: bytes) -> Outcome:
    """A call whose upstream answers with those lines, one event each."""
    headers = [["Content-Type", "application/x-ndjson"]]
    out.app.lab.answers(rule("/*", b"\n".join(lines) + b"\n", headers=headers))
    params = {"name": thing("job"), "arguments": {"text": "go"}}
    return told(await out.post(legacy("tools/call", params)))


async def stream_events(out: Outside, value: int) -> tuple[Outcome, Outcome]:
    """So many events, and one more; the last of them is the result."""
    step, last = b'{"done":1}', b'{"done":3}'
    fits = await streamed(out, *[step] * (value - 1), last)
    return fits, await streamed(out, *[step] * value, last)


async def stream_event_bytes(out: Outside, value: int) -> tuple[Outcome, Outcome]:
    """An event of so many bytes, and of one more."""
    last = b'{"done":3}'
    pad = b" " * (value - len(last))
    return await streamed(out, last + pad), await streamed(out, last + pad + b" ")


async def request_body_bytes(out: Outside, value: int) -> tuple[Outcome, Outcome]:
    """A message of so many bytes, and of one more."""
    body = legacy("ping")
    return (
        told(await out.post(body + b" " * (value - len(body)))),
        told(await out.post(body + b" " * (value - len(body) + 1))),
    )


async def json_depth(out: Outside, value: int) -> tuple[Outcome, Outcome]:
    """Arguments nested so deep that the message is as deep as it may be, and one deeper."""

    async def nested(levels: int) -> Outcome:
        tree = b"[" * levels + b"]" * levels
        body = legacy("tools/call", {"name": thing("open"), "arguments": {"tree": "HERE"}})
        return told(await out.post(body.replace(b'"HERE"', tree)))

    around = 3  # the message, its params, the arguments
    return await nested(value - around), await nested(value - around + 1)


async def batch_length(out: Outside, value: int) -> tuple[Outcome, Outcome]:
    """So many messages at once, and one more."""

    async def batch(length: int) -> Outcome:
        body = b"[" + b",".join([legacy("ping")] * length) + b"]"
        headers = {"content-type": "application/json", "accept": "application/json"}
        return told(await out.app.house.mcp(out.path, body, headers))

    return await batch(value), await batch(value + 1)


async def in_flight_server(out: Outside, value: int) -> tuple[Outcome, Outcome]:
    """One server, of two of a tenant."""
    await out.hold(*[out.path] * (value - 1))
    fits = await out.call()
    await out.hold(out.path)
    assert await out.call(path=await out.another()) == OK, "it is the server's own limit"
    return fits, await out.call()


async def in_flight_tenant(out: Outside, value: int) -> tuple[Outcome, Outcome]:
    """A tenant through as many servers, of two tenants."""
    paths = [await out.another() for _ in range(value)]
    await out.hold(*paths[1:])
    fits = await out.call()
    await out.hold(paths[0])
    assert await out.call(path=out.foreign) == OK, "it is the tenant's own limit"
    return fits, await out.call()


async def in_flight_host(out: Outside, value: int) -> tuple[Outcome, Outcome]:
    """A host that two tenants call; another host is as free as before."""
    await out.hold(*[out.path] * (value - 1))
    fits = await out.call(path=out.foreign)
    await out.hold(out.foreign)
    return fits, await out.call()


async def in_flight_process(out: Outside, value: int) -> tuple[Outcome, Outcome]:
    """Two tenants; even a request that calls no upstream finds no place."""
    await out.hold(*[out.path] * (value - 1))
    fits = told(await out.post(legacy("ping"), out.foreign))
    await out.hold(out.foreign)
    return fits, told(await out.post(legacy("ping")))


async def place_wait_ms(out: Outside, _value: int) -> tuple[Outcome, Outcome]:
    """A place that is given back while somebody waits for it, and one that is not."""
    await out.hold(out.path)
    over = await out.call()
    waiting = asyncio.create_task(out.call())
    for _ in range(100):
        await asyncio.sleep(0)
    assert not waiting.done()
    await out.release()
    return await waiting, over


async def calls_per_10s(out: Outside, value: int) -> tuple[Outcome, Outcome]:
    """So many at once, of one server; another has its own."""
    fits = [told(await out.post(legacy("ping"))) for _ in range(value)][-1]
    over = told(await out.post(legacy("ping")))
    assert told(await out.post(legacy("ping"), out.foreign)) == OK
    return fits, over


async def strangers_per_10s(out: Outside, value: int) -> tuple[Outcome, Outcome]:
    """So many from one network; another network is free."""
    body, headers = legacy("ping"), legacy_headers()

    async def stranger(client: str) -> str:
        answer = await request(
            out.app.house.app, "/mcp/unknown", headers=headers, body=body, client=client
        )
        assert answer is not None
        return str(answer.json()["error"]["type"])

    kinds = [await stranger("192.0.2.1") for _ in range(value + 1)]
    assert await stranger("198.51.100.1") == "not_found"
    assert kinds[:-1] == ["not_found"] * value
    return OK, Outcome(kinds[-1], "gateway")


async def connections(out: Outside, value: int) -> tuple[Outcome, Outcome]:
    """So many connections; the next is answered once one of them is closed."""
    async with listening(out.app, value) as port:
        open_ones = [await connected(port) for _ in range(value)]
        statuses = {(await asked(*pair))[:12] for pair in open_ones}
        late_reader, late_writer = await connected(port)
        waiting = asyncio.create_task(asked(late_reader, late_writer))
        await asyncio.wait((waiting,), timeout=0.5)
        kept_waiting = not waiting.done()
        open_ones[0][1].close()
        assert (await waiting)[:12] == b"HTTP/1.1 200"
        for _, writer in (*open_ones[1:], (late_reader, late_writer)):
            writer.close()
    fits = OK if statuses == {b"HTTP/1.1 200"} else Outcome(str(statuses))
    return fits, OURS if kept_waiting else OK


class Case(NamedTuple):
    """A limit made small, who meets it, how one more is told, and what else is set for it."""

    value: int
    hit: Hit
    over: Outcome = OURS
    beside: Mapping[str, int] = MappingProxyType({})


CASES: dict[str, Case] = {
    "connect_timeout_s": Case(1, connect_timeout_s, Outcome("upstream_timeout", "upstream")),
    "call_timeout_s": Case(3, call_timeout_s, Outcome("upstream_timeout", "upstream")),
    "upstream_body_bytes": Case(
        500, upstream_body_bytes, Outcome("response_too_large", "upstream")
    ),
    "stream_events": Case(4, stream_events, Outcome("response_too_large", "upstream")),
    "stream_event_bytes": Case(200, stream_event_bytes, Outcome("response_too_large", "upstream")),
    "request_body_bytes": Case(500, request_body_bytes, Outcome("request_too_large", "caller")),
    "json_depth": Case(9, json_depth, Outcome("invalid_request", "caller")),
    "batch_length": Case(3, batch_length, Outcome("invalid_request", "caller")),
    "in_flight_server": Case(2, in_flight_server),
    "in_flight_tenant": Case(2, in_flight_tenant),
    "in_flight_host": Case(2, in_flight_host),
    "in_flight_process": Case(2, in_flight_process),
    "place_wait_ms": Case(1000, place_wait_ms, beside={"in_flight_server": 1}),
    "connections": Case(3, connections),
    "calls_per_10s": Case(2, calls_per_10s),
    "strangers_per_10s": Case(2, strangers_per_10s),
}


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """The upstream: a process of its own."""
    with running_lab() as running:
        yield running


@asynccontextmanager
async def outside(tmp_path: Path, lab: Lab, limits: Limits) -> AsyncIterator[Outside]:
    """A deployment with those limits, and an upstream beside the lab that accepts nobody."""
    lab.answers(
        rule("/v1/items/slow", json={"id": "1"}, fault=ENDLESS), rule("/*", json={"id": "1"})
    )
    lab.forget()
    with socket.create_server(("127.0.0.1", 0), backlog=0) as deaf:
        hosts = [lab.listing, f"127.0.0.1:{deaf.getsockname()[1]}"]
        async with world(tmp_path, lab, limits=limits, private_hosts=hosts) as app:
            out = Outside(app, deaf)
            try:
                yield out
            finally:
                await out.release()


def test_every_limit_has_a_case() -> None:
    """None is promised that nobody has met."""
    assert set(CASES) == set(LIMITS)


@pytest.mark.parametrize("name", CASES)
async def test_a_limit_of_the_deployment_holds(name: str, tmp_path: Path, lab: Lab) -> None:
    """What just fits passes, one more does not."""
    case = CASES[name]
    limits = in_force(USUAL, case.beside, {name: case.value})
    async with outside(tmp_path, lab, limits) as out:
        assert await case.hit(out, case.value) == (OK, case.over)


@pytest.mark.parametrize("name", settable("tenant"))
async def test_a_limit_that_an_admin_set_for_a_tenant_holds(
    name: str, tmp_path: Path, lab: Lab
) -> None:
    """From the next request on, for this tenant alone; taken back, the deployment's holds."""
    case = CASES[name]
    async with outside(tmp_path, lab, USUAL) as out:
        answer = await set_for_tenant(out, {name: case.value})
        assert answer.json()["limits"] == {name: case.value}
        assert await case.hit(out, case.value) == (OK, case.over)
        await out.release()
        assert (await set_for_tenant(out, {})).json()["limits"] == {}
        assert await out.call() == OK


@pytest.mark.parametrize("name", settable("server"))
async def test_a_limit_that_an_admin_set_for_a_server_goes_first(
    name: str, tmp_path: Path, lab: Lab
) -> None:
    """Before its tenant's, which goes before the deployment's."""
    case = CASES[name]
    async with outside(tmp_path, lab, USUAL) as out:
        await set_for_tenant(out, {name: 1})
        document = (await set_for_server(out, "admin", {name: case.value})).json()
        assert document["config"]["limits"] == {name: case.value}
        server = out.app.servers["acme"]
        path = f"/integrated-account/{server['account']}/mcp/{server['id']}"
        shown = await out.app.house.read(path)
        assert shown["limits_in_force"][name] == case.value
        assert set(shown["limits_in_force"]) == set(settable("tenant"))
        assert await met_alone(out, case) == (OK, case.over)


async def met_alone(out: Outside, case: Case) -> tuple[Outcome, Outcome]:
    """The same hit; what it asks of the tenant's other servers is under the tenant's limit."""
    await set_for_tenant(out, {})
    return await case.hit(out, case.value)


async def set_for_tenant(out: Outside, limits: dict[str, int]) -> Response:
    """As an admin."""
    return await out.app.house.send("PATCH", "/tenant/acme", body={"limits": limits})


async def set_for_server(out: Outside, caller: str, limits: Any) -> Response:
    """Whoever asks."""
    server = out.app.servers["acme"]
    path = f"/integrated-account/{server['account']}/mcp/{server['id']}"
    config = {} if limits is None else {"limits": limits}
    return await out.app.house.send("PATCH", path, caller=caller, body={"config": config})


async def test_only_admins_set_limits(tmp_path: Path, lab: Lab) -> None:
    """A tenant may say what holds already, and leave it out; it changes nothing of it."""
    async with outside(tmp_path, lab, USUAL) as out:
        lowered = {"calls_per_10s": 7}
        assert (await set_for_server(out, "acme", lowered)).status == 403
        assert (await set_for_server(out, "admin", lowered)).status == 200
        for given in (None, lowered):
            kept = await set_for_server(out, "acme", given)
            assert (kept.status, kept.json()["config"]["limits"]) == (200, lowered)
        assert (await set_for_server(out, "acme", {})).status == 403
        path = f"/integrated-account/{out.app.accounts['acme']}/mcp"
        body = {"name": "mine", "config": {"limits": {"calls_per_10s": 1000}}}
        assert (await out.app.house.send("POST", path, caller="acme", body=body)).status == 403
        patch = {"limits": {"calls_per_10s": 1}}
        assert (
            await out.app.house.send("PATCH", "/tenant/acme", caller="acme", body=patch)
        ).status == 403


@pytest.mark.parametrize(
    "limits",
    [
        {"calls_per_10s": LIMITS["calls_per_10s"].ceiling + 1},
        {"calls_per_10s": 0},
        {"calls_per_10s": True},
        {"calls_per_10s": "5"},
        {"in_flight_host": 5},
        {"nonsense": 5},
    ],
)
async def test_a_limit_that_is_none_is_told(
    limits: dict[str, Any], tmp_path: Path, lab: Lab
) -> None:
    """Over the ceiling, no number, of the deployment alone, unknown: a 400 that names the place."""
    async with outside(tmp_path, lab, USUAL) as out:
        for answer in (
            await set_for_server(out, "admin", limits),
            await out.app.house.send("PATCH", "/tenant/acme", body={"limits": limits}),
        ):
            assert answer.status == 400, answer.body
            assert "limits" in answer.json()["problems"][0]["where"]


async def connected(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A new connection."""
    return await asyncio.open_connection("127.0.0.1", port)


async def asked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """One request on that connection, which stays open: the head of the answer."""
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    async with asyncio.timeout(SOON_S):
        head = await reader.readuntil(b"\r\n\r\n")
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        await reader.readexactly(int(length))
    return head


@asynccontextmanager
async def listening(app: World, value: int) -> AsyncIterator[int]:
    """The app on a port, served as a worker serves it."""
    settings = app.house.services.settings
    assert settings.limits.connections == value
    with socket.create_server(("127.0.0.1", 0)) as opened:
        server = InheritingServer(app.house.app, settings, os.dup(opened.fileno()))
        serving = asyncio.create_task(server.serve())
        try:
            yield opened.getsockname()[1]
        finally:
            server.stop()  # type: ignore[no-untyped-call]  # the library leaves it untyped
            await serving
