"""The proxy examples, with the real programs: calls pass, and no log holds a token."""

import json
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import pytest
from tests.support.calling import legacy, legacy_headers
from tests.support.handshakes import VERSIONS, handshake, only
from tests.support.items import GET
from tests.support.lab import Lab, rule, running_lab
from tests.support.proxies import NAME, Proxy, running_envoy, running_nginx
from tests.support.scan import found_in
from tests.support.serving import Served, served, until

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("deploy")]

SOON_S = 60
Start: TypeAlias = Callable[..., AbstractContextManager[Proxy]]


class Kind(NamedTuple):
    """A proxy: how it starts, how it names an address, and a change that shows tokens."""

    start: Start
    masked: bytes
    careless: dict[str, str]


KINDS = {
    "nginx": Kind(
        running_nginx,
        b'"POST /mcp/****" 200',
        {"mcpassport.log mcpassport;": "mcpassport.log combined;"},
    ),
    "envoy": Kind(running_envoy, b'"POST mcp" 200', {"%ROUTE_NAME%": "%REQ(:PATH)%"}),
}
SETTINGS: dict[str, Any] = {
    "trusted_proxies": ["127.0.0.1/32"],
    "allowed_hosts": [NAME],
    "public_url": f"https://{NAME}",
}


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """The upstream behind it all."""
    with running_lab() as running:
        running.answers(rule("/*", json={"id": "1"}))
        yield running


def traffic(proxy: Proxy, house: Served) -> dict[str, int]:
    """Requests of every kind that a log could tell of; the status of each."""
    token, server = house.token, house.server
    call = legacy("tools/call", {"name": GET, "arguments": {"id": "1"}})
    headers = {**legacy_headers(), "content-type": "application/json"}
    bearer = {**headers, "authorization": f"Bearer {token}"}
    asked = {
        "call": proxy.ask("POST", f"/mcp/{token}", call, headers),
        "by header": proxy.ask("POST", f"/mcp/s/{server}", call, bearer),
        "with query": proxy.ask("POST", f"/mcp/{token}?x={token}", call, headers),
        "encoded": proxy.ask("POST", f"/m%63p/{token}", call, headers),
        "get": proxy.ask("GET", f"/mcp/{token}", headers={"referer": f"https://x/mcp/{token}"}),
        "unknown": proxy.ask(
            "POST", "/mcp/mcpp_srv_unknown", call, {**headers, "x-forwarded-for": "198.51.100.9"}
        ),
        "reference": proxy.ask("GET", "/reference"),
        "managed": proxy.ask("GET", "/tenant"),
        "large": proxy.ask("POST", f"/mcp/{token}", b" " * (5 * 2**20), headers),
    }
    assert json.loads(asked["call"][2])["result"]["structuredContent"] == {"id": "1"}
    assert asked["call"][1]["strict-transport-security"] == "max-age=31536000"
    assert asked["call"][1]["cache-control"] == "no-store"
    house.signal(signal.SIGTERM)
    house.process.wait(SOON_S)
    asked["upstream gone"] = proxy.ask("POST", f"/mcp/{token}", call, headers)
    return {name: status for name, (status, _, _) in asked.items()}


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
async def test_calls_pass_and_no_log_holds_a_token(name: str, tmp_path: Path, lab: Lab) -> None:
    """Also where the proxy itself refuses, or finds nobody; a careless log is caught."""
    kind = KINDS[name]
    statuses: dict[str, int] = {}
    for planted in (True, False):
        folder = tmp_path / f"planted-{planted}"
        folder.mkdir()
        async with served(folder, lab, SETTINGS, {}) as house:
            changes = kind.careless if planted else {}
            with kind.start(folder / "proxy", house.port, changes) as proxy:
                versions = [handshake(proxy.port, only(version)) for version in VERSIONS]
                assert versions == [None, None, "TLSv1.2", "TLSv1.3"]
                statuses = traffic(proxy, house)
                await until(lambda p=proxy: b"GET" in p.logs(), SOON_S, "its log")
            assert bool(found_in(proxy.logs(), {house.token})) == planted, "the control is caught"
            if not planted:
                assert kind.masked in proxy.logs()
                strangers = await house.strangers()
                assert strangers == {"127.0.0.0/24"}, "the client's network, not what it claims"
    served_ones = ("call", "by header", "with query", "encoded")
    assert [statuses[name] for name in served_ones] == [200] * len(served_ones)
    assert (statuses["get"], statuses["unknown"], statuses["reference"]) == (405, 404, 200)
    assert (statuses["managed"], statuses["large"]) == (403, 413)
    assert statuses["upstream gone"] in {502, 503}
