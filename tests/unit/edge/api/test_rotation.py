"""Rotating the token of an MCP server, over the management API."""

import json
from typing import Any

import pytest
from tests.support.calling import legacy
from tests.support.deployment import Deployment

LIST = legacy("tools/list")


async def rotated(house: Deployment, server: dict[str, Any], **body: Any) -> dict[str, Any]:
    """The server with its new token."""
    path = f"/integrated-account/{server['account']}/mcp/{server['id']}/rotate"
    answer = await house.send("POST", path, body=body, caller="acme")
    assert answer.status == 200, answer.body
    made: dict[str, Any] = answer.json()
    return made


async def status(house: Deployment, server: dict[str, Any]) -> int:
    """How the endpoint answers to that token."""
    return (await house.mcp(f"/mcp/{server['token']}", LIST)).status


async def test_without_an_overlap_only_the_new_token_holds(house: Deployment) -> None:
    """The old one is the stranger's 404 from the next request on, and its refusal is a row."""
    await house.push()
    old = await house.server(await house.account())
    new = await rotated(house, old)
    assert (new["secret"], new["id"]) == ("shown_once", old["id"])
    assert new["url"].endswith(new["token"])
    assert await status(house, new) == 200
    stranger = await house.mcp("/mcp/x", LIST)
    assert await house.mcp(f"/mcp/{old['token']}", LIST) == stranger
    refusal = (await house.rows("acme"))[-1]
    assert (refusal.phase, refusal.reason, refusal.server) == ("refusal", "rotated", old["id"])


async def test_both_tokens_hold_in_the_overlap_and_the_old_one_not_after(
    house: Deployment,
) -> None:
    """To the second; reads say until when, and show no token."""
    await house.push()
    old = await house.server(await house.account())
    new = await rotated(house, old, overlap_seconds=60)
    assert new["earlier_token_until"] == "2026-03-01T12:01:00Z"
    house.clock.step(59)
    assert [await status(house, each) for each in (old, new)] == [200, 200]
    house.clock.step(1)
    assert [await status(house, each) for each in (old, new)] == [404, 200]
    seen = await house.read(f"/integrated-account/{old['account']}/mcp/{old['id']}")
    assert (seen["earlier_token_until"], seen["token"], seen["url"]) == (None, None, None)


async def test_a_second_rotation_ends_the_oldest_token_at_once(house: Deployment) -> None:
    """There are never three."""
    await house.push()
    first = await house.server(await house.account())
    second = await rotated(house, first, overlap_seconds=3600)
    third = await rotated(house, first, overlap_seconds=3600)
    assert [await status(house, each) for each in (first, second, third)] == [404, 200, 200]


async def test_whatever_ends_the_server_ends_both_tokens(house: Deployment) -> None:
    """Suspension and revocation, in the middle of an overlap."""
    await house.push()
    old = await house.server(await house.account())
    new = await rotated(house, old, overlap_seconds=3600)
    path = f"/integrated-account/{old['account']}/mcp/{old['id']}"
    await house.send("POST", f"{path}/suspend")
    assert [await status(house, each) for each in (old, new)] == [404, 404]
    await house.send("POST", f"{path}/resume")
    assert [await status(house, each) for each in (old, new)] == [200, 200]
    await house.send("DELETE", path)
    assert [await status(house, each) for each in (old, new)] == [404, 404]
    assert (await house.send("POST", f"{path}/rotate", body={})).status == 409


@pytest.mark.parametrize("overlap", [-1, 86_401, 1.5, "60", None, True])
async def test_an_overlap_is_a_day_at_most(house: Deployment, overlap: Any) -> None:
    """What cannot be meant is refused, and the token stays."""
    await house.push()
    server = await house.server(await house.account())
    path = f"/integrated-account/{server['account']}/mcp/{server['id']}/rotate"
    answer = await house.send("POST", path, body={"overlap_seconds": overlap})
    assert answer.status == 400
    assert answer.json()["problems"][0]["where"] == "body.overlap_seconds"
    assert await status(house, server) == 200


async def test_a_rotation_is_in_the_revocation_log_before_it_happens(house: Deployment) -> None:
    """Where the log cannot be written nothing is rotated, and the answer says so."""
    await house.push()
    server = await house.server(await house.account())
    log = house.services.settings.data_dir / "revocations.log"
    await rotated(house, server)
    line = json.loads(log.read_text().splitlines()[-1])
    assert (line["kind"], line["id"], len(line["token_hash"])) == ("server_token", server["id"], 64)
    new = await rotated(house, server)
    log.rename(log.with_suffix(".away"))
    log.mkdir()
    path = f"/integrated-account/{server['account']}/mcp/{server['id']}/rotate"
    answer = await house.send("POST", path, body={})
    assert answer.status == 503
    assert "Nothing was rotated" in answer.json()["detail"]
    assert await status(house, new) == 200


async def test_another_tenants_server_cannot_be_rotated(house: Deployment) -> None:
    """As if it did not exist."""
    await house.push()
    server = await house.server(await house.account("globex"))
    path = f"/integrated-account/{server['account']}/mcp/{server['id']}/rotate"
    assert (await house.send("POST", path, body={}, caller="acme")).status == 404
    assert await status(house, server) == 200
