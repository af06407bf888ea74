"""Which role opens which route: one table over every route that the OpenAPI document names."""

from collections.abc import Iterator
from typing import Any

import pytest
from tests.support.asgi import Response
from tests.support.deployment import CALLERS, CREDENTIAL, Deployment, notes

from mcpassport.gate.tokens import issue
from mcpassport.limits import API_TOKEN_PREFIX, SERVER_TOKEN_PREFIX

ALL_READERS = "admin auditor acme acme-auditor"
WRITERS = "admin acme"
TABLE: dict[str, str] = {
    "POST /tenant": "admin",
    "GET /tenant": "admin auditor",
    "GET /tenant/{tenant_id}": ALL_READERS,
    "PATCH /tenant/{tenant_id}": "admin",
    "POST /tenant/{tenant_id}/suspend": "admin",
    "POST /tenant/{tenant_id}/resume": "admin",
    "POST /tenant/{tenant_id}/offboard": "admin",
    "POST /tenant/{tenant_id}/fingerprint-key": WRITERS,
    "GET /tenant/{tenant_id}/fingerprint-key": ALL_READERS,
    "POST /tenant/{tenant_id}/rotate-key": "admin",
    "GET /key": "admin auditor",
    "POST /key/rewrap": "admin",
    "POST /key/platform/rotate": "admin",
    "POST /key/token-key/rotate": "admin",
    "GET /key/token-key/left": "admin auditor",
    "POST /key/token-key/finish": "admin",
    "POST /integration": "admin",
    "GET /integration": ALL_READERS,
    "GET /integration/{name}": ALL_READERS,
    "GET /integration/{name}/versions": ALL_READERS,
    "GET /integration/{name}/versions/{number}": ALL_READERS,
    "GET /integration/{name}/diff": ALL_READERS,
    "POST /integration/{name}/rollback": "admin",
    "POST /integrated-account": WRITERS,
    "GET /integrated-account": ALL_READERS,
    "GET /integrated-account/{account_id}": ALL_READERS,
    "PATCH /integrated-account/{account_id}": WRITERS,
    "DELETE /integrated-account/{account_id}": WRITERS,
    "GET /integrated-account/{account_id}/tools": ALL_READERS,
    "POST /integrated-account/{account_id}/try": "admin",
    "POST /integrated-account/{account_id}/test": WRITERS,
    "POST /integrated-account/{account_id}/reconnect": WRITERS,
    "POST /link-token": WRITERS,
    "PUT /integration/{name}/oauth-app": "admin",
    "GET /integration/{name}/oauth-app": "admin auditor",
    "DELETE /integration/{name}/oauth-app": "admin",
    "POST /integrated-account/{account_id}/mcp": WRITERS,
    "GET /integrated-account/{account_id}/mcp": ALL_READERS,
    "GET /integrated-account/{account_id}/mcp/{server_id}": ALL_READERS,
    "PATCH /integrated-account/{account_id}/mcp/{server_id}": WRITERS,
    "DELETE /integrated-account/{account_id}/mcp/{server_id}": WRITERS,
    "POST /integrated-account/{account_id}/mcp/{server_id}/rotate": WRITERS,
    "POST /integrated-account/{account_id}/mcp/{server_id}/suspend": WRITERS,
    "POST /integrated-account/{account_id}/mcp/{server_id}/resume": WRITERS,
    "GET /integrated-account/{account_id}/mcp/{server_id}/tools": ALL_READERS,
    "GET /integrated-account/{account_id}/mcp/{server_id}/why-not": ALL_READERS,
    "POST /integrated-account/{account_id}/mcp/{server_id}/call": WRITERS,
    "POST /leaked": "admin auditor acme globex acme-auditor factor nobody",
    "GET /.well-known/oauth-protected-resource/mcp/s/{server_id}": (
        "admin auditor acme globex acme-auditor factor nobody"
    ),
    "POST /switch": "admin",
    "GET /switch": "admin auditor",
    "DELETE /switch/{switch_id}": "admin",
    "POST /api-token": WRITERS,
    "GET /api-token": ALL_READERS,
    "DELETE /api-token/{token_id}": WRITERS,
    "GET /audit": ALL_READERS,
    "GET /audit/strangers": "admin auditor",
    "GET /audit/strangers/checkpoint": "admin auditor",
    "GET /audit/checkpoint": ALL_READERS,
    "GET /audit/key": "admin auditor acme globex acme-auditor factor nobody",
    "GET /event": ALL_READERS,
    "POST /webhook": WRITERS,
    "GET /webhook": ALL_READERS,
    "GET /webhook/{webhook_id}": ALL_READERS,
    "POST /webhook/{webhook_id}/test": WRITERS,
    "POST /webhook/{webhook_id}/resume": WRITERS,
    "DELETE /webhook/{webhook_id}": WRITERS,
    "GET /version": "admin auditor acme globex acme-auditor factor nobody",
    "GET /healthz": "admin auditor acme globex acme-auditor factor nobody",
    "GET /readyz": "admin auditor acme globex acme-auditor factor nobody",
    "GET /metrics": "admin auditor",
}
"""Route -> who gets in. The token of another tenant (globex) finds none of acme's objects."""
NOT_FOUND = "globex"
OWN_HOME = {
    *("GET /integrated-account", "GET /api-token", "POST /api-token", "GET /audit", "GET /event"),
    *("GET /audit/checkpoint", "POST /link-token", "GET /webhook", "POST /webhook"),
}
"""Routes whose tenant goes without saying: there another tenant works in its own home."""


