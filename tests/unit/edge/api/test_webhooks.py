"""Webhooks over the management API, told by a real job to a real address."""

import asyncio
import base64
import hmac
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.deployment import CREDENTIAL, Deployment, deployment
from tests.support.lab import Lab, Seen, rule

DAY_S = 86_400


@pytest.fixture
async def house(lab: Lab, tmp_path: Path) -> AsyncIterator[Deployment]:
    """The lab is the place that is told."""
    lab.answers(rule("*", "taken"))
    lab.forget()
    async with deployment(tmp_path, private_hosts=(lab.listing,)) as made:
        yield made


async def hook(house: Deployment, lab: Lab, **more: Any) -> Any:
    return await house.made("/webhook", {"tenant": "acme", "url": f"{lab.origin}/hook", **more})


async def told(house: Deployment, lab: Lab) -> list[Seen]:
    """What the place has heard after a turn of the job."""
    await house.services.audit.move_outbox()
    await house.services.delivery.deliver()
    return lab.requests()


def actions(seen: list[Seen]) -> list[str]:
    return [json.loads(each.body)["type"] for each in seen]


def signed(made: Any, seen: Seen) -> bool:
    """As Standard Webhooks says, recomputed here."""
    key = base64.b64decode(made["secret_key"].removeprefix("whsec_"))
    parts = [seen.header("webhook-id") or "", seen.header("webhook-timestamp") or ""]
    text = ".".join(parts).encode() + b"." + seen.body
    mac = base64.b64encode(hmac.digest(key, text, "sha256")).decode()
    return seen.header("webhook-signature") == f"v1,{mac}"


async def test_events_are_told_once_each_in_order_and_signed(house: Deployment, lab: Lab) -> None:
    """What happened before the webhook was made is not told; what is told holds ids only."""
    await house.push()
    await house.account()
    made = await hook(house, lab)
    account = await house.account()
    server = await house.server(account)
    seen = await told(house, lab)
    assert actions(seen) == ["webhook.create", "account.create", "server.create"]
    assert all(signed(made, each) for each in seen)
    assert json.loads(seen[2].body)["data"] == {
        "tenant": "acme",
        "subject": server["id"],
        "principal": "tok_admin",
    }
    assert not any(CREDENTIAL.encode() in each.body for each in seen)
    assert await told(house, lab) == seen


async def test_only_what_was_asked_for_is_told(house: Deployment, lab: Lab) -> None:
    """The rest is passed over; another tenant's events are never looked at."""
    await house.push()
    await hook(house, lab, events=["server.create"])
    await house.server(await house.account())
    await house.server(await house.account("globex"))
    assert actions(await told(house, lab)) == ["server.create"]


async def test_what_is_not_taken_comes_again_later_and_nothing_overtakes_it(
    house: Deployment, lab: Lab
) -> None:
    """The same event under the same id; what is behind it waits."""
    await house.push()
    made = await hook(house, lab, events=["account.create", "account.delete"])
    account = await house.account()
    lab.answers(rule("*", "no", status=500))
    first = await told(house, lab)
    assert actions(first) == ["account.create"]
    await house.send("DELETE", f"/integrated-account/{account}")
    assert await told(house, lab) == first, "not before its time"
    shown = await house.read(f"/webhook/{made['id']}", tenant="acme")
    assert (shown["failures"], shown["last_status"]) == (1, 500)
    lab.answers(rule("*", "taken"))
    house.clock.step(6)
    seen = await told(house, lab)
    assert actions(seen) == ["account.create", "account.create", "account.delete"]
    ids = [each.header("webhook-id") for each in seen]
    assert ids[0] == ids[1] != ids[2]
    shown = await house.read(f"/webhook/{made['id']}", tenant="acme")
    assert (shown["failures"], shown["retry_at"]) == (0, None)


