"""The management API over the whole app: filters and API tokens that do not hold."""

from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from tests.support.items import CREATE, GET
from tests.support.whole import WAYS, Call, World, ok, refused, succeeded

from mcpassport.gate.tokens import issue
from mcpassport.limits import API_TOKEN_PREFIX

pytestmark = pytest.mark.asyncio(loop_scope="module")

FILTERS: dict[str, tuple[dict[str, Any], str, str]] = {
    "unknown method": ({"methods": ["destroy"]}, "unknown_filter", "search"),
    "one unknown among known": ({"methods": ["get", "gett"]}, "unknown_filter", "get"),
    "method of another case": ({"methods": ["GET"]}, "unknown_filter", "get"),
    "wildcard": ({"methods": ["*"]}, "unknown_filter", "read"),
    "tool name for a method": ({"methods": [CREATE]}, "unknown_filter", "create"),
    "unknown tag": ({"tags": ["secret"]}, "unknown_filter", "content"),
    "unknown resource": ({"resources": ["users"]}, "unknown_filter", "items"),
    "empty text": ({"resources": [""]}, "unknown_filter", "items"),
    "nothing in common": ({"methods": ["delete"], "resources": ["parts"]}, "empty_filter", ""),
    "no methods at all": ({"methods": []}, "empty_filter", ""),
    "no tags at all": ({"tags": []}, "empty_filter", ""),
    "text for a list": ({"methods": "read"}, "invalid_input", ""),
    "unknown member": ({"except": ["items.delete"]}, "invalid_input", ""),
    "unknown tool denied": ({"deny": ["items.burn"]}, "unknown_filter", "items.delete"),
    "unknown factor": ({"factors": [{"kind": "trust_me"}]}, "invalid_input", ""),
}


@pytest.mark.parametrize("method", ["POST", "PATCH"])
@pytest.mark.parametrize("row", FILTERS)
async def test_a_filter_that_names_nothing_is_refused(app: World, row: str, method: str) -> None:
    """A slip in a filter never widens or empties a server: 400, with the names that are valid."""
    config, kind, named = FILTERS[row]
    account, server = app.accounts["acme"], app.servers["acme"]
    path = f"/integrated-account/{account}/mcp"
    if method == "PATCH":
        path += f"/{server['id']}"
    body = {"name": "n", "config": config}
    answer = await app.house.send(method, path, caller="acme", body=body)
    assert (answer.status, answer.json()["type"]) == (400, kind)
    assert named in answer.body.decode()
    succeeded(await app.call(WAYS[0], Call(GET, {"id": "1"}), ok()))


async def test_a_narrowed_server_is_narrow_at_the_next_request(app: World) -> None:
    """A filter changed while clients hold the token: the tool that went is unknown at once."""
    account = app.accounts["globex"]
    call = Call(CREATE, {"text": "t"})
    succeeded(await app.call(WAYS[0], call, ok(), server="globex"))
    path = f"/integrated-account/{account}/mcp/{app.servers['globex']['id']}"
    body = {"config": {"methods": ["read"]}}
    assert (await app.house.send("PATCH", path, caller="globex", body=body)).status == 200
    await app.audit("globex")
    refused(await app.call(WAYS[0], call, ok(), server="globex"), "unknown_tool", "legacy")


async def test_a_method_removed_by_an_override_is_unknown(app: World) -> None:
    """What an admin removed from one account is no tool of any of its servers."""
    account = await app.connect("acme", "lab_planted_of_acme_0001", "lab")
    app.servers["removed"] = await app.house.server(account)
    call = Call(CREATE, {"text": "t"})
    succeeded(await app.call(WAYS[0], call, ok(), server="removed"))
    body = {"overrides": {"removed_methods": ["items.create"]}}
    changed = await app.house.send("PATCH", f"/integrated-account/{account}", body=body)
    assert changed.status == 200
    await app.audit("acme")
    refused(await app.call(WAYS[0], call, ok(), server="removed"), "unknown_tool", "legacy")


class Shown(NamedTuple):
    """What stands in `Authorization`, and the status and type that come of it."""

    header: str | None
    status: int
    kind: str


async def api_tokens(app: World) -> dict[str, str]:
    """API tokens that do not hold (any more)."""
    tokens = dict(app.house.tokens)
    until = (app.house.clock() + timedelta(seconds=61)).isoformat()
    for name in ("expired", "revoked"):
        body = {"role": "tenant", "tenant": "acme", "name": name, "expires_at": until}
        made = await app.house.made("/api-token", body)
        tokens[name] = made["token"]
    await app.house.send("DELETE", f"/api-token/{made['id']}", query={"tenant": "acme"})
    app.house.clock.step(62)
    stranger = issue(API_TOKEN_PREFIX, lambda n: b"8" * n)
    return tokens | {
        "never issued": stranger,
        "malformed": stranger[:-1] + "!",
        "server": app.servers["acme"]["token"],
    }


SHOWN: dict[str, Shown] = {
    "nothing": Shown(None, 401, "unauthorized"),
    "no scheme": Shown("{admin}", 401, "unauthorized"),
    "Basic": Shown("Basic {admin}", 401, "unauthorized"),
    "two tokens": Shown("Bearer {admin}, Bearer {admin}", 401, "unauthorized"),
    "never issued": Shown("Bearer {never issued}", 401, "unauthorized"),
    "malformed checksum": Shown("Bearer {malformed}", 401, "unauthorized"),
    "expired": Shown("Bearer {expired}", 401, "unauthorized"),
    "revoked": Shown("Bearer {revoked}", 401, "unauthorized"),
    "server token": Shown("Bearer {server}", 401, "unauthorized"),
    "factor": Shown("Bearer {factor}", 401, "unauthorized"),
    "auditor of the tenant": Shown("Bearer {acme auditor}", 403, "forbidden"),
    "auditor of the deployment": Shown("Bearer {auditor}", 403, "forbidden"),
    "another tenant": Shown("Bearer {globex}", 404, "no_such_object"),
}


@pytest.mark.parametrize("row", SHOWN)
async def test_only_a_live_token_of_the_right_role_opens_a_server(app: World, row: str) -> None:
    """Dead, foreign and weaker API tokens make no server, and say no more than they must."""
    header, status, kind = SHOWN[row]
    tokens = await api_tokens(app)
    headers = {} if header is None else {"authorization": header.format_map(tokens)}
    path = f"/integrated-account/{app.accounts['acme']}/mcp"
    body = {"name": "mine"}
    answer = await app.house.send("POST", path, caller=None, headers=headers, body=body)
    assert (answer.status, answer.json()["type"]) == (status, kind)
    listed = await app.house.read(path)
    assert "mine" not in {server["name"] for server in listed["result"]}
