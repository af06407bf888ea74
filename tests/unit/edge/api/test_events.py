"""`/audit` and the events of changes: each in the right tenant's chain, with ids only."""

import asyncio
from typing import Any

from tests.support.calling import legacy
from tests.support.deployment import CREDENTIAL, Deployment, notes

PLANTED = "Planted Name"


async def everything(house: Deployment) -> dict[str, str]:
    """Every change that the API knows, on objects with planted names; the ids."""
    await house.push({**notes(), "note": PLANTED})
    changed = notes()
    changed["config"]["label"] = PLANTED
    await house.push(changed)
    await house.made("/integration/notes/rollback", {"version": 1})
    await house.made("/tenant", {"id": "initech", "name": PLANTED})
    await house.send("PATCH", "/tenant/initech", body={"name": PLANTED})
    for turn in ("suspend", "suspend", "resume"):
        await house.send("POST", f"/tenant/initech/{turn}")
    account = await house.account("acme", name=PLANTED, context={"a": PLANTED})
    path = f"/integrated-account/{account}"
    await house.send("PATCH", path, body={"name": PLANTED}, caller="acme")
    await house.send("PATCH", path, body={"credential": {"token": CREDENTIAL}}, caller="acme")
    server = await house.made(f"{path}/mcp", {"name": PLANTED}, caller="acme")
    at = f"{path}/mcp/{server['id']}"
    await house.send("PATCH", at, body={"name": PLANTED}, caller="acme")
    for turn in ("suspend", "suspend", "resume"):  # repeated, it is no change
        await house.send("POST", f"{at}/{turn}", caller="acme")
    await house.send("DELETE", at, caller="acme")
    token = await house.made("/api-token", {"role": "factor", "name": PLANTED}, caller="acme")
    await house.send("DELETE", f"/api-token/{token['id']}", caller="acme")
    admin = await house.made("/api-token", {"role": "auditor", "name": PLANTED})
    await house.send("DELETE", path)
    return {
        "account": account,
        "server": server["id"],
        "token": token["id"],
        "admin": admin["id"],
    }


async def test_each_change_is_one_event_in_the_chain_of_its_tenant(house: Deployment) -> None:
    """Action, subject and principal, in order; other tenants' chains hold nothing of it."""
    ids = await everything(house)
    told = {
        chain: [(row.action, row.subject, row.principal) for row in await house.rows(chain)]
        for chain in ("", "acme", "globex", "initech")
    }
    assert told == {
        "": [
            ("integration.push", "notes", "tok_admin"),
            ("integration.push", "notes", "tok_admin"),
            ("integration.rollback", "notes", "tok_admin"),
            ("api_token.create", ids["admin"], "tok_admin"),
        ],
        "initech": [
            ("tenant.create", "initech", "tok_admin"),
            ("tenant.rename", "initech", "tok_admin"),
            ("tenant.suspend", "initech", "tok_admin"),
            ("tenant.resume", "initech", "tok_admin"),
        ],
        "acme": [
            ("account.create", ids["account"], "tok_admin"),
            ("account.update", ids["account"], "tok_acme"),
            ("account.reconnect", ids["account"], "tok_acme"),
            ("server.create", ids["server"], "tok_acme"),
            ("server.update", ids["server"], "tok_acme"),
            ("server.suspend", ids["server"], "tok_acme"),
            ("server.resume", ids["server"], "tok_acme"),
            ("server.revoke", ids["server"], "tok_acme"),
            ("api_token.create", ids["token"], "tok_acme"),
            ("api_token.revoke", ids["token"], "tok_acme"),
            ("account.delete", ids["account"], "tok_admin"),
        ],
        "globex": [],
    }
    for chain in told:
        for row in await house.rows(chain):
            assert (row.phase, row.decision, row.tenant) == ("event", "allow", chain)
            assert row.ts == house.clock.now


async def test_events_hold_ids_and_no_names_or_secrets(house: Deployment) -> None:
    """Names, notes, contexts and credentials are in no row."""
    await everything(house)
    rows = str([await house.rows(chain) for chain in ("", "acme", "initech")])
    assert PLANTED not in rows
    assert CREDENTIAL not in rows
    assert "mcpp_" not in rows


async def test_what_is_refused_leaves_no_event(house: Deployment) -> None:
    """Bad input, conflicts and unknown objects change nothing and are no change."""
    await house.push()
    before = [await house.rows(chain) for chain in ("", "acme")]
    for path, body in (
        ("/tenant", {"name": "x", "id": "acme"}),
        ("/integration", {"config": {}, "documentation": []}),
        ("/integration", {**notes(), "expect_version": 7}),
        ("/integrated-account", {"tenant": "acme"}),
        ("/api-token", {"role": "tenant", "name": "x"}),
    ):
        assert (await house.send("POST", path, body=body)).status >= 400
    assert [await house.rows(chain) for chain in ("", "acme")] == before


async def test_the_trail_is_read_with_its_place_in_the_chain(house: Deployment) -> None:
    """Sequence and hash come with each row; a tenant reads its own without naming itself."""
    await house.push()
    await house.account()
    for caller, query in (
        ("admin", {"tenant": "acme"}),
        ("acme", {}),
        ("acme auditor", {}),
        ("acme", {"tenant": "acme"}),
    ):
        page = await house.read("/audit", caller=caller, **query)
        (row,) = page["result"]
        assert (row["sequence"], row["action"], len(row["hash"])) == (1, "account.create", 64)
    (push,) = (await house.read("/audit"))["result"]
    assert push["action"] == "integration.push"


async def test_calls_and_changes_stand_in_one_chain(house: Deployment) -> None:
    """Creation, a listing over MCP and a revocation, in the order in which they happened."""
    await house.push()
    account = await house.account()
    server = await house.server(account)
    await house.mcp(f"/mcp/{server['token']}", legacy("tools/list"))
    await house.send("DELETE", f"/integrated-account/{account}/mcp/{server['id']}")
    phases = [row.phase for row in await house.rows("acme")]
    assert phases[:2] == ["event", "event"]
    assert phases[-1] == "event"
    assert set(phases[2:-1]) <= {"intent", "outcome"}


async def test_strangers_are_counted_for_the_deployment_only(house: Deployment) -> None:
    """An unknown token at the endpoint is counted; tenants do not see who else was there."""
    for _ in range(3):
        await house.mcp("/mcp/unknown", legacy("ping"))
    house.clock.step(1)  # a second is counted to its end
    counted: list[Any] = []
    for _ in range(1200):
        counted = (await house.read("/audit/strangers", caller="auditor"))["result"]
        if counted:
            break
        await _soon()
    assert sum(count["count"] for count in counted) == 3
    assert (await house.send("GET", "/audit/strangers", caller="acme")).status == 403


async def _soon() -> None:
    await asyncio.sleep(0.05)
