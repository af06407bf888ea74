"""Suspending and resuming servers and tenants, over the management API."""

from tests.support.calling import legacy
from tests.support.deployment import Deployment

LIST = legacy("tools/list")


async def test_a_suspended_server_is_gone_and_comes_back(house: Deployment) -> None:
    """The token opens nothing while it is suspended, and the same token opens it afterwards."""
    await house.push()
    account = await house.account()
    server = await house.server(account)
    at = f"/integrated-account/{account}/mcp/{server['id']}"
    stranger = await house.mcp("/mcp/x", LIST)
    assert (await house.send("POST", f"{at}/suspend", caller="acme")).json()["status"] == (
        "suspended"
    )
    assert await house.mcp(f"/mcp/{server['token']}", LIST) == stranger
    resumed = await house.send("POST", f"{at}/resume", caller="acme")
    assert (resumed.json()["status"], resumed.json()["expires_at"]) == (
        "active",
        server["expires_at"],
    )
    assert await house.tools(server)


async def test_revocation_is_final_for_a_suspended_server_too(house: Deployment) -> None:
    """A suspended server can be revoked, singly or with its account, and never resumed again."""
    await house.push()
    account = await house.account()
    single, along = await house.server(account), await house.server(account)
    at = f"/integrated-account/{account}/mcp"
    for server in (single, along):
        await house.send("POST", f"{at}/{server['id']}/suspend")
    assert (await house.send("DELETE", f"{at}/{single['id']}")).status == 204
    for turn in ("suspend", "resume"):
        assert (await house.send("POST", f"{at}/{single['id']}/{turn}")).status == 409
    await house.send("DELETE", f"/integrated-account/{account}")
    ended = await house.services.servers.get("acme", along["id"])
    assert ended.status == "revoked"


async def test_a_suspended_tenant_neither_calls_nor_manages(house: Deployment) -> None:
    """Its servers answer the 404 of a stranger, its API tokens 401; others go on."""
    await house.push()
    mine = await house.server(await house.account("acme"))
    other = await house.server(await house.account("globex"))
    stranger = await house.mcp("/mcp/x", LIST)
    answer = await house.send("POST", "/tenant/acme/suspend")
    assert (answer.status, answer.json()["status"]) == (200, "suspended")
    assert await house.mcp(f"/mcp/{mine['token']}", LIST) == stranger
    assert (await house.send("GET", "/integrated-account", caller="acme")).status == 401
    assert await house.tools(other)
    refusal = (await house.rows("acme"))[-1]
    assert (refusal.phase, refusal.reason) == ("refusal", "tenant_suspended")
    assert (await house.send("POST", "/tenant/acme/resume")).json()["status"] == "active"
    assert await house.tools(mine)
    assert (await house.send("GET", "/integrated-account", caller="acme")).status == 200


async def test_an_unknown_tenant_is_not_suspended(house: Deployment) -> None:
    """A slip in the id is a 404, not a suspension of nothing."""
    for turn in ("suspend", "resume"):
        assert (await house.send("POST", f"/tenant/nobody/{turn}")).status == 404
