"""The resource server of OAuth 2.1 with a real authorization server."""

import json
import re
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.support.asgi import Response
from tests.support.calling import legacy, legacy_headers
from tests.support.deployment import Deployment, deployment, notes
from tests.support.lab import Lab, rule, running_lab
from tests.support.oidc import Provider, running_provider

LIST = legacy("tools/list")
CREATE = legacy("tools/call", {"name": "create_a_notes_note", "arguments": {"title": "t"}})
READ, WRITE = "mcp:read", "mcp:write"


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with running_provider() as running:
        yield running


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with running_lab() as running:
        yield running


@pytest.fixture
async def house(provider: Provider, lab: Lab, tmp_path: Path) -> AsyncIterator[Deployment]:
    hosts = (provider.listing, lab.listing)
    async with deployment(tmp_path, private_hosts=hosts) as running:
        running.clock.now = datetime.now(UTC)  # the provider has no other
        await running.push(notes(lab.origin))
        yield running


async def server(house: Deployment, provider: Provider, **more: Any) -> Any:
    """A server that takes access tokens of the provider."""
    oauth = {"issuer": provider.issuer, "read_scope": READ, "write_scope": WRITE, **more}
    return await house.server(await house.account(), config={"oauth": oauth})


async def ask(house: Deployment, made: Any, token: str = "", body: bytes = LIST) -> Response:
    sent = {"authorization": f"Bearer {token}"} if token else {}
    return await house.mcp(f"/mcp/s/{made['id']}", body, {**legacy_headers(), **sent})


def names(answer: Response) -> set[str]:
    assert answer.status == 200, answer.body
    return {tool["name"] for tool in answer.json()["result"]["tools"]}


def challenged(answer: Response) -> dict[str, str]:
    """The members of the challenge."""
    told = answer.header("www-authenticate")
    assert told is not None
    assert told.startswith("Bearer ")
    return dict(re.findall(r'(\w+)="([^"]*)"', told))


async def test_a_client_finds_its_way_from_nothing_to_the_tools(
    house: Deployment, provider: Provider
) -> None:
    """401, metadata, a token for the resource it names, and the tools that its scope reaches."""
    made = await server(house, provider)
    refused = await ask(house, made)
    assert (refused.status, refused.json()["error"]["type"]) == (401, "access_token_required")
    told = challenged(refused)
    assert told["scope"] == f"{READ} {WRITE}"
    assert "error" not in told, "nothing was wrong yet"
    path = told["resource_metadata"].removeprefix(house.services.settings.public_url)
    described = (await house.send("GET", path, caller=None)).json()
    assert described["authorization_servers"] == [provider.issuer]
    assert described["scopes_supported"] == [READ, WRITE]
    assert described["resource"].endswith(f"/mcp/s/{made['id']}")
    both = provider.token(described["resource"], READ, WRITE)
    reading = provider.token(described["resource"], READ)
    everything, some = names(await ask(house, made, both)), names(await ask(house, made, reading))
    assert everything > some > set()
    assert all(name.startswith(("list_all", "get_single")) for name in some)
    assert names(await ask(house, made, made["token"])) == everything, "its own token still holds"


async def test_a_tool_beyond_the_scopes_asks_for_more(
    house: Deployment, provider: Provider, lab: Lab
) -> None:
    """403 with the scope that is needed, and nothing is sent; a tool that is not there stays so."""
    made = await server(house, provider)
    resource = f"{house.services.settings.public_url}/mcp/s/{made['id']}"
    reading = provider.token(resource, READ)
    writing = provider.token(resource, WRITE)
    lab.answers(rule("/*", json={"id": "n1", "text": "t"}))
    refused = await ask(house, made, reading, CREATE)
    assert refused.status == 403
    assert refused.json()["error"]["data"]["type"] == "insufficient_scope"
    assert challenged(refused)["error"] == "insufficient_scope"
    assert WRITE in challenged(refused)["scope"].split()
    absent = await ask(house, made, reading, CREATE.replace(b"create_a_notes_note", b"nothing"))
    assert (absent.status, absent.json()["error"]["data"]["type"]) == (200, "unknown_tool")
    assert lab.requests() == []
    assert (await ask(house, made, writing, CREATE)).status == 200
    (sent,) = lab.requests()
    assert writing not in json.dumps(sent.headers), "the caller's token ends here"


async def test_a_token_for_another_server_opens_nothing(
    house: Deployment, provider: Provider
) -> None:
    """Nor one for nobody, one without a scope, or one of the same provider for its own purposes."""
    made, other = await server(house, provider), await server(house, provider)
    base = f"{house.services.settings.public_url}/mcp/s/"
    for audience in (base + other["id"], base, "https://api.notes.example", ""):
        refused = await ask(house, made, provider.token(audience, READ))
        assert refused.status == 401, audience
        assert challenged(refused)["error"] == "invalid_token"
    bare = await ask(house, made, provider.token(base + made["id"]))
    assert (bare.status, challenged(bare)["error"]) == (403, "insufficient_scope")
    assert (await ask(house, made, provider.log_in()["id_token"])).status == 401


async def test_where_it_is_not_allowed_there_is_nothing(
    house: Deployment, provider: Provider
) -> None:
    """The one 404, no metadata; the same once it is taken back or the server is revoked."""
    plain = await house.server(await house.account())
    allowed = await server(house, provider)
    account, paths = allowed["account"], {}
    for made in (plain, allowed):
        paths[made["id"]] = f"/.well-known/oauth-protected-resource/mcp/s/{made['id']}"
    token = provider.token(f"{house.services.settings.public_url}/mcp/s/{allowed['id']}", READ)
    absent = await ask(house, {"id": "srv_none"})
    for made in (plain, allowed):
        if made is allowed:
            change = {"config": {"oauth": None}}
            place = f"/integrated-account/{account}/mcp/{made['id']}"
            assert (await ask(house, made, token)).status == 200
            assert (await house.send("PATCH", place, body=change)).status == 200
        for shown in ("", token):
            refused = await ask(house, made, shown)
            assert (refused.status, refused.body) == (404, absent.body)
            assert refused.header("www-authenticate") is None
        assert (await house.send("GET", paths[made["id"]], caller=None)).status == 404


async def test_factors_hold_beside_an_access_token(house: Deployment, provider: Provider) -> None:
    """An API token where it is demanded; the audit names both."""
    oauth = {"issuer": provider.issuer, "read_scope": READ}
    config = {"oauth": oauth, "factors": [{"kind": "api_token"}]}
    made = await house.server(await house.account(), config=config)
    token = provider.token(f"{house.services.settings.public_url}/mcp/s/{made['id']}", READ)
    assert (await ask(house, made, token)).status == 403
    factor = {"x-api-token": house.tokens["factor"], "authorization": f"Bearer {token}"}
    call = legacy("tools/call", {"name": "list_all_notes_notes", "arguments": {}})
    sent = {**legacy_headers(), **factor}
    assert (await house.mcp(f"/mcp/s/{made['id']}", call, sent)).status == 200
    calls = [row for row in await house.rows("acme") if row.phase == "intent"]
    assert calls[-1].factors == ("oauth", "api_token")