def routes(document: dict[str, Any]) -> Iterator[str]:
    for path, item in document["paths"].items():
        for method in item:
            yield f"{method.upper()} {path}"


async def ids(house: Deployment) -> dict[str, str]:
    """Objects of acme for every name that stands in a path."""
    await house.push()
    account = await house.account()
    allowed = {"issuer": "https://login.acme.example"}
    server = await house.server(account, config={"oauth": allowed})
    token = await house.made("/api-token", {"role": "factor", "name": "x", "tenant": "acme"})
    hook = await house.made("/webhook", {"tenant": "acme", "url": "https://hook.invalid/"})
    app = {"client_id": "app", "client_secret": "secret"}
    await house.send("PUT", "/integration/notes/oauth-app", body=app)
    return {
        "tenant_id": "acme",
        "name": "notes",
        "number": "1",
        "account_id": account,
        "server_id": server["id"],
        "token_id": token["id"],
        "webhook_id": hook["id"],
        "switch_id": await switch(house),
    }


async def switch(house: Deployment) -> str:
    """One that is off, and concerns nobody who asks here."""
    body = {"scope": "tenant", "name": "globex"}
    return str((await house.made("/switch", body))["id"])


def valid(route: str, caller: str, numbered: int) -> tuple[Any, dict[str, Any]]:
    """A body and a query with which the route works, for whom it works at all."""
    tenant = "globex" if caller == "globex" and route in OWN_HOME else "acme"
    bodies: dict[str, Any] = {
        "POST /tenant": {"name": "T", "id": f"t{numbered}"},
        "PATCH /tenant/{tenant_id}": {"name": "Acme"},
        "POST /integration": notes(),
        "POST /integration/{name}/rollback": {"version": 1},
        "POST /integrated-account": {
            "tenant": tenant,
            "integration": "notes",
            "name": "N",
            "credential_kind": "bearer",
            "credential": {"token": CREDENTIAL},
        },
        "PATCH /integrated-account/{account_id}": {"name": "N"},
        "POST /integrated-account/{account_id}/try": {
            "resource": "notes",
            "method": "list",
            "dry_run": True,
        },
        "POST /integrated-account/{account_id}/mcp": {"name": "S"},
        "PATCH /integrated-account/{account_id}/mcp/{server_id}": {"name": "S"},
        "POST /integrated-account/{account_id}/mcp/{server_id}/rotate": {"overlap_seconds": 60},
        "POST /integrated-account/{account_id}/mcp/{server_id}/call": {"tool": "none"},
        "POST /leaked": {"text": "nothing"},
        "POST /integrated-account/{account_id}/test": {},
        "POST /integrated-account/{account_id}/reconnect": {},
        "POST /webhook": {"tenant": tenant, "url": "https://hook.invalid/"},
        "POST /link-token": {"tenant": tenant, "integration": "notes", "name": "N"},
        "PUT /integration/{name}/oauth-app": {"client_id": "app", "client_secret": "secret"},
        "POST /switch": {"scope": "tenant", "name": "globex"},
        "POST /api-token": {"role": "factor", "name": "F", "tenant": tenant},
    }
    queries: dict[str, dict[str, Any]] = {
        "GET /integration/{name}/diff": {"a": 1, "b": 1},
        "GET /integrated-account": {"tenant": tenant},
        "GET /integrated-account/{account_id}/mcp/{server_id}/why-not": {"tool": "x"},
        "GET /api-token": {"tenant": tenant},
        "DELETE /api-token/{token_id}": {"tenant": tenant},
        "GET /audit": {"tenant": tenant},
        "GET /audit/checkpoint": {"tenant": tenant},
        "GET /event": {"tenant": tenant},
        "GET /webhook": {"tenant": tenant},
        "GET /webhook/{webhook_id}": {"tenant": "acme"},
        "POST /webhook/{webhook_id}/test": {"tenant": "acme"},
        "POST /webhook/{webhook_id}/resume": {"tenant": "acme"},
        "DELETE /webhook/{webhook_id}": {"tenant": "acme"},
    }
    return bodies.get(route), queries.get(route, {})


