"""Two tenants over the whole app: neither's credential, data nor ids are the other's."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.support.asgi import Response, request
from tests.support.items import GET
from tests.support.lab import Lab, rule
from tests.support.whole import (
    CREDENTIALS,
    EVERY_WAY,
    WAYS,
    Call,
    Door,
    Era,
    World,
    ok,
    succeeded,
    world,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

OTHER = {"acme": "globex", "globex": "acme"}


def credential_of(tenant: str) -> str:
    return f"Bearer {CREDENTIALS[tenant]}"


@pytest.mark.parametrize("way", EVERY_WAY, ids="-".join)
@pytest.mark.parametrize("tenant", CREDENTIALS)
async def test_a_token_uses_its_own_accounts_credential(
    app: World, tenant: str, way: tuple[Door, Era]
) -> None:
    """The upstream sees the credential of the token's account, in one header."""
    met = await app.call(way, Call(GET, {"id": "1"}), ok(), server=tenant)
    succeeded(met)
    (seen,) = met.upstream
    sent = [value for name, value in seen.headers if name.lower() == "authorization"]
    assert sent == [credential_of(tenant)]
    assert {row.tenant for row in met.rows} == {tenant}
    assert {row.account for row in met.rows} == {app.accounts[tenant]}


async def test_tenants_that_call_at_once_are_never_mixed(app: World) -> None:
    """Of 200 interleaved calls each carries, answers and records whoever asked, and nobody else."""
    app.lab.forget()
    app.lab.answers(*(rule(f"/v1/items/{t}-*", json={"of": t}) for t in CREDENTIALS))
    for tenant in CREDENTIALS:
        await app.audit(tenant)

    async def call(number: int) -> tuple[str, Any]:
        tenant = ("acme", "globex")[number % 2]
        door, era = EVERY_WAY[number // 2 % 4]
        made = Call(GET, {"id": f"{tenant}-{number}"})
        path, own = app.address(door, tenant)
        headers = made.headers(era) | own | {"content-type": "application/json"}
        response = await request(app.house.app, path, headers=headers, body=made.body(era))
        assert response is not None
        return tenant, response.json()["result"]["content"][0]["text"]

    for tenant, text in await asyncio.gather(*map(call, range(200))):
        assert text == f'{{"of": "{tenant}"}}'
    seen = app.lab.requests()
    assert len(seen) == 200
    for one in seen:
        owner = one.target.removeprefix("/v1/items/").partition("-")[0]
        assert one.header("authorization") == credential_of(owner)
    shared = {(one.connection, one.header("authorization")) for one in seen}
    assert len(shared) == len({connection for connection, _ in shared})
    for tenant in CREDENTIALS:
        rows = await app.audit(tenant)
        assert len(rows) == 200
        assert {row.server for row in rows} == {app.servers[tenant]["id"]}


@pytest.mark.parametrize("status", [200, 204, 304])
async def test_an_upstream_that_answers_twice_mixes_nobody(
    tmp_path: Path, lab: Lab, status: int
) -> None:
    """A response that nobody asked for, late on an open connection, reaches no other tenant."""
    extra = b'HTTP/1.1 200 OK\r\nContent-Length: 24\r\n\r\n"planted answer of acme"'
    twice = rule(
        "/v1/items/acme",
        raw=b"HTTP/1.1 %d Any\r\nContent-Length: 0\r\n\r\n" % status + extra,
        fault={"kind": "delay", "seconds": 0.2, "before": "body"},
    )
    slow = rule("/v1/items/globex", json={"of": "globex"}, fault={"kind": "delay", "seconds": 0.4})
    async with world(tmp_path, lab) as app:  # its only connection is the one that will be misused
        first = await app.call(WAYS[0], Call(GET, {"id": "acme"}), twice, slow)
        second = await app.call(WAYS[0], Call(GET, {"id": "globex"}), server="globex")
        third = await app.call(WAYS[0], Call(GET, {"id": "acme"}), ok())
    assert succeeded(second) == {"of": "globex"}
    assert succeeded(third) == {"id": "1"}
    assert b"planted answer" not in first.response.body


UNKNOWN = {"account": "acc_" + "0" * 40, "server": "srv_" + "0" * 40, "tenant": "initech"}
ROUTES: dict[str, tuple[str, str, Any]] = {
    "read the tenant": ("GET", "/tenant/{tenant}", None),
    "read the account": ("GET", "/integrated-account/{account}", None),
    "change the account": ("PATCH", "/integrated-account/{account}", {"name": "Mine"}),
    "take over its credential": (
        "PATCH",
        "/integrated-account/{account}",
        {"credential": {"token": "mine"}},
    ),
    "delete the account": ("DELETE", "/integrated-account/{account}", None),
    "preview its tools": ("GET", "/integrated-account/{account}/tools", None),
    "list its servers": ("GET", "/integrated-account/{account}/mcp", None),
    "open a server on it": ("POST", "/integrated-account/{account}/mcp", {"name": "Mine"}),
    "read its server": ("GET", "/integrated-account/{account}/mcp/{server}", None),
    "change its server": ("PATCH", "/integrated-account/{account}/mcp/{server}", {"name": "Mine"}),
    "revoke its server": ("DELETE", "/integrated-account/{account}/mcp/{server}", None),
    "suspend its server": (
        "POST",
        "/integrated-account/{account}/mcp/{server}/suspend",
        None,
    ),
    "resume its server": ("POST", "/integrated-account/{account}/mcp/{server}/resume", None),
    "read its audit": ("GET", "/audit?tenant={tenant}", None),
    "list its accounts": ("GET", "/integrated-account?tenant={tenant}", None),
    "list its tokens": ("GET", "/api-token?tenant={tenant}", None),
    "mint its token": ("POST", "/api-token", {"role": "tenant", "tenant": "{tenant}", "name": "n"}),
}


async def manage(app: World, row: str, caller: str, ids: dict[str, str]) -> Response:
    """One request of the table with those ids."""
    method, path, body = ROUTES[row]
    target, _, query = path.format(**ids).partition("?")
    pairs = [query.partition("=")[::2]] if query else []
    if isinstance(body, dict):
        body = {
            name: ids["tenant"] if value == "{tenant}" else value for name, value in body.items()
        }
    return await app.house.send(method, target, caller=caller, body=body, query=pairs)


@pytest.mark.parametrize("caller", ["acme", "globex"])
@pytest.mark.parametrize("row", ROUTES)
async def test_an_id_of_another_tenant_is_an_unknown_id(app: World, row: str, caller: str) -> None:
    """The same status and bytes as for an id that never existed; nothing changes or is called."""
    other = OTHER[caller]
    ids = {"account": app.accounts[other], "server": app.servers[other]["id"], "tenant": other}
    app.lab.forget()
    theirs = await manage(app, row, caller, ids)
    nobodys = await manage(app, row, caller, UNKNOWN)
    assert theirs.status == nobodys.status == 404
    assert theirs.body == nobodys.body
    assert app.lab.requests() == []
    met = await app.call(WAYS[0], Call(GET, {"id": "1"}), ok(), server=other)
    assert met.upstream[0].header("authorization") == credential_of(other)


@pytest.mark.parametrize("caller", ["acme", "globex"])
async def test_a_server_of_another_account_is_unknown_there(app: World, caller: str) -> None:
    """Own account, foreign server: the path must name a pair that belongs together."""
    own, other = app.accounts[caller], app.servers[OTHER[caller]]["id"]
    for method, body in (("GET", None), ("PATCH", {"name": "Mine"}), ("DELETE", None)):
        path = f"/integrated-account/{own}/mcp/{other}"
        answer = await app.house.send(method, path, caller=caller, body=body)
        assert (answer.status, answer.json()["type"]) == (404, "no_such_object")


@pytest.mark.parametrize("caller", ["acme", "globex"])
async def test_lists_hold_own_objects_only(app: World, caller: str) -> None:
    """What a tenant can list names neither the other tenant nor any of its ids."""
    other = OTHER[caller]
    paths = [
        *("/integrated-account", "/api-token", "/audit"),
        f"/integrated-account/{app.accounts[caller]}/mcp",
    ]
    for path in paths:
        answer = await app.house.send("GET", path, caller=caller, query={"limit": 200})
        assert answer.status == 200
        text = answer.body.decode()
        for foreign in (other, app.accounts[other], app.servers[other]["id"]):
            assert foreign not in text
