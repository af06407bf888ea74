"""`/api-token`: who may make which, shown once, revoked at once."""

from typing import Any

import pytest
from tests.support.calling import legacy, legacy_headers
from tests.support.deployment import Deployment

from mcpassport.store.repositories import API_TOKENS


@pytest.mark.parametrize(
    ("caller", "body", "status"),
    [
        ("admin", {"role": "admin"}, 201),
        ("admin", {"role": "auditor"}, 201),
        ("admin", {"role": "auditor", "tenant": "acme"}, 201),
        ("admin", {"role": "tenant", "tenant": "acme"}, 201),
        ("admin", {"role": "factor", "tenant": "acme"}, 201),
        ("admin", {"role": "admin", "tenant": "acme"}, 400),
        ("admin", {"role": "tenant"}, 400),
        ("admin", {"role": "factor"}, 400),
        ("admin", {"role": "tenant", "tenant": "nobody"}, 404),
        ("acme", {"role": "tenant"}, 201),
        ("acme", {"role": "auditor"}, 201),
        ("acme", {"role": "factor", "tenant": "acme"}, 201),
        ("acme", {"role": "admin"}, 403),
        ("acme", {"role": "factor", "tenant": "globex"}, 404),
    ],
)
async def test_a_role_makes_the_roles_it_may(
    caller: str, body: dict[str, Any], status: int, house: Deployment
) -> None:
    """Nobody makes a token that opens more than their own, nor one of another tenant."""
    answer = await house.send("POST", "/api-token", body={"name": "x", **body}, caller=caller)
    assert answer.status == status, answer.body
    if status == 201:
        made = answer.json()
        assert made["tenant"] == body.get("tenant", "" if caller == "admin" else "acme")
        house.tokens["made"] = made["token"]
        opened = await house.send("GET", "/integration", caller="made")
        assert opened.status == (401 if body["role"] == "factor" else 200)


async def test_a_token_is_shown_once(house: Deployment) -> None:
    """Its listing, the audit and the files hold neither its text nor its hash."""
    made = await house.made("/api-token", {"role": "auditor", "name": "Ann", "tenant": "acme"})
    assert made["secret"] == "shown_once"
    stored = await API_TOKENS.get(house.services.store, "acme", made["id"])
    assert stored is not None
    for answer in (
        await house.send("GET", "/api-token", query={"tenant": "acme"}),
        await house.send("GET", "/audit", query={"tenant": "acme"}),
    ):
        assert made["token"].encode() not in answer.body
        assert stored[0].token_hash.encode() not in answer.body
    assert made["token"].encode() not in house.files()
    page = await house.read("/api-token", tenant="acme")
    (listed,) = [token for token in page["result"] if token["id"] == made["id"]]
    assert listed == {**made, "token": None, "secret": None}


async def test_a_revoked_token_opens_nothing_from_the_next_request_on(house: Deployment) -> None:
    """Also one that revokes itself; a second revocation changes nothing."""
    path = "/api-token/tok_acme"
    assert (await house.send("DELETE", path, caller="acme")).status == 204
    assert (await house.send("GET", "/integration", caller="acme")).status == 401
    assert (await house.send("DELETE", path, query={"tenant": "acme"})).status == 204
    states = {
        t["id"]: t["status"] for t in (await house.read("/api-token", tenant="acme"))["result"]
    }
    assert states["tok_acme"] == "revoked"
    actions = [row.action for row in await house.rows("acme") if row.phase == "event"]
    assert actions == ["api_token.revoke"]


async def test_a_token_expires(house: Deployment) -> None:
    """It reads expired, opens nothing, and an expiry in the past is refused."""
    body = {"role": "auditor", "name": "x", "expires_at": "2026-03-01T12:05:00Z"}
    house.tokens["short"] = (await house.made("/api-token", body))["token"]
    assert (await house.send("GET", "/tenant", caller="short")).status == 200
    house.clock.step(300)
    assert (await house.send("GET", "/tenant", caller="short")).status == 401
    states = [token["status"] for token in (await house.read("/api-token"))["result"]]
    assert "expired" in states
    answer = await house.send("POST", "/api-token", body=body)
    assert (answer.status, answer.json()["problems"][0]["rule"]) == (400, "expiry")


async def test_an_admin_sees_the_deployments_own_tokens_unless_a_tenant_is_named(
    house: Deployment,
) -> None:
    """A tenant sees its own either way."""
    own = {token["id"] for token in (await house.read("/api-token"))["result"]}
    assert own == {"tok_admin", "tok_auditor"}
    acme = {"tok_acme", "tok_acme_auditor", "tok_factor"}
    for caller, query in (
        ("admin", {"tenant": "acme"}),
        ("acme", {}),
        ("acme", {"tenant": "acme"}),
    ):
        page = await house.read("/api-token", caller=caller, **query)
        assert {token["id"] for token in page["result"]} == acme
    assert (await house.send("DELETE", "/api-token/tok_acme")).status == 404


async def test_a_token_says_when_it_was_last_used(house: Deployment) -> None:
    """To the hour, by the management API as by the MCP endpoint; a refused one was not used."""
    made = await house.made("/api-token", {"role": "factor", "name": "x", "tenant": "acme"})
    assert made["last_used_at"] is None

    async def last(token: str, tenant: str) -> str | None:
        page = (await house.read("/api-token", tenant=tenant))["result"]
        (found,) = [each for each in page if each["id"] == token]
        used: str | None = found["last_used_at"]
        return used

    assert await last("tok_acme", "acme") is None
    await house.read("/api-token", caller="acme")
    assert await last("tok_acme", "acme") == "2026-03-01T12:00:00Z"
    house.clock.step(3599)
    await house.read("/api-token", caller="acme")
    assert await last("tok_acme", "acme") == "2026-03-01T12:00:00Z"
    house.clock.step(1)
    await house.read("/api-token", caller="acme")
    assert await last("tok_acme", "acme") == "2026-03-01T13:00:00Z"
    await house.send("GET", "/tenant", headers={"authorization": f"Bearer {made['token']}"})
    assert await last(made["id"], "acme") is None
    await house.push()
    server = await house.server(await house.account(), config={"require_api_token_auth": True})
    path = f"/mcp/{server['token']}"
    headers = {**legacy_headers(), "x-api-token": made["token"]}
    assert (await house.mcp(path, legacy("tools/list"), headers)).status == 200
    assert await last(made["id"], "acme") == "2026-03-01T13:00:00Z"