def expected(route: str, caller: str) -> set[int]:
    """The statuses that are right."""
    if caller.replace(" ", "-") in TABLE[route].split():
        return {200, 201, 202, 204}
    if caller in {"nobody", "factor"}:
        return {401}
    if caller == NOT_FOUND and "acme" in TABLE[route].split():
        if route in OWN_HOME or route.startswith(("GET /integration ", "GET /integration/")):
            return {200, 201}
        return {200} if route == "GET /integration" else {404}
    return {403}


async def asked(house: Deployment, route: str, caller: str, found: dict[str, str]) -> Response:
    method, _, path = route.partition(" ")
    body, query = valid(route, caller, len(await house.rows("")))
    return await house.send(
        method,
        path.format(**found),
        caller=None if caller == "nobody" else caller,
        body=body,
        query=query,
    )


async def test_every_route_has_a_row(house: Deployment) -> None:
    """A route that is added without a row in the table fails here."""
    document = (await house.send("GET", "/openapi.json", caller=None)).json()
    assert set(routes(document)) == set(TABLE)


@pytest.mark.parametrize("caller", [*CALLERS, "nobody"])
async def test_a_role_opens_the_routes_of_its_rows_and_no_other(
    caller: str, house: Deployment
) -> None:
    """Every route is asked with a request that works for whom it is meant; deletions come last."""
    found = await ids(house)
    for route in sorted(TABLE, key=ends_last):
        if route == "POST /key/token-key/finish":
            house.clock.step(180)  # by then the next token key is in use everywhere
        answer = await asked(house, route, caller, found)
        assert answer.status in expected(route, caller), (route, answer.status, answer.body)
        if answer.status >= 400:
            assert answer.header("content-type") == "application/problem+json"


def ends_last(route: str) -> tuple[bool, bool, bool, int]:
    """Deletions come last, and the end of the tenant after them; keys are exchanged before."""
    return (
        route.endswith("/offboard"),
        route.startswith("DELETE"),
        route.endswith("/finish"),
        -len(route),
    )


async def test_a_refused_caller_changes_nothing(house: Deployment) -> None:
    """After every refused write the chains hold what they held."""
    found = await ids(house)
    before = [await house.rows(chain) for chain in ("", "acme", "globex")]
    for caller in ("auditor", "acme auditor", "factor", "nobody"):
        for route, gets_in in TABLE.items():
            if not route.startswith("GET") and "nobody" not in gets_in.split():
                assert (await asked(house, route, caller, found)).status in {401, 403}
    assert [await house.rows(chain) for chain in ("", "acme", "globex")] == before


async def test_secrets_that_are_no_management_token_all_read_the_same(house: Deployment) -> None:
    """Nothing, another scheme, a server's token, unknown, expired, revoked: one 401, one text."""
    found = await ids(house)
    server = await house.server(found["account_id"])
    short = await house.made(
        "/api-token",
        {"role": "admin", "name": "short", "expires_at": "2026-03-01T12:02:00Z"},
    )
    dead = await house.made("/api-token", {"role": "admin", "name": "dead"})
    house.clock.step(120)
    assert (await house.send("DELETE", f"/api-token/{dead['id']}")).status == 204
    unknown = issue(API_TOKEN_PREFIX, house.services.random)
    presented = [
        {},
        {"authorization": ""},
        {"authorization": "Basic YTpi"},
        {"authorization": "Bearer"},
        {"authorization": f"Bearer {server['token']}"},
        {"authorization": f"Bearer {issue(SERVER_TOKEN_PREFIX, house.services.random)}"},
        {"authorization": f"Bearer {unknown}"},
        {"authorization": f"Bearer {short['token']}"},
        {"authorization": f"Bearer {dead['token']}"},
        {"x-api-token": house.tokens["admin"]},
    ]
    answers = {
        await house.send("GET", "/tenant", caller=None, headers=headers) for headers in presented
    }
    (answer,) = answers
    assert (answer.status, answer.header("www-authenticate")) == (401, "Bearer")
    assert answer.json()["type"] == "unauthorized"


async def test_a_factor_is_told_that_it_opens_nothing_here(house: Deployment) -> None:
    """Its holder learns why, and still gets a 401."""
    answer = await house.send("GET", "/tenant", caller="factor")
    assert answer.status == 401
    assert "second factor" in answer.json()["detail"]


async def test_who_asks_is_decided_before_the_body_is_read(house: Deployment) -> None:
    """A stranger's body is neither parsed nor measured: 401 whatever it holds."""
    for raw in (b"{", b"\xff", b"[" * 100_000, b"0" * (17 * 2**20)):
        for caller, status in ((None, 401), ("auditor", 403)):
            answer = await house.send("POST", "/tenant", caller=caller, raw=raw)
            assert answer.status == status
