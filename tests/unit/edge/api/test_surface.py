"""What a server offers, why not, and a call with the authority of whoever asks."""

import json
from typing import Any

import pytest
from tests.support.deployment import CREDENTIAL, Deployment, deployment, notes
from tests.support.lab import Lab, rule

GET = "get_single_notes_note_by_id"
CREATE = "create_a_notes_note"


@pytest.fixture
async def house(tmp_path: Any, lab: Lab) -> Any:
    """A deployment whose notes come from the lab."""
    lab.forget()
    lab.answers(rule("/v1/*", json={"id": "1", "title": "Milk"}))
    async with deployment(tmp_path, private_hosts=(lab.listing,)) as made:
        await made.push(notes(f"{lab.origin}/v1"))
        yield made


async def opened(house: Deployment, **config: Any) -> tuple[str, dict[str, Any]]:
    """A server of acme with that config: its path in the management API, and itself."""
    account = await house.account()
    server = await house.server(account, config=config)
    return f"/integrated-account/{account}/mcp/{server['id']}", server


async def called(house: Deployment, path: str, tool: str, caller: str = "admin") -> Any:
    body = {"tool": tool, "arguments": {"id": "1"}}
    return await house.send("POST", f"{path}/call", body=body, caller=caller)


async def test_the_surface_is_what_the_server_lists(house: Deployment) -> None:
    """The same tools as `tools/list`; what is hidden is counted."""
    path, server = await opened(house, methods=["read"])
    surface = await house.read(f"{path}/tools")
    assert [tool["name"] for tool in surface["result"]] == [
        tool["name"] for tool in await house.tools(server)
    ]
    assert surface["hidden"] > 0
    assert surface["reachable"] is True
    await house.send("POST", f"{path}/suspend")
    assert (await house.read(f"{path}/tools"))["reachable"] is False


@pytest.mark.parametrize("caller", ["admin", "acme"])
async def test_a_call_is_an_agents_call_in_the_name_of_who_asks(
    house: Deployment, lab: Lab, caller: str
) -> None:
    """One request with the account's credential; the event, intent and outcome name the caller."""
    path, server = await opened(house, methods=["read"], require_api_token_auth=True)
    before = len(await house.rows("acme"))
    document = (await called(house, path, GET, caller)).json()
    assert document["answer"]["result"]["structuredContent"] == {"id": "1", "title": "Milk"}
    assert (document["outcome"], document["http_status"]) == ("ok", 200)
    (seen,) = lab.requests()
    assert seen.header("authorization") == f"Bearer {CREDENTIAL}"
    event, intent, outcome = (await house.rows("acme"))[before:]
    assert (event.phase, event.action, event.subject) == (
        *("event", "server.call"),
        f"{server['id']}/{GET}",
    )
    assert (intent.phase, outcome.phase, outcome.outcome) == ("intent", "outcome", "ok")
    assert intent.request_id == outcome.request_id == document["request_id"]
    assert {row.principal for row in (event, intent, outcome)} == {f"tok_{caller}"}
    assert (intent.server, intent.tool, intent.factors) == (server["id"], GET, ())


async def test_a_call_obeys_the_surface_and_the_schema(house: Deployment, lab: Lab) -> None:
    """A hidden tool and wrong arguments are refused as an agent's are; nothing is sent."""
    path, _ = await opened(house, methods=["read"])
    document = (await called(house, path, CREATE)).json()
    assert document["answer"]["error"]["data"]["type"] == document["outcome"] == "unknown_tool"
    body = {"tool": GET, "arguments": {"id": 5, "colour": "red"}}
    document = (await house.send("POST", f"{path}/call", body=body)).json()
    assert document["outcome"] == "invalid_arguments"
    assert "colour" in json.dumps(document["answer"])
    assert lab.requests() == []
    rows = (await house.rows("acme"))[-4:]
    assert [row.phase for row in rows] == ["event", "refusal", "event", "refusal"]


async def test_an_upstream_failure_is_an_answer_too(house: Deployment, lab: Lab) -> None:
    """The 429 of an agent of the newest revision, in a 200 of the management API."""
    lab.answers(rule("/v1/*", status=429, headers=[["Retry-After", "7"]]))
    path, _ = await opened(house)
    document = (await called(house, path, GET)).json()
    assert (document["http_status"], document["answer"]["error"]["code"]) == (429, 429)
    assert len(lab.requests()) == 1


DEAD = {
    "revoked": "DELETE",
    "suspended": "POST /suspend",
    "expired": "",
    "tenant suspended": "tenant",
}


async def kill(house: Deployment, path: str, how: str) -> None:
    if how == "expired":
        house.clock.step(91 * 24 * 3600)
    elif how == "tenant suspended":
        await house.send("POST", "/tenant/acme/suspend")
    elif how == "revoked":
        await house.send("DELETE", path)
    else:
        await house.send("POST", f"{path}/suspend")


@pytest.mark.parametrize("how", DEAD)
async def test_a_server_that_no_agent_can_call_is_not_called(
    house: Deployment, lab: Lab, how: str
) -> None:
    """409 with the reason, no event, nothing sent; `why-not` says the same first."""
    path, _ = await opened(house)
    await kill(house, path, how)
    before = await house.rows("acme")
    answer = await called(house, path, GET)
    assert (answer.status, answer.json()["type"]) == (409, "conflict")
    assert how.rsplit(maxsplit=1)[-1] in answer.json()["detail"]
    assert lab.requests() == []
    assert await house.rows("acme") == before
    found = await house.read(f"{path}/why-not", tool=GET)
    assert found["offered"] is False
    assert [reason["kind"] for reason in found["reasons"]] == ["server"]
    assert how.rsplit(maxsplit=1)[-1] in found["reasons"][0]["message"]


@pytest.mark.parametrize("caller", ["admin", "acme", "acme auditor"])
async def test_why_not_tells_every_reason(house: Deployment, caller: str) -> None:
    """Filter and override of the live server; an offered tool has none."""
    path, server = await opened(house, methods=["read"])
    account = path.split("/")[2]
    overrides = {"overrides": {"removed_methods": ["notes.create"]}}
    await house.send("PATCH", f"/integrated-account/{account}", body=overrides)
    hidden = await house.read(f"{path}/why-not", caller=caller, tool=CREATE)
    assert [reason["kind"] for reason in hidden["reasons"]] == ["methods", "override"]
    assert (hidden["offered"], hidden["version"]) == (False, 1)
    offered = await house.read(f"{path}/why-not", caller=caller, tool="notes.get")
    assert (offered["offered"], offered["reasons"], offered["tool"]) == (True, [], GET)
    unknown = await house.read(f"{path}/why-not", caller=caller, tool="get_singel_notes_note")
    assert GET in unknown["nearest"]
    assert server["id"] in path


async def test_arguments_that_are_no_json_are_refused(house: Deployment) -> None:
    """A lone surrogate cannot be sent to anybody: a 400, and no row."""
    path, _ = await opened(house)
    before = await house.rows("acme")
    raw = json.dumps({"tool": GET, "arguments": {"id": "\ud800"}}).encode()
    answer = await house.send("POST", f"{path}/call", raw=raw)
    assert answer.status == 400
    assert await house.rows("acme") == before
