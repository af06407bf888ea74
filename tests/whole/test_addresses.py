"""Where a call may go, over the whole app: hosts, private addresses and metadata."""

from typing import Any

import pytest
from tests.support.items import GET, items
from tests.support.lab import Lab
from tests.support.whole import WAYS, Call, Door, Era, World, ok, succeeded, withheld

pytestmark = pytest.mark.asyncio(loop_scope="module")

READ = Call(GET.replace("lab", "other"), {"id": "1"})
PORT = "{port}"


async def serve(app: World, name: str, base_url: str, **config: Any) -> None:
    """Push a second integration with that address, and open a server on it."""
    content = items(app.lab.origin, name="other", base_url=base_url, **config)
    await app.house.push(content)
    account = await app.connect("acme", "lab_planted_of_acme_0001", "other", context=_context(name))
    app.servers[name] = await app.house.server(account)


def _context(name: str) -> dict[str, str]:
    return {"host": CONTEXTS[name]} if name in CONTEXTS else {}


CONTEXTS: dict[str, str] = {
    "fitting": "127.0.0.1",
    "another host": "evil.example",
    "metadata": "169.254.169.254",
    "neighbour": "127.0.0.2",
    "name of the same address": "localhost",
    "short address": "127.1",
    "address as a number": "2130706433",
    "address in hex": "0x7f000001",
    "address in octal": "0177.0.0.1",
    "circled digits": "①②⑦.0.0.1",
    "fullwidth dots": "127．0．0．1",
    "port": "127.0.0.1:1",
    "user": "evil.example@127.0.0.1",
    "path": "127.0.0.1/x",
    "host after a path": "evil.example/127.0.0.1",
    "fragment": "evil.example#127.0.0.1",
    "query": "evil.example?127.0.0.1",
    "backslash": "evil.example\\127.0.0.1",
    "suffix": "127.0.0.1.evil.example",
    "encoded dot": "127%2e0.0.1",
    "IPv6": "[::1]",
    "mapped IPv6": "[::ffff:127.0.0.1]",
    "dot at the end": "127.0.0.1.",
}
"""What an account's context may put for the host of `http://{{context.host}}:<port>/v1`."""


@pytest.mark.parametrize("row", CONTEXTS)
async def test_a_context_leads_to_allowed_hosts_only(app: World, row: str) -> None:
    """Whatever the context says, the request goes to the allowed host or nowhere."""
    base_url = f"http://{{{{context.host}}}}:{app.lab.port}/v1"
    await serve(app, row, base_url, allowed_hosts=["127.0.0.1"])
    for way in WAYS:
        met = await app.call(way, READ, ok(), server=row)
        if row == "fitting":
            succeeded(met)
            assert met.upstream[0].header("host") == app.lab.listing
        else:
            withheld(met, "address_forbidden", way[1])
            assert CONTEXTS[row].encode() not in met.response.body


FORBIDDEN: dict[str, str] = {
    "loopback by name": "http://localhost:{port}/v1",
    "loopback on another port": "http://127.0.0.1:1/v1",
    "another loopback": "http://127.0.0.2:{port}/v1",
    "loopback in IPv6": "http://[::1]:{port}/v1",
    "mapped loopback": "http://[::ffff:127.0.0.1]:{port}/v1",
    "this network": "http://0.0.0.0:{port}/v1",
    "private": "http://10.0.0.1/v1",
    "private in 192.168": "http://192.168.0.1/v1",
    "carrier": "http://100.64.0.1/v1",
    "link-local": "http://169.254.1.1/v1",
    "metadata": "http://169.254.169.254/latest/meta-data",
    "metadata of another cloud": "http://100.100.100.200/latest",
    "metadata in IPv6": "http://[fd00:ec2::254]/latest",
    "unique local": "http://[fd12::1]/v1",
    "documentation": "http://203.0.113.9/v1",
    "multicast": "http://224.0.0.1/v1",
    "broadcast": "http://255.255.255.255/v1",
    "embedded IPv4": "http://[64:ff9b::7f00:1]/v1",
    "short address": "http://127.1:{port}/v1",
    "address as a number": "http://2130706433:{port}/v1",
}


@pytest.mark.parametrize("way", WAYS, ids="-".join)
@pytest.mark.parametrize("row", FORBIDDEN)
async def test_private_addresses_need_a_setting(
    app: World, row: str, way: tuple[Door, Era]
) -> None:
    """Only `private_hosts`, host and port, opens a private address; nothing opens metadata."""
    await serve(app, f"private {row}", FORBIDDEN[row].format(port=app.lab.port))
    met = await app.call(way, READ, ok(), server=f"private {row}")
    withheld(met, "address_forbidden", way[1])
    assert "private" not in met.envelope()["message"].replace("private_hosts", "")


async def test_the_listed_host_is_reached(app: World, lab: Lab) -> None:
    """The host and port of `private_hosts`, exactly as listed, are open."""
    await serve(app, "listed", f"{lab.origin}/v1")
    succeeded(await app.call(WAYS[0], READ, ok(), server="listed"))
