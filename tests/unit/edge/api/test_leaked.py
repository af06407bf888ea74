"""Anybody may report a token; a live one ends, and the answer never says which it was."""

import json

import pytest
from tests.support.calling import legacy
from tests.support.deployment import Deployment

from mcpassport.gate.tokens import issue
from mcpassport.limits import API_TOKEN_PREFIX, SERVER_TOKEN_PREFIX

LIST = legacy("tools/list")


async def report(house: Deployment, text: str) -> tuple[int, bytes]:
    """Report that text, as nobody in particular."""
    answer = await house.send("POST", "/leaked", caller=None, body={"text": text})
    return answer.status, answer.body


async def test_a_live_server_token_ends_with_its_server(house: Deployment) -> None:
    """In the middle of a text; its owner is told by an event, the revocation log by a line."""
    await house.push()
    server = await house.server(await house.account())
    found = await report(house, f"+MCP_URL=https://x.example/mcp/{server['token']}\n")
    assert found == await report(house, "nothing of the kind")
    assert (await house.mcp(f"/mcp/{server['token']}", LIST)).status == 404
    (event,) = [row for row in await house.rows("acme") if row.action == "server.leaked"]
    assert (event.subject, event.principal) == (server["id"], "anybody:leaked")
    log = (house.services.settings.data_dir / "revocations.log").read_text().splitlines()
    assert (json.loads(log[-1])["kind"], json.loads(log[-1])["id"]) == ("server", server["id"])


async def test_a_live_api_token_ends(house: Deployment) -> None:
    """One of a tenant, and one of the deployment."""
    for caller in ("acme", "auditor"):
        await report(house, house.tokens[caller])
        assert (await house.send("GET", "/integration", caller=caller)).status == 401
    actions = [row.action for row in [*await house.rows("acme"), *await house.rows("")]]
    assert actions.count("api_token.leaked") == 2


async def test_a_token_that_a_rotation_lets_run_out_ends_alone(house: Deployment) -> None:
    """The server goes on with its new token."""
    await house.push()
    old = await house.server(await house.account())
    path = f"/integrated-account/{old['account']}/mcp/{old['id']}/rotate"
    new = (await house.send("POST", path, body={"overlap_seconds": 3600})).json()
    await report(house, old["token"])
    statuses = [(await house.mcp(f"/mcp/{it['token']}", LIST)).status for it in (old, new)]
    assert statuses == [404, 200]


@pytest.mark.parametrize(
    "text",
    [
        "",
        issue(SERVER_TOKEN_PREFIX, lambda size: bytes(range(size))),
        issue(API_TOKEN_PREFIX, lambda size: bytes(range(size))),
        "mcpp_srv_" + "a" * 43 + "_" + "0" * 6,
        "x" * 65_536,
    ],
)
async def test_every_report_reads_and_answers_the_same(house: Deployment, text: str) -> None:
    """An unknown token, a look-alike, nothing at all: one answer, and nothing is written."""
    before = [await house.rows(chain) for chain in ("", "acme")]
    assert await report(house, text) == (202, b'{"received":true}')
    assert [await house.rows(chain) for chain in ("", "acme")] == before


async def test_a_report_that_is_too_long_is_refused(house: Deployment) -> None:
    """64 KiB are enough for what leaked."""
    assert (await report(house, "x" * 65_537))[0] == 400
