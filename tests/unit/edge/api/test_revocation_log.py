"""Revocations over the management API reach the revocation log before they are answered."""

import json
from pathlib import Path

from tests.support.deployment import Deployment


def log_of(house: Deployment) -> Path:
    return house.services.settings.data_dir / "revocations.log"


async def test_every_revocation_is_a_line(house: Deployment) -> None:
    """A server, an API token, an account: kind, tenant and id, with a keyed hash and no token."""
    await house.push()
    account = await house.account()
    server = await house.server(account)
    token = await house.made("/api-token", {"role": "factor", "name": "x"}, caller="acme")
    at = f"/integrated-account/{account}"
    for path in (f"{at}/mcp/{server['id']}", f"/api-token/{token['id']}", at):
        assert (await house.send("DELETE", path, caller="acme")).status == 204
    text = log_of(house).read_text()
    first, *lines = [json.loads(line) for line in text.splitlines()]
    assert first["kind"] == "log"
    assert [(it["kind"], it["tenant"], it["id"]) for it in lines] == [
        ("server", "acme", server["id"]),
        ("api_token", "acme", token["id"]),
        ("account", "acme", account),
    ]
    assert [len(it.get("token_hash", "")) for it in lines] == [64, 64, 0]
    assert "mcpp_" not in text


async def test_a_revocation_that_is_not_logged_says_so(house: Deployment) -> None:
    """The server is dead all the same; the repeat writes the line."""
    await house.push()
    account = await house.account()
    server = await house.server(account)
    path = f"/integrated-account/{account}/mcp/{server['id']}"
    before = log_of(house).read_bytes()
    log_of(house).unlink()
    log_of(house).mkdir()
    answer = await house.send("DELETE", path)
    assert answer.status == 503
    assert "It is revoked, but the revocation log cannot be written" in answer.json()["detail"]
    assert (await house.read(path))["status"] == "revoked"
    log_of(house).rmdir()
    log_of(house).write_bytes(before)
    assert (await house.send("DELETE", path)).status == 204
    assert server["id"] in log_of(house).read_text()
