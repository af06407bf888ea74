"""Tokens over the whole app: what opens nothing looks the same, and reaches nothing."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from tests.support.asgi import Response, request
from tests.support.calling import legacy, legacy_headers, modern, modern_headers
from tests.support.items import GET
from tests.support.whole import EVERY_WAY, Call, Door, Era, World, ok, succeeded

from mcpassport.gate.tokens import checksum, issue
from mcpassport.limits import API_TOKEN_PREFIX, SERVER_TOKEN_PREFIX

pytestmark = pytest.mark.asyncio(loop_scope="module")

CALL = Call(GET, {"id": "1"})
NOT_FOUND = b'{"error":{"type":"not_found"}}'
BODIES: dict[Era, bytes] = {"legacy": CALL.body("legacy"), "modern": CALL.body("modern")}


async def ask(
    app: World, path: str, headers: dict[str, str], era: Era = "legacy", body: bytes | None = None
) -> tuple[Response, int]:
    """One request, and how many reached the upstream."""
    app.lab.forget()
    app.lab.answers(ok())
    sent = [("content-type", "application/json"), *CALL.headers(era).items(), *headers.items()]
    response = await request(app.house.app, path, headers=sent, body=body or BODIES[era])
    assert response is not None
    return response, len(app.lab.requests())


def opened_by(door: Door, token: str, server: str) -> tuple[str, dict[str, str]]:
    """Path and headers that present a token at either address."""
    if door == "path":
        return f"/mcp/{token}", {}
    return f"/mcp/s/{server}", {"authorization": f"Bearer {token}"}


async def _expired(app: World) -> tuple[str, str]:
    clock = app.house.clock
    until = (clock() + timedelta(seconds=61)).isoformat()
    made = await app.house.server(app.accounts["acme"], expires_at=until)
    app.servers["expired"] = made
    clock.step(62)
    return made["token"], made["id"]


async def _revoked(app: World) -> tuple[str, str]:
    account = app.accounts["acme"]
    made = app.servers["revoked"] = await app.house.server(account)
    path = f"/integrated-account/{account}/mcp/{made['id']}"
    assert (await app.house.send("DELETE", path)).status == 204
    return made["token"], made["id"]


async def _suspended(app: World) -> tuple[str, str]:
    account = app.accounts["acme"]
    made = app.servers["suspended"] = await app.house.server(account)
    path = f"/integrated-account/{account}/mcp/{made['id']}/suspend"
    assert (await app.house.send("POST", path)).json()["status"] == "suspended"
    return made["token"], made["id"]


async def _of_a_deleted_account(app: World) -> tuple[str, str]:
    account = await app.connect("acme", "lab_planted_of_acme_0001", "lab")
    made = app.servers["deleted"] = await app.house.server(account)
    assert (await app.house.send("DELETE", f"/integrated-account/{account}")).status == 204
    return made["token"], made["id"]


def _own(app: World, change: Callable[[str], str]) -> tuple[str, str]:
    made = app.servers["acme"]
    return change(made["token"]), made["id"]


def _swap(token: str) -> str:
    """One character of the random part changed; the checksum stays."""
    return token[:20] + ("a" if token[20] != "a" else "b") + token[21:]


def _resealed(token: str) -> str:
    """One character changed, with the checksum that goes with it."""
    text = _swap(token)[:-6]
    return text + checksum(text)


async def _foreign_address(app: World) -> tuple[str, str]:
    return app.servers["globex"]["token"], app.servers["acme"]["id"]


DEAD: dict[str, Callable[[World], Awaitable[tuple[str, str]]]] = {
    "expired": _expired,
    "revoked": _revoked,
    "suspended": _suspended,
    "of a deleted account": _of_a_deleted_account,
}

UNKNOWN: dict[str, Callable[[World], tuple[str, str]]] = {
    "never issued": lambda app: _own(app, lambda _: issue(SERVER_TOKEN_PREFIX, lambda n: b"7" * n)),
    "malformed checksum": lambda app: _own(app, lambda token: token[:-1] + "!"),
    "wrong checksum": lambda app: _own(app, _swap),
    "changed with its checksum": lambda app: _own(app, _resealed),
    "cut off": lambda app: _own(app, lambda token: token[:-1]),
    "longer": lambda app: _own(app, lambda token: token + "a"),
    "upper case": lambda app: _own(app, str.upper),
    "encoded": lambda app: _own(app, lambda token: token.replace("_", "%5f")),
    "with NUL": lambda app: _own(app, lambda token: token + "\0"),
    "100 kB": lambda app: _own(app, lambda _: "x" * 100_000),
    "API token of an admin": lambda app: _own(app, lambda _: app.house.tokens["admin"]),
    "API token of the tenant": lambda app: _own(app, lambda _: app.house.tokens["acme"]),
    "factor of the tenant": lambda app: _own(app, lambda _: app.house.tokens["factor"]),
    "other prefix": lambda app: _own(
        app, lambda token: token.replace(SERVER_TOKEN_PREFIX, API_TOKEN_PREFIX)
    ),
    "upstream credential": lambda app: _own(app, lambda _: "lab_planted_of_acme_0001"),
}


@pytest.mark.parametrize("way", EVERY_WAY, ids="-".join)
@pytest.mark.parametrize("row", UNKNOWN)
async def test_a_token_that_opens_nothing_is_the_identical_404(
    app: World, row: str, way: tuple[Door, Era]
) -> None:
    """Whatever is wrong with it: the same bytes and headers, no request, no audit row."""
    token, server = UNKNOWN[row](app)
    await app.audit("acme")
    response, sent = await ask(app, *opened_by(way[0], token, server), way[1])
    assert (response.status, response.body, sent) == (404, NOT_FOUND, 0)
    baseline, _ = await ask(app, "/mcp/x", {}, way[1])
    assert response == baseline
    assert await app.audit("acme") == []


@pytest.mark.parametrize("door", ["path", "header"])
@pytest.mark.parametrize("row", DEAD)
async def test_a_dead_token_is_the_same_404_and_is_in_its_tenants_audit(
    app: World, row: str, door: Door
) -> None:
    """Nobody can tell it from an unknown one, except its own tenant."""
    token, server = await DEAD[row](app)
    await app.audit("acme")
    answers = [await ask(app, *opened_by(door, token, server), "legacy") for _ in range(3)]
    baseline, _ = await ask(app, "/mcp/x", {})
    assert {(answer, sent) for answer, sent in answers} == {(baseline, 0)}
    (refusal,) = await app.audit("acme")
    reason = row if row in {"expired", "suspended"} else "revoked"
    assert (refusal.phase, refusal.reason, refusal.server) == ("refusal", reason, server)
    assert (refusal.http_status, refusal.count) == (404, 3)


async def test_a_token_at_the_address_of_another_tenant_is_refused(app: World) -> None:
    """The live token of one tenant opens nothing at the server id of another."""
    token, server = await _foreign_address(app)
    await app.audit("globex")
    response, sent = await ask(app, *opened_by("header", token, server))
    assert (response.status, response.body, sent) == (404, NOT_FOUND, 0)
    (refusal,) = await app.audit("globex")
    assert refusal.reason == "other_address"
    assert await app.audit("acme") == []


async def test_a_server_id_alone_opens_nothing(app: World) -> None:
    """The public address without its token, or with the token elsewhere, is the identical 404."""
    server = app.servers["acme"]
    for headers in (
        {},
        {"x-api-token": server["token"]},
        {"authorization": server["token"]},
        {"authorization": f"Basic {server['token']}"},
        {"cookie": f"token={server['token']}"},
    ):
        response, sent = await ask(app, f"/mcp/s/{server['id']}", headers)
        assert (response.status, response.body, sent) == (404, NOT_FOUND, 0)


class Shown(NamedTuple):
    """A second factor as shown, and what comes of it."""

    header: str
    caller: str
    kind: str


BEARER, EXTRA = "authorization", "x-api-token"
FACTORS: dict[str, Shown] = {
    "none": Shown("", "", "second_factor_required"),
    "as X-Api-Token": Shown(EXTRA, "factor", ""),
    "of another tenant": Shown(EXTRA, "globex factor", "second_factor_invalid"),
    "role admin": Shown(EXTRA, "admin", "second_factor_invalid"),
    "role tenant": Shown(EXTRA, "acme", "second_factor_invalid"),
    "role auditor": Shown(EXTRA, "acme auditor", "second_factor_invalid"),
    "role auditor of the deployment": Shown(EXTRA, "auditor", "second_factor_invalid"),
    "role tenant of another tenant": Shown(EXTRA, "globex", "second_factor_invalid"),
    "expired": Shown(EXTRA, "old factor", "second_factor_invalid"),
    "revoked": Shown(EXTRA, "dead factor", "second_factor_invalid"),
    "never issued": Shown(EXTRA, "stranger", "second_factor_invalid"),
    "malformed checksum": Shown(EXTRA, "broken", "second_factor_invalid"),
    "server token": Shown(EXTRA, "server", "second_factor_invalid"),
    "empty": Shown(EXTRA, "empty", "second_factor_required"),
}


async def factors(app: World) -> dict[str, str]:
    """Secrets by the names of the table above, made once."""
    tokens = app.house.tokens
    if "globex factor" not in tokens:
        for name, tenant in (("globex factor", "globex"), ("dead factor", "acme")):
            made = await app.house.made(
                "/api-token", {"role": "factor", "tenant": tenant, "name": name}
            )
            tokens[name] = made["token"]
        gone = await app.house.send("DELETE", f"/api-token/{made['id']}", query={"tenant": "acme"})
        assert gone.status == 204
        until = (app.house.clock() + timedelta(seconds=61)).isoformat()
        old = {"role": "factor", "tenant": "acme", "name": "old", "expires_at": until}
        tokens["old factor"] = (await app.house.made("/api-token", old))["token"]
        app.house.clock.step(62)
    stranger = issue(API_TOKEN_PREFIX, lambda n: b"9" * n)
    server = app.servers["acme"]["token"]
    return {**tokens, "stranger": stranger, "broken": stranger[:-1] + "!", "server": server} | {
        "empty": ""
    }


async def guarded(app: World) -> dict[str, Any]:
    """A server that demands an API token."""
    if "guarded" not in app.servers:
        app.servers["guarded"] = await app.house.server(
            app.accounts["acme"], config={"require_api_token_auth": True}
        )
    return app.servers["guarded"]


@pytest.mark.parametrize("way", EVERY_WAY, ids="-".join)
@pytest.mark.parametrize("row", FACTORS)
async def test_only_a_live_factor_of_the_tenant_passes(
    app: World, row: str, way: tuple[Door, Era]
) -> None:
    """Missing or wrong factors are a 403 with an envelope, without a challenge, recorded."""
    header, caller, kind = FACTORS[row]
    server = await guarded(app)
    secrets = await factors(app)
    path, headers = opened_by(way[0], server["token"], server["id"])
    shown = {header: secrets[caller]} if header else {}
    met = await app.post(path, BODIES[way[1]], CALL.headers(way[1]) | headers | shown, ok())
    if not kind:
        succeeded(met)
        assert met.rows[0].factors == ("api_token",)
        return
    assert met.response.status == 403
    assert met.response.json()["error"]["type"] == kind
    assert met.response.header("www-authenticate") is None
    assert met.upstream == []
    reason = {"second_factor_required": "factor_missing"}.get(kind, "factor_invalid")
    assert met.phases == [f"refusal {reason}"]


async def test_a_factor_may_travel_as_bearer_beside_a_path_token(app: World) -> None:
    """With the secret in the path, `Authorization` is free for the API token; two kinds clash."""
    server = await guarded(app)
    secrets = await factors(app)
    path = f"/mcp/{server['token']}"
    bearer = {BEARER: f"Bearer {secrets['factor']}"}
    response, sent = await ask(app, path, bearer)
    assert (response.status, sent) == (200, 1)
    both = bearer | {EXTRA: secrets["globex factor"]}
    response, sent = await ask(app, path, both)
    assert (response.status, response.json()["error"]["type"]) == (403, "second_factor_invalid")
    assert sent == 0


@pytest.mark.parametrize("method", ["tools/list", "initialize", "tools/call"])
async def test_a_factor_is_checked_before_the_body(app: World, method: str) -> None:
    """Without it nothing of a request is read: neither lists nor broken bodies are answered."""
    server = await guarded(app)
    path, headers = opened_by("path", server["token"], server["id"])
    for body in (legacy(method), b"{", b"x" * 2_000_000):
        response, sent = await ask(app, path, headers | legacy_headers(), body=body)
        assert (response.status, response.json()["error"]["type"]) == (
            403,
            "second_factor_required",
        )
        assert sent == 0


@pytest.mark.parametrize("door", ["path", "header"])
async def test_a_callers_own_authorization_never_goes_upstream(app: World, door: Door) -> None:
    """What the caller sends to us stays here: the upstream sees the account's credential only."""
    path, headers = app.address(door)
    mine = {
        "x-api-token": app.house.tokens["factor"],
        "cookie": "a=b",
        "x-forwarded-for": "9.9.9.9",
    }
    bearer = {BEARER: f"Bearer {app.house.tokens['factor']}"} if door == "path" else {}
    sent = modern_headers("tools/call", GET) | headers | bearer | mine
    met = await app.post(
        path, modern("tools/call", {"name": GET, "arguments": {"id": "1"}}), sent, ok()
    )
    succeeded(met)
    (seen,) = met.upstream
    assert [v for k, v in seen.headers if k.lower() == BEARER] == [
        "Bearer lab_planted_of_acme_0001"
    ]
    assert {k.lower() for k, _ in seen.headers} == {
        *("host", "accept", "accept-encoding", "user-agent", "authorization"),
    }
