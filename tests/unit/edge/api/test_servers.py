"""`/integrated-account/{id}/mcp`: scopes, expiry, factors, and secrets that are shown once."""

import itertools
from typing import Any

import pytest
from tests.support.calling import legacy, legacy_headers
from tests.support.deployment import Deployment, deployment

from mcpassport.records.grants import Server
from mcpassport.store.repositories import SERVERS

NAMES: dict[str, list[list[str] | None]] = {
    "methods": [None, ["read"], ["write"], ["custom"], ["read", "archive"], ["delete"]],
    "tags": [None, ["content"], ["archive"], ["content", "archive"]],
    "resources": [None, ["notes"]],
}


async def account(house: Deployment) -> str:
    await house.push()
    return await house.account()


async def refused(house: Deployment, path: str, body: Any, method: str = "POST") -> Any:
    """The problem document of a request that must be a 400."""
    answer = await house.send(method, path, body=body)
    assert answer.status == 400, answer.body
    return answer.json()


async def test_a_server_is_reached_by_the_url_that_its_creation_shows(house: Deployment) -> None:
    """Token and both addresses work, and belong to the public URL."""
    made = await house.server(await account(house))
    public = house.services.settings.public_url
    assert made["url"] == f"{public}/mcp/{made['token']}"
    assert made["header_url"] == f"{public}/mcp/s/{made['id']}"
    body = legacy("tools/list")
    by_path = await house.mcp(made["url"].removeprefix(public), body)
    bearer = legacy_headers() | {"authorization": f"Bearer {made['token']}"}
    by_header = await house.mcp(made["header_url"].removeprefix(public), body, bearer)
    assert by_path.json() == by_header.json()
    assert by_path.status == 200


async def test_the_token_is_shown_once_and_by_no_read(house: Deployment) -> None:
    """Reads, listings, changes, the audit and the files hold neither the token nor its hash."""
    place = await account(house)
    made = await house.server(place)
    path = f"/integrated-account/{place}/mcp"
    stored = await SERVERS.get(house.services.store, "acme", made["id"])
    assert stored is not None
    answers = [
        await house.send("GET", path),
        await house.send("GET", f"{path}/{made['id']}"),
        await house.send("PATCH", f"{path}/{made['id']}", body={"name": "other"}),
        await house.send("GET", "/audit", query={"tenant": "acme"}),
        await house.send("GET", f"/integrated-account/{place}"),
    ]
    for answer in answers:
        assert answer.status == 200
        for secret in (made["token"], stored[0].token_hash):
            assert secret.encode() not in answer.body
    assert made["token"].encode() not in house.files()


async def test_a_server_that_is_read_equals_the_one_that_was_made(house: Deployment) -> None:
    """Except for what is shown once."""
    place = await account(house)
    made = await house.server(place, config={"methods": ["read"], "require_api_token_auth": True})
    once = {"token", "url", "header_url", "secret"}
    seen = await house.read(f"/integrated-account/{place}/mcp/{made['id']}")
    assert {k: v for k, v in seen.items() if k not in once} == {
        k: v for k, v in made.items() if k not in once
    }
    assert {seen[name] for name in once} == {None}
    assert made["config"] == {
        "methods": ["read"],
        "tags": None,
        "resources": None,
        "deny": [],
        "factors": [{"kind": "api_token"}],
        "require_api_token_auth": True,
        "oauth": None,
        "rate_limit_errors": "auto",
        "limits": {},
    }


async def test_a_preview_shows_what_a_server_with_these_filters_exposes(house: Deployment) -> None:
    """For every combination of filters, name by name, also with a method removed by override."""
    place = await account(house)
    tried = 0
    for removed in ([], ["notes.archive"]):
        overrides = {"overrides": {"removed_methods": removed}}
        await house.send("PATCH", f"/integrated-account/{place}", body=overrides)
        for values in itertools.product(*NAMES.values()):
            chosen = {name: v for name, v in zip(NAMES, values, strict=True) if v is not None}
            answer = await house.send("GET", f"/integrated-account/{place}/tools", query=chosen)
            body = {"name": "s", "config": chosen}
            made = await house.send("POST", f"/integrated-account/{place}/mcp", body=body)
            if answer.status == 400:
                assert made.json() == answer.json()
                assert answer.json()["type"] == "empty_filter"
                continue
            tried += 1
            preview, tools = answer.json(), await house.tools(made.json())
            assert [tool["name"] for tool in preview["result"]] == [t["name"] for t in tools]
            assert [tool["title"] for tool in preview["result"]] == [t["title"] for t in tools]
            assert [tool["read_only"] for tool in preview["result"]] == [
                tool["annotations"]["readOnlyHint"] for tool in tools
            ]
            assert preview["hidden"] == 6 - len(tools)
    assert tried > 50


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"methods": ["reed"]}, ["methods has no 'reed'", "read, write, custom", "archive"]),
        ({"tags": ["nope"]}, ["tags has no 'nope'", "archive, content"]),
        ({"resources": ["note"]}, ["resources has no 'note'", "Valid: notes"]),
        ({"methods": ["x"], "tags": ["y"]}, ["methods has no 'x'", "tags has no 'y'"]),
    ],
)
async def test_an_unknown_name_in_a_filter_lists_the_valid_ones(
    config: dict[str, list[str]], says: list[str], house: Deployment
) -> None:
    """In the preview, at creation and in a change alike."""
    place = await account(house)
    made = await house.server(place)
    path = f"/integrated-account/{place}"
    found = [
        await refused(house, f"{path}/mcp", {"name": "s", "config": config}),
        await refused(house, f"{path}/mcp/{made['id']}", {"config": config}, "PATCH"),
        (await house.send("GET", f"{path}/tools", query=config)).json(),
    ]
    for document in found:
        assert document["type"] == "unknown_filter"
        assert len(document["problems"]) == len(config)
        for text in says:
            assert text in str(document)