async def test_one_that_fails_for_a_day_is_turned_off_and_resumed(
    house: Deployment, lab: Lab
) -> None:
    """That is an event itself; resumed, it goes on with the event that was next."""
    await house.push()
    made = await hook(house, lab, events=["account.create"])
    await house.account()
    lab.answers(rule("*", "no", status=302, headers=[["Location", f"{lab.origin}/other"]]))
    assert actions(await told(house, lab)) == ["account.create"]
    house.clock.step(DAY_S)
    await told(house, lab)
    path = f"/webhook/{made['id']}"
    assert (await house.read(path, tenant="acme"))["status"] == "off"
    await house.services.audit.move_outbox()
    assert (await house.rows("acme"))[-1].action == "webhook.off"
    lab.answers(rule("*", "taken"))
    lab.forget()
    house.clock.step(DAY_S)
    assert await told(house, lab) == []
    resumed = await house.send("POST", f"{path}/resume", query={"tenant": "acme"})
    assert resumed.json()["status"] == "active"
    assert actions(await told(house, lab)) == ["account.create"]


async def test_the_key_is_shown_once_and_a_test_event_is_signed(
    house: Deployment, lab: Lab
) -> None:
    """No read shows it; the test says what the place answered."""
    made = await hook(house, lab)
    path = f"/webhook/{made['id']}"
    shown = await house.read(path, tenant="acme")
    assert (made["secret"], shown["secret_key"]) == ("shown_once", None)
    lab.forget()
    tried = await house.send("POST", f"{path}/test", query={"tenant": "acme"})
    assert tried.json() == {"taken": True, "status": 200}
    (seen,) = lab.requests()
    assert (actions([seen]), signed(made, seen)) == (["webhook.test"], True)


async def test_the_deployments_own_events_have_webhooks_too(house: Deployment, lab: Lab) -> None:
    """An admin makes one without a tenant; a tenant's webhook never hears them."""
    await house.made("/webhook", {"url": f"{lab.origin}/ours", "events": ["integration.push"]})
    await hook(house, lab, events=["integration.push"])
    await house.push()
    (seen,) = await told(house, lab)
    assert (seen.target, actions([seen])) == ("/ours", ["integration.push"])


@pytest.mark.parametrize(
    "url",
    [
        "http://hook.example/x",
        "ftp://hook.example/",
        "https://user@hook.example/",
        "https://hook.example/#x",
        "https://[::1",
        "hook",
    ],
)
async def test_an_address_that_is_none_is_refused(house: Deployment, url: str) -> None:
    """Before anything is kept."""
    answer = await house.send("POST", "/webhook", body={"tenant": "acme", "url": url})
    assert (answer.status, answer.json()["type"]) == (400, "invalid_input")
    assert (await house.read("/webhook", tenant="acme"))["result"] == []


async def test_a_private_address_is_not_told(tmp_path: Path, lab: Lab) -> None:
    """Where no setting opens it, nothing is sent; it counts as a failure."""
    lab.forget()
    async with deployment(tmp_path) as house:
        made = await hook(house, lab)
        assert await told(house, lab) == []
        shown = await house.read(f"/webhook/{made['id']}", tenant="acme")
        assert (shown["failures"], shown["last_status"]) == (1, None)


async def test_webhooks_end_with_their_tenant(house: Deployment, lab: Lab) -> None:
    """Deleted singly or with the tenant, nothing is told any more and no secret stays."""
    made, other = await hook(house, lab), await hook(house, lab)
    answer = await house.send("DELETE", f"/webhook/{made['id']}", query={"tenant": "acme"})
    assert answer.status == 204
    report = (await house.send("POST", "/tenant/acme/offboard")).json()
    assert report["records_deleted"]["webhook"] == 1
    assert report["records_deleted"]["credential"] == 1
    lab.forget()
    assert await told(house, lab) == []
    assert (
        await house.send("GET", f"/webhook/{other['id']}", query={"tenant": "acme"})
    ).status == 404


async def test_a_slow_place_keeps_no_other_waiting(house: Deployment, lab: Lab) -> None:
    """Both have their turn at the same time."""
    await house.push()
    await house.made("/webhook", {"tenant": "acme", "url": f"{lab.origin}/slow"})
    await house.made("/webhook", {"tenant": "acme", "url": f"{lab.origin}/quick"})
    slow = rule("/slow", "taken", fault={"kind": "delay", "seconds": 2})
    lab.answers(slow, rule("*", "taken"))
    await house.services.audit.move_outbox()
    turn = asyncio.create_task(house.services.delivery.deliver())
    seen = await asyncio.to_thread(lab.wait_for, 2)
    assert {each.target for each in seen} == {"/slow", "/quick"}
    assert not turn.done()
    await turn
