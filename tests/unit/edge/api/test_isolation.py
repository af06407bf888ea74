"""Nothing crosses tenants: another tenant's ids read exactly as ids that never existed."""

from typing import Any

import pytest
from tests.support.asgi import Response
from tests.support.deployment import Deployment

UNKNOWN = {
    "account": "acc_" + "0" * 40,
    "server": "srv_" + "0" * 40,
    "token": "tok_" + "0" * 40,
    "tenant": "initech",
}
ROUTES: list[tuple[str, str, Any, dict[str, str]]] = [
    ("GET", "/tenant/{tenant}", None, {}),
    ("POST", "/tenant/{tenant}/fingerprint-key", None, {}),
    ("GET", "/tenant/{tenant}/fingerprint-key", None, {}),
    ("GET", "/integrated-account/{account}", None, {}),
    ("PATCH", "/integrated-account/{account}", {"name": "Taken"}, {}),
    ("DELETE", "/integrated-account/{account}", None, {}),
    ("GET", "/integrated-account/{account}/tools", None, {}),
    ("GET", "/integrated-account/{account}/mcp", None, {}),
    ("POST", "/integrated-account/{account}/mcp", {"name": "Taken"}, {}),
    ("GET", "/integrated-account/{account}/mcp/{server}", None, {}),
    ("PATCH", "/integrated-account/{account}/mcp/{server}", {"name": "Taken"}, {}),
    ("DELETE", "/integrated-account/{account}/mcp/{server}", None, {}),
    ("POST", "/integrated-account/{account}/mcp/{server}/suspend", None, {}),
    ("POST", "/integrated-account/{account}/mcp/{server}/resume", None, {}),
    ("GET", "/integrated-account/{account}/mcp/{server}/tools", None, {}),
    ("GET", "/integrated-account/{account}/mcp/{server}/why-not", None, {"tool": "x"}),
    ("POST", "/integrated-account/{account}/mcp/{server}/call", {"tool": "x"}, {}),
    ("DELETE", "/api-token/{token}", None, {}),
    ("DELETE", "/api-token/{token}", None, {"tenant": "{tenant}"}),
    ("GET", "/api-token", None, {"tenant": "{tenant}"}),
    ("GET", "/integrated-account", None, {"tenant": "{tenant}"}),
    ("GET", "/audit", None, {"tenant": "{tenant}"}),
    ("GET", "/event", None, {"tenant": "{tenant}"}),
    ("GET", "/audit/checkpoint", None, {"tenant": "{tenant}"}),
    (
        "POST",
        "/integrated-account",
        {
            "tenant": "{tenant}",
            "integration": "notes",
            "name": "N",
            "credential_kind": "bearer",
            "credential": {"token": "nt_acredential"},
        },
        {},
    ),
    ("POST", "/api-token", {"tenant": "{tenant}", "role": "tenant", "name": "T"}, {}),
]


async def belongings(house: Deployment, tenant: str) -> dict[str, str]:
    """One object of each kind of that tenant."""
    account = await house.account(tenant)
    server = await house.server(account)
    body = {"role": "tenant", "name": "x", "tenant": tenant}
    token = await house.made("/api-token", body)
    return {"account": account, "server": server["id"], "token": token["id"], "tenant": tenant}


def filled(value: Any, found: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: filled(item, found) for name, item in value.items()}
    return value.format(**found) if isinstance(value, str) else value


async def ask(house: Deployment, caller: str, route: Any, found: dict[str, str]) -> Response:
    method, path, body, query = route
    return await house.send(
        method, path.format(**found), caller=caller, body=filled(body, found),
        query=filled(query, found),
    )  # fmt: skip


@pytest.mark.parametrize("caller", ["acme", "acme auditor"])
async def test_ids_of_another_tenant_answer_as_unknown_ids_do(
    caller: str, house: Deployment
) -> None:
    """Status, headers and body are equal to the byte, and nothing of the other tenant changes."""
    await house.push()
    theirs = await belongings(house, "globex")
    before = await house.rows("globex")
    for route in ROUTES:
        foreign = await ask(house, caller, route, theirs)
        unknown = await ask(house, caller, route, UNKNOWN)
        assert foreign == unknown, route
        assert foreign.status in {403, 404}
    assert await house.rows("globex") == before


async def test_a_server_is_found_under_its_own_account_only(house: Deployment) -> None:
    """The server of one account does not exist under another account of the same tenant."""
    await house.push()
    one, other = await house.account(), await house.account()
    server = await house.server(one)
    for method, body in (("GET", None), ("PATCH", {"name": "x"}), ("DELETE", None)):
        wrong = await house.send(
            method, f"/integrated-account/{other}/mcp/{server['id']}", body=body
        )
        unknown = await house.send(
            method, f"/integrated-account/{other}/mcp/srv_{'0' * 40}", body=body
        )
        assert wrong == unknown
        assert wrong.status == 404


async def test_listings_hold_the_own_tenant_only(house: Deployment) -> None:
    """Accounts, tokens and audit rows of globex are in no listing that acme can ask for."""
    await house.push()
    theirs = await belongings(house, "globex")
    await belongings(house, "acme")
    texts = [
        str(await house.read(path, caller=caller))
        for path in ("/integrated-account", "/api-token", "/audit", "/event")
        for caller in ("acme", "acme auditor")
    ]
    for secret in (theirs["account"], theirs["server"], theirs["token"], "globex"):
        assert not [text for text in texts if secret in text]


async def test_a_listing_of_one_tenant_does_not_go_on_in_another(house: Deployment) -> None:
    """A cursor that globex received leads acme to acme's own objects."""
    await house.push()
    for tenant in ("acme", "globex"):
        for _ in range(3):
            await house.account(tenant)
    cursor = (await house.read("/integrated-account", caller="globex", limit=1))["next_cursor"]
    page = await house.read("/integrated-account", caller="acme", cursor=cursor)
    assert {account["tenant"] for account in page["result"]} <= {"acme"}


async def test_an_admin_finds_every_account_by_its_id(house: Deployment) -> None:
    """Admins and auditors of the deployment need not name the tenant of an account."""
    await house.push()
    for tenant in ("acme", "globex"):
        found = await belongings(house, tenant)
        for caller in ("admin", "auditor"):
            path = f"/integrated-account/{found['account']}"
            assert (await house.read(path, caller=caller))["tenant"] == tenant


async def test_a_slip_in_a_tenants_name_is_no_empty_list(house: Deployment) -> None:
    """An admin who lists the objects of a tenant that does not exist is told so."""
    for path in ("/integrated-account", "/api-token"):
        answer = await house.send("GET", path, query={"tenant": "acmee"})
        assert (answer.status, answer.json()["detail"]) == (404, "No such tenant.")
    answer = await house.send("GET", "/integrated-account")
    assert "Name the tenant" in answer.json()["detail"]