@pytest.mark.parametrize("config", [{"methods": []}, {"methods": ["get"], "tags": ["archive"]}])
async def test_a_filter_that_matches_nothing_is_refused(
    config: dict[str, list[str]], house: Deployment
) -> None:
    """A server without a tool is a mistake, not a choice."""
    path = f"/integrated-account/{await account(house)}/mcp"
    assert (await refused(house, path, {"name": "s", "config": config}))["type"] == "empty_filter"


async def test_a_server_expires_when_nothing_else_is_said(house: Deployment) -> None:
    """After the default lifetime it reads expired and its URL is gone."""
    place = await account(house)
    made = await house.server(place)
    assert made["expires_at"] == "2026-05-30T12:00:00Z"
    house.clock.step(90 * 86400 - 1)
    assert (await house.mcp(f"/mcp/{made['token']}", legacy("ping"))).status == 200
    house.clock.step(1)
    assert (await house.mcp(f"/mcp/{made['token']}", legacy("ping"))).status == 404
    seen = await house.read(f"/integrated-account/{place}/mcp/{made['id']}")
    assert (seen["status"], seen["revoked_at"]) == ("expired", None)


@pytest.mark.parametrize(
    ("expires_at", "says"),
    [
        ("2026-03-01T12:00:59Z", "less than 60 seconds ahead"),
        ("2026-03-01T11:00:00Z", "less than 60 seconds ahead"),
        ("2026-04-01T12:00:00", "timezone"),
        ("tomorrow", "datetime"),
        (None, "never expire"),
    ],
)
async def test_an_expiry_has_a_zone_and_lies_ahead(
    expires_at: str | None, says: str, house: Deployment
) -> None:
    """At creation and in a change; null needs a deployment that allows it."""
    place = await account(house)
    made = await house.server(place)
    path = f"/integrated-account/{place}/mcp"
    for where, method, body in (
        (path, "POST", {"name": "s", "expires_at": expires_at}),
        (f"{path}/{made['id']}", "PATCH", {"expires_at": expires_at}),
    ):
        assert says in str(await refused(house, where, body, method))


async def test_an_expiry_is_kept_as_an_instant(house: Deployment) -> None:
    """Any zone goes in, UTC comes out, and a minute is enough."""
    place = await account(house)
    made = await house.server(place, expires_at="2026-03-01T14:01:00+02:00")
    assert made["expires_at"] in {"2026-03-01T12:01:00Z", "2026-03-01T14:01:00+02:00"}
    house.clock.step(60)
    assert (await house.mcp(f"/mcp/{made['token']}", legacy("ping"))).status == 404


async def test_a_deployment_can_allow_servers_that_never_expire(tmp_path: Any) -> None:
    """Then null means never, and absent still means the default."""
    async with deployment(tmp_path, allow_unexpiring_servers=True) as house:
        place = await account(house)
        assert (await house.server(place, expires_at=None))["expires_at"] is None
        made = await house.server(place)
        assert made["expires_at"] is not None
        path = f"/integrated-account/{place}/mcp/{made['id']}"
        changed = await house.send("PATCH", path, body={"expires_at": None})
        assert changed.json()["expires_at"] is None


