"""What every request passes before its endpoint: Host, Origin, preflight, and headers of safety."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.asgi import Response, request
from tests.support.calling import legacy, legacy_headers
from tests.support.deployment import Deployment, deployment

from mcpassport.edge.middleware import MIDDLEWARE
from mcpassport.edge.middleware.front import is_of_this_machine, without_port
from mcpassport.edge.middleware.origins import ALLOWED, EXPOSED
from mcpassport.store.protocol import Key, Store

LISTED = "https://app.example.test"
HOSTILE = ("https://evil.example.test", "null", "", "https://app.example.test.evil.test", "file://")
ADDRESSES = ("/mcp/unknown", "/mcp/s/unknown", "/mcp/", "/mcp/a/b")
"""Addresses of MCP servers that do not exist; beside them the tests ask one that does."""
ROUTES = (
    *("/tenant", "/version", "/healthz", "/readyz", "/openapi.json", "/audit/key", "/nowhere", "/"),
    *("/reference", "/reference/notes", "/reference/notes.json"),
)

House: TypeAlias = Callable[..., Awaitable[Deployment]]


@pytest.fixture
async def build(tmp_path: Path) -> AsyncIterator[House]:
    """Makes a deployment with those settings; one per test."""
    opened: list[Any] = []

    async def build(**settings: Any) -> Deployment:
        context = deployment(tmp_path, **settings)
        house = await context.__aenter__()
        opened.append(context)
        if "allowed_hosts" not in settings:  # what settles a deployment names no host
            await house.push()
        return house

    yield build
    for context in opened:
        await context.__aexit__(None, None, None)


async def ask(house: Deployment, path: str, method: str = "GET", **headers: str) -> Response:
    """One request without a token; `_` in a header's name stands for `-`."""
    named = [(name.replace("_", "-"), value) for name, value in headers.items()]
    answer = await request(house.app, path, method=method, headers=named)
    assert answer is not None
    return answer


async def preflight(house: Deployment, path: str, origin: str, asked: str = "") -> Response:
    """What a browser asks before it lets a page POST."""
    more = {"access_control_request_headers": asked} if asked else {}
    return await ask(
        house, path, "OPTIONS", origin=origin, access_control_request_method="POST", **more
    )


def cors(answer: Response) -> dict[str, str]:
    """The CORS headers of an answer."""
    return {n: v for n, v in answer.headers if n.startswith("access-control-")}


async def strangers(house: Deployment) -> dict[str, int]:
    """How often each reason was counted, once it is written."""
    house.clock.step(1)
    async with asyncio.timeout(30):
        while not (found := (await house.read("/audit/strangers"))["result"]):  # noqa: ASYNC110 - written once a second
            await asyncio.sleep(0.05)
    return {row["reason"]: row["count"] for row in found}


def test_the_list_is_in_sight() -> None:
    """Four of them, and the one that makes answers safe is outside."""
    assert [kind.__name__ for kind in MIDDLEWARE] == ["SafetyHeaders", "Drain", "Hosts", "Origins"]


@pytest.mark.parametrize("origin", HOSTILE)
async def test_an_origin_that_is_not_listed_is_refused_everywhere(
    build: House, origin: str
) -> None:
    """403 on each route and method, without any CORS header, counted and written nowhere else."""
    house = await build(allowed_origins=(LISTED,))
    server = await house.server(await house.account())
    addresses = (f"/mcp/{server['token']}", f"/mcp/s/{server['id']}", *ADDRESSES)
    before = len(await house.rows("acme"))
    answers = [await ask(house, path, "POST", origin=origin) for path in addresses]
    answers += [await preflight(house, path, origin) for path in addresses]
    assert {answer.status for answer in answers} == {403}
    assert len({(answer.body, answer.headers) for answer in answers}) == 1
    assert answers[0].json()["error"]["type"] == "origin_forbidden"
    for path in ROUTES:
        managed = [await ask(house, path, origin=origin), await preflight(house, path, origin)]
        assert {answer.status for answer in managed} == {403}
        assert managed[0].json()["type"] == "origin_forbidden"
        answers += managed
    assert not any(cors(answer) for answer in answers)
    assert len(await house.rows("acme")) == before
    assert await strangers(house) == {"origin": len(answers)}


async def test_a_request_without_origin_passes(build: House) -> None:
    """Programs send none; no CORS header is in the answer."""
    house = await build(allowed_origins=(LISTED,))
    server = await house.server(await house.account())
    answer = await house.mcp(f"/mcp/{server['token']}", legacy("ping"))
    assert (answer.status, cors(answer)) == (200, {})


