"""Who is turned away at the management API: recorded if it is known who it was, else counted."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from tests.support.deployment import Deployment

from mcpassport.gate.tokens import issue
from mcpassport.limits import API_TOKEN_PREFIX


async def knock(house: Deployment, token: str, times: int = 3) -> None:
    for _ in range(times):
        headers = {"authorization": f"Bearer {token}"}
        answer = await house.send("GET", "/audit", caller=None, headers=headers)
        assert answer.status == 401


async def dead(house: Deployment, how: str, tenant: str) -> dict[str, Any]:
    """A token of that tenant, or of the deployment, that has ended so."""
    body: dict[str, Any] = {"role": "auditor", "name": "x", "tenant": tenant or None}
    if how == "expired":
        body["expires_at"] = "2026-03-01T12:02:00Z"
    made: dict[str, Any] = await house.made("/api-token", body)
    if how == "revoked":
        query = {"tenant": tenant} if tenant else {}
        await house.send("DELETE", f"/api-token/{made['id']}", query=query)
    if how == "tenant_suspended":
        await house.send("POST", f"/tenant/{tenant}/suspend")
    house.clock.step(120)
    return made


@pytest.mark.parametrize(
    ("how", "tenant"),
    [("revoked", "acme"), ("expired", "acme"), ("tenant_suspended", "acme"), ("revoked", "")],
)
async def test_a_dead_token_is_a_row_of_its_chain(house: Deployment, how: str, tenant: str) -> None:
    """Refused again and again, it makes rows that count; another chain gets none."""
    token = await dead(house, how, tenant)
    await house.rows(tenant)
    await knock(house, token["token"])
    found = [row for row in await house.rows(tenant) if row.phase == "refusal"]
    assert sum(row.count for row in found) == 3  # one a second at most: they are rarely two
    for row in found:
        assert (row.reason, row.http_status, row.decision) == (how, 401, "deny")
        assert (row.api_token_id, row.tenant) == (token["id"], tenant)
    other = await house.rows("" if tenant else "acme")
    assert not [row for row in other if row.phase == "refusal"]


async def test_who_resolves_to_nobody_is_counted(house: Deployment) -> None:
    """Unknown and missing tokens are counted by network; no chain of a tenant or ours grows."""
    before = [await house.rows(chain) for chain in ("", "acme")]
    await knock(house, issue(API_TOKEN_PREFIX, house.services.random))
    assert (await house.send("GET", "/audit", caller=None)).status == 401
    await knock(house, house.tokens["factor"], 1)
    house.clock.step(1)
    counted: Counter[str] = Counter()
    for _ in range(1200):
        rows = (await house.read("/audit/strangers"))["result"]
        counted = Counter()
        for row in rows:
            counted[row["reason"]] += row["count"]
            assert row["network"] == "192.0.2.0/24"
        if counted.total() == 4:
            break
        await asyncio.sleep(0.05)
    assert counted == {"unknown_token": 3, "unauthorized": 1}
    assert [await house.rows(chain) for chain in ("", "acme")] == before


async def test_a_network_that_is_refused_too_often_has_to_wait(house: Deployment) -> None:
    """Before anything is looked up; a token that was admitted goes on, one that never was does not.

    What is only forbidden to a role is no failed authentication.
    """
    fresh = await house.made("/api-token", {"role": "auditor", "name": "not used yet"})
    for _ in range(250):
        assert (await house.send("GET", "/switch", caller="acme")).status == 403
    statuses = [(await house.send("GET", "/switch", caller=None)).status for _ in range(300)]
    refused = statuses.count(401)
    assert 200 <= refused < 300
    assert set(statuses) == {401, 429}
    assert (await house.send("GET", "/switch")).status == 200, "admitted before"
    headers = {"authorization": f"Bearer {fresh['token']}"}
    answer = await house.send("GET", "/switch", caller=None, headers=headers)
    assert (answer.status, answer.json()["type"]) == (429, "gateway_rate_limited")
    assert int(answer.header("retry-after") or 0) >= 1