async def test_a_change_holds_from_the_next_request_on(house: Deployment) -> None:
    """The whole config is replaced; what is not given of the rest stays."""
    place = await account(house)
    made = await house.server(place, config={"methods": ["read"], "tags": ["content"]})
    path = f"/integrated-account/{place}/mcp/{made['id']}"
    assert len(await house.tools(made)) == 2
    house.clock.step(10)
    body = {"config": {"methods": ["delete"], "rate_limit_errors": "tool_error"}}
    changed = (await house.send("PATCH", path, body=body)).json()
    assert [tool["name"] for tool in await house.tools(made)] == ["delete_a_notes_note_by_id"]
    assert changed["config"]["tags"] is None
    assert changed["config"]["rate_limit_errors"] == "tool_error"
    assert (changed["name"], changed["expires_at"]) == (made["name"], made["expires_at"])
    assert changed["updated_at"] == "2026-03-01T12:00:10Z"
    renamed = (await house.send("PATCH", path, body={"name": "new"})).json()
    assert renamed["config"] == changed["config"]


async def test_a_revoked_server_is_gone_for_good(house: Deployment) -> None:
    """Its URL is the identical 404, a second revocation is none, and nothing brings it back."""
    place = await account(house)
    made = await house.server(place)
    path = f"/integrated-account/{place}/mcp/{made['id']}"
    for _ in range(2):
        assert (await house.send("DELETE", path)).status == 204
    dead = await house.mcp(f"/mcp/{made['token']}", legacy("ping"))
    assert dead == await house.mcp("/mcp/unknown", legacy("ping"))
    assert (await house.read(path))["status"] == "revoked"
    revived = await house.send("PATCH", path, body={"name": "x"})
    assert (revived.status, revived.json()["type"]) == (409, "conflict")
    actions = [row.action for row in await house.rows("acme") if row.action]
    assert actions.count("server.revoke") == 1


async def test_two_spellings_of_the_second_factor_mean_one_thing(house: Deployment) -> None:
    """`require_api_token_auth` and the factor `api_token`; saying both ways at once is refused."""
    place = await account(house)
    path = f"/integrated-account/{place}/mcp"
    for config in (
        {"require_api_token_auth": True},
        {"factors": [{"kind": "api_token"}]},
        {"require_api_token_auth": True, "factors": [{"kind": "api_token"}]},
    ):
        made = await house.server(place, config=config)
        assert made["config"]["factors"] == [{"kind": "api_token"}]
        assert made["config"]["require_api_token_auth"] is True
        token = made["token"]
        bare = await house.mcp(f"/mcp/{token}", legacy("ping"))
        assert bare.json()["error"]["type"] == "second_factor_required"
        factor = {"x-api-token": house.tokens["factor"]}
        assert (
            await house.mcp(f"/mcp/{token}", legacy("ping"), legacy_headers() | factor)
        ).status == 200
    config = {"require_api_token_auth": False, "factors": [{"kind": "api_token"}]}
    assert "say one" in str(await refused(house, path, {"name": "s", "config": config}))
    config = {"factors": [{"kind": "smile"}]}
    found = await refused(house, path, {"name": "s", "config": config})
    assert found["problems"][0]["where"] == "body.config.factors.0.kind"


async def test_of_two_who_change_a_server_at_once_nobody_loses_a_change(
    house: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever read an older state gets a conflict instead of writing over the other's change."""
    place = await account(house)
    made = await house.server(place)
    path = f"/integrated-account/{place}/mcp/{made['id']}"
    services = house.services
    read = services.servers._read

    async def overtaken(tenant: str, server_id: str) -> tuple[Server, str]:
        found = await read(tenant, server_id)
        monkeypatch.setattr(services.servers, "_read", read)
        await services.servers.patch(tenant, server_id, {"name": "first"})
        return found

    monkeypatch.setattr(services.servers, "get", lambda *key: _first(read(*key)))
    monkeypatch.setattr(services.servers, "_read", overtaken)
    answer = await house.send("PATCH", path, body={"name": "second"})
    assert answer.status == 409
    monkeypatch.undo()
    assert (await house.read(path))["name"] == "first"


async def _first(pair: Any) -> Any:
    return (await pair)[0]


async def test_servers_of_an_integration_that_moved_on_keep_their_filter(house: Deployment) -> None:
    """A name that a newer version lacks matches nothing; only a new filter has to fit it."""
    place = await account(house)
    made = await house.server(place, config={"methods": ["archive", "get"]})
    content = await house.read("/integration/notes/versions/1")
    content = {name: content[name] for name in ("config", "documentation")}
    del content["config"]["resources"]["notes"]["methods"]["archive"]
    content["documentation"] = [
        record for record in content["documentation"] if record["method"] != "archive"
    ]
    await house.push(content)
    assert [tool["name"] for tool in await house.tools(made)] == ["get_single_notes_note_by_id"]
    path = f"/integrated-account/{place}/mcp"
    await refused(house, path, {"name": "s", "config": {"methods": ["archive"]}})