async def test_a_listed_page_may_call_and_read(build: House) -> None:
    """Every MCP address, also one that does not exist; with the headers that clients need."""
    house = await build(allowed_origins=(LISTED,))
    server = await house.server(await house.account())
    headers = {**legacy_headers(), "origin": LISTED}
    good = await house.mcp(f"/mcp/{server['token']}", legacy("ping"), headers)
    bad = await house.mcp("/mcp/unknown", legacy("ping"), headers)
    assert (good.status, bad.status) == (200, 404)
    for answer in (good, bad):
        assert cors(answer) == {
            "access-control-allow-origin": LISTED,
            "access-control-expose-headers": ", ".join(EXPOSED),
        }
        assert answer.header("vary") == "Origin"
    assert "WWW-Authenticate" in EXPOSED


async def test_a_listed_page_may_not_call_the_management_api(build: House) -> None:
    """It was listed for MCP servers."""
    house = await build(allowed_origins=(LISTED,))
    answer = await house.send("GET", "/tenant", headers={"origin": LISTED})
    assert (answer.status, cors(answer)) == (403, {})


async def test_the_preflight_of_a_listed_page_reaches_no_store(
    build: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """204 from the settings alone, the same for every MCP address, with what MCP needs."""
    house = await build(allowed_origins=(LISTED,))
    server = await house.server(await house.account())

    async def asked(_store: Store, _keys: list[Key]) -> None:
        raise AssertionError("the store was asked")

    monkeypatch.setattr(type(house.services.store), "get_many", asked)
    names = "authorization, mcp-protocol-version, Mcp-Param-Region,mcp-param-a b, cookie"
    addresses = (f"/mcp/{server['token']}", f"/mcp/s/{server['id']}", *ADDRESSES)
    answers = [await preflight(house, path, LISTED, names) for path in addresses]
    assert len({(a.status, a.headers, a.body) for a in answers}) == 1
    assert (answers[0].status, answers[0].body) == (204, b"")
    allowed = cors(answers[0])
    assert allowed.pop("access-control-allow-headers").split(", ") == [*ALLOWED, "mcp-param-region"]
    assert allowed == {
        "access-control-allow-origin": LISTED,
        "access-control-allow-methods": "POST",
        "access-control-max-age": "600",
    }
    wanted = {"mcp-method", "mcp-name", "mcp-protocol-version", "authorization", "x-api-token"}
    assert wanted <= set(ALLOWED)
    assert answers[0].header("vary") == "Origin, access-control-request-headers"


async def test_options_that_ask_for_nothing_are_no_preflight(build: House) -> None:
    """Without the method that a page wants to use, OPTIONS is a method that is not served."""
    house = await build(allowed_origins=(LISTED,))
    assert (await ask(house, "/mcp/x", "OPTIONS", origin=LISTED)).status == 405
    assert (await ask(house, "/mcp/x", "OPTIONS")).status == 405


async def test_two_origins_are_none(build: House) -> None:
    """Whoever sends the header twice is refused, whatever it says."""
    house = await build(allowed_origins=(LISTED,))
    answer = await request(house.app, "/mcp/x", headers=[("origin", LISTED), ("origin", LISTED)])
    assert answer is not None
    assert answer.status == 403


async def test_our_own_pages_may_use_the_management_api(build: House) -> None:
    """Pages at the public address, or at a name of this machine; they need no CORS header."""
    house = await build(public_url="https://mcp.example.test/agents")
    for origin, host, status in (
        ("https://mcp.example.test", "mcp.example.test", 200),
        ("https://mcp.example.test:8443", "mcp.example.test", 403),
        ("http://mcp.example.test", "mcp.example.test", 403),
        ("http://127.0.0.1:8080", "127.0.0.1:8080", 200),
        ("http://localhost:8080", "localhost:8080", 200),
        ("http://127.0.0.1:9090", "127.0.0.1:8080", 403),
    ):
        headers = {"origin": origin, "host": host}
        answer = await house.send("GET", "/tenant", headers=headers)
        assert (answer.status, cors(answer)) == (status, {}), origin


@pytest.mark.parametrize(
    ("settings", "host", "mcp", "managed"),
    [
        # Listed: MCP servers answer to the list only, the rest to names of this machine too.
        *(({"allowed_hosts": ("mcp.example.test", "[::1]:8080")}, *row) for row in (
            ("mcp.example.test", 404, 401),
            ("MCP.example.test:8443", 404, 401),
            ("[::1]:8080", 404, 401),
            ("[::1]:9", 403, 401),
            ("127.0.0.1:8080", 403, 401),
            ("localhost", 403, 401),
            ("evil.example.test", 403, 403),
            ("mcp.example.test.evil.test", 403, 403),
            ("", 403, 403),
        )),
        # None listed, on loopback: the public name and names of this machine.
        *(({"public_url": "https://mcp.example.test"}, *row) for row in (
            ("mcp.example.test", 404, 401),
            ("mcp.example.test:8443", 404, 401),
            ("127.0.0.1:8080", 404, 401),
            ("localhost:8080", 404, 401),
            ("evil.example.test:8080", 403, 403),
            ("127.0.0.1.evil.example", 403, 403),
        )),
        # None listed, on another address: any.
        *(({"host": "0.0.0.0"}, *row) for row in (
            ("anything.example.test", 404, 401),
        )),
    ],
)  # fmt: skip
async def test_a_host_is_admitted_by_list_or_by_where_we_listen(
    build: House, settings: dict[str, Any], host: str, mcp: int, managed: int
) -> None:
    """A page that rebinds its own name to our address is refused before anybody is asked."""
    house = await build(**settings)
    statuses = [(await ask(house, path, "POST", host=host)).status for path in ADDRESSES]
    assert statuses == [mcp] * len(ADDRESSES)
    assert (await ask(house, "/tenant", host=host)).status == managed


async def test_without_a_host_no_browser_asks(build: House) -> None:
    """Such a request passes unless hosts are listed; two hosts never pass."""
    house = await build()
    assert (await ask(house, "/version")).status == 200
    twice = [("host", "127.0.0.1"), ("host", "127.0.0.1")]
    answer = await request(house.app, "/version", method="GET", headers=twice)
    assert answer is not None
    assert answer.status == 403


async def test_with_a_list_a_host_is_needed(build: House) -> None:
    """Nobody leaves it out to get around the list."""
    house = await build(allowed_hosts=("mcp.example.test",))
    assert (await ask(house, "/mcp/x", "POST")).status == 403


SAFE = {
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


@pytest.mark.parametrize("https", [False, True])
async def test_every_answer_is_safe_to_keep_nowhere(build: House, https: bool) -> None:
    """Each route, answer and refusal has the headers once; HSTS where the address is https."""
    url = f"http{'s' if https else ''}://mcp.example.test"
    house = await build(allowed_origins=(LISTED,), public_url=url)
    server = await house.server(await house.account())
    answers = [await ask(house, path) for path in (*ROUTES, *ADDRESSES)]
    answers += [await house.send("GET", path) for path in ("/tenant", "/metrics", "/audit")]
    answers.append(await house.mcp(f"/mcp/{server['token']}", legacy("tools/list")))
    answers.append(await preflight(house, "/mcp/x", LISTED))
    answers.append(await ask(house, "/mcp/x", origin=HOSTILE[0]))
    answers.append(await ask(house, "/version", host=HOSTILE[0]))
    assert {200, 204, 401, 403, 404, 405} <= {answer.status for answer in answers}
    for answer in answers:
        names = [name for name, _ in answer.headers]
        assert {name: answer.header(name) for name in SAFE} == SAFE
        assert len(names) == len(set(names)), names
        assert (answer.header("strict-transport-security") is not None) == https
        policy = answer.header("content-security-policy")
        assert policy is not None
        assert "frame-ancestors 'none'" in policy
        is_page = (answer.header("content-type") or "").startswith("text/html")
        assert ("default-src 'none'" in policy) != is_page
        if is_page:
            assert b'http-equiv="Content-Security-Policy" content="default-src' in answer.body


async def test_a_process_that_drains_ends_each_connection(build: House) -> None:
    """With its answer, also where the request came before; and it is not ready any more."""
    house = await build()
    draining = house.services.readiness.draining
    assert (await ask(house, "/healthz")).header("connection") is None
    draining.begin()
    for path in ("/healthz", "/mcp/x", "/reference", "/tenant"):
        assert (await ask(house, path)).header("connection") == "close"
    ready = await ask(house, "/readyz")
    assert (ready.status, ready.json()["failing"]) == (503, ["draining"])
    assert draining.under_way == 0


@settings(deadline=None)
@given(st.text(max_size=30))
def test_no_name_but_localhost_is_of_this_machine(host: str) -> None:
    """Addresses are; whatever else is called so would be a way around the check."""
    name = without_port(host).strip("[]")
    if is_of_this_machine(host):
        assert name == "localhost" or set(name) <= set("0123456789abcdefABCDEF.:%")
