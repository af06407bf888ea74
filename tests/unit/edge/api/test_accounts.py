"""`/integrated-account`: connecting, changing and deleting, over the whole app."""

from typing import Any

import pytest
from tests.support.calling import legacy
from tests.support.deployment import CREDENTIAL, Deployment, notes

PLANTED = "planted value of a secret"


def body(**more: Any) -> dict[str, Any]:
    usual = {
        "tenant": "acme",
        "integration": "notes",
        "name": "Notes",
        "credential_kind": "bearer",
        "credential": {"token": CREDENTIAL},
    }
    return {**usual, **more}


async def test_an_account_reads_as_it_was_made_and_never_shows_its_credential(
    house: Deployment,
) -> None:
    """Creation, read, listing and change show the same object; the credential is in none."""
    await house.push()
    made = await house.made("/integrated-account", body(context={"team": "a"}))
    path = f"/integrated-account/{made['id']}"
    changed = await house.send("PATCH", path, body={"credential": {"token": "nt_thesecondone"}})
    seen = [
        made,
        await house.read(path),
        (await house.read("/integrated-account", tenant="acme"))["result"][0],
    ]
    assert seen[1] == seen[2] == changed.json()
    assert {**made, "updated_at": ""} == {**seen[1], "updated_at": ""}
    for text in (str(seen), changed.body.decode(), str(await house.rows("acme"))):
        assert CREDENTIAL not in text
        assert "nt_thesecondone" not in text


@pytest.mark.parametrize(
    ("given", "status", "says"),
    [
        ({"tenant": "nobody"}, 404, "No such tenant"),
        ({"integration": "crm"}, 404, "'crm'"),
        ({"credential_kind": "basic"}, 400, "it takes: bearer"),
        ({"credential": {"token": PLANTED}}, 400, "credential.token"),
        ({"credential": {"token": 1}}, 400, "body.credential.token"),
        ({"credential": PLANTED}, 400, "body.credential"),
        ({"context": {"a": "b\n"}}, 400, "context.a"),
        ({"tenant": None}, 400, "Name the tenant"),
    ],
)
async def test_what_cannot_be_connected_is_told_without_its_values(
    given: dict[str, Any], status: int, says: str, house: Deployment
) -> None:
    """The place and the rule are named, the value is not, and nothing is made."""
    await house.push()
    answer = await house.send("POST", "/integrated-account", body=body(**given))
    assert answer.status == status, answer.body
    assert says in answer.body.decode()
    assert PLANTED.encode() not in answer.body
    assert (await house.read("/integrated-account", tenant="acme"))["result"] == []


async def test_a_tenant_connects_its_own_accounts(house: Deployment) -> None:
    """It need not name itself."""
    await house.push()
    made = await house.made("/integrated-account", body(tenant=None), caller="globex")
    assert made["tenant"] == "globex"


async def test_only_admins_write_overrides(house: Deployment) -> None:
    """A tenant is refused, an admin's overrides hold, and they show in the account."""
    await house.push()
    path = f"/integrated-account/{await house.account()}"
    overrides = {"headers": {"X-Team": "a"}, "removed_methods": ["notes.delete"], "timeout_s": 2.5}
    asked = {"overrides": overrides}
    assert (await house.send("PATCH", path, body=asked, caller="acme")).status == 403
    changed = (await house.send("PATCH", path, body=asked)).json()
    assert changed["overrides"] == {"context": {}, **overrides}
    names = [tool["method"] for tool in (await house.read(f"{path}/tools"))["result"]]
    assert "delete" not in names
    wrong = {"overrides": {"headers": {"Authorization": PLANTED}}}
    answer = await house.send("PATCH", path, body=wrong)
    assert (answer.status, PLANTED.encode() in answer.body) == (400, False)


async def test_a_deleted_account_takes_its_servers_along(house: Deployment) -> None:
    """The next request to each is the identical 404, and the account is nowhere."""
    await house.push()
    account = await house.account()
    servers = [await house.server(account) for _ in range(2)]
    path = f"/integrated-account/{account}"
    assert (await house.send("DELETE", path, caller="acme")).status == 204
    stranger = await house.mcp("/mcp/unknown", legacy("ping"))
    for server in servers:
        assert await house.mcp(f"/mcp/{server['token']}", legacy("ping")) == stranger
    for method in ("GET", "DELETE"):
        assert (await house.send(method, path)).status == 404
    assert (await house.send("GET", f"{path}/mcp")).status == 404


async def test_accounts_are_listed_by_integration(house: Deployment) -> None:
    """`integration` narrows the listing; a name that none has is an empty list."""
    await house.push()
    other = notes()
    other["config"]["name"] = "memos"
    await house.push(other)
    first, second = await house.account(), await house.account(integration="memos")
    for name, expected in (("notes", [first]), ("memos", [second]), ("crm", [])):
        page = await house.read("/integrated-account", tenant="acme", integration=name)
        assert [account["id"] for account in page["result"]] == expected


async def test_the_preview_names_the_catalog_that_runs(house: Deployment) -> None:
    """Its digest is the one that `/version` publishes."""
    await house.push()
    account = await house.account()
    preview = await house.read(f"/integrated-account/{account}/tools")
    version = (await house.send("GET", "/version", caller=None)).json()
    assert version["catalogs"] == {"notes@1": preview["catalog_digest"]}
    assert preview["surface_digest"] == preview["catalog_digest"]
    assert (preview["integration"], preview["version"]) == ("notes", 1)


@pytest.mark.parametrize("name", ["", "nothing-like-it", "\u202e"])
async def test_a_filter_on_no_integration_is_answered(house: Deployment, name: str) -> None:
    """An empty name is a slip and told so; an unknown one matches nothing."""
    await house.push()
    await house.account()
    query = {"tenant": "acme", "integration": name}
    answer = await house.send("GET", "/integrated-account", query=query)
    if name:
        assert answer.json() == {"result": [], "next_cursor": None}
    else:
        assert answer.status == 400
        assert "query.integration" in str(answer.json()["problems"])
