"""Tokens renewed at a real provider, which revokes a family when a refresh token comes twice."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.peers.leftovers import nothing_is_left
from tests.support.calling import legacy
from tests.support.connecting import VENDOR, Browser, link, ready
from tests.support.deployment import Deployment, deployment
from tests.support.lab import Lab, rule, running_lab
from tests.support.oidc import MACHINE, Provider, running_provider

from mcpassport.accounts.refresh import LEASE_S
from mcpassport.records.grants import Account
from mcpassport.store.repositories import ACCOUNTS
from mcpassport.upstream.auth.token_endpoint import TOKEN_TIMEOUT_S

GET = legacy("tools/call", {"name": "get_single_notes_note_by_id", "arguments": {"id": "n1"}})
TTL_S = 3600


@pytest.fixture
def provider() -> Iterator[Provider]:
    with running_provider(VENDOR) as running:
        running.set(scopes="read write notes.read notes.write", ttl=TTL_S)
        yield running


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with running_lab() as running:
        running.answers(rule("*", json={"id": "n1", "title": "t"}))
        yield running


@pytest.fixture
async def house(provider: Provider, lab: Lab, tmp_path: Path) -> AsyncIterator[Deployment]:
    async with deployment(tmp_path, private_hosts=(provider.listing, lab.listing)) as running:
        running.clock.now = datetime.now(UTC)  # the provider has no other
        await ready(running, provider, lab.origin)
        yield running
        await nothing_is_left(running, VENDOR.secret)


@pytest.fixture
async def server(house: Deployment, provider: Provider) -> Any:
    """A server of an account that was connected at the provider."""
    made = await link(house)
    assert (await Browser(house).follow(provider, made)).status == 200
    return await house.server(made["account"])


async def call(house: Deployment, server: Any) -> str:
    """`ok`, or the type of the call's error."""
    answer = (await house.mcp(f"/mcp/{server['token']}", GET)).json()["result"]
    if not answer.get("isError"):
        return "ok"
    return str(answer["_meta"]["mcpassport/error"]["type"])


async def record(house: Deployment, server: Any) -> Account:
    found = await ACCOUNTS.get(house.services.store, server["tenant"], server["account"])
    assert found is not None
    return found[0]


async def told(house: Deployment) -> list[str]:
    """What the tenant's events say, once a job has moved them into its chain."""
    await house.services.audit.move_outbox()
    return [row.action for row in await house.rows("acme") if row.phase == "event"]


def bearers(lab: Lab) -> list[str]:
    return [seen.header("Authorization") or "" for seen in lab.requests()]


def refreshes(provider: Provider) -> int:
    return provider.seen().grants["refresh_token"]


async def test_a_token_that_runs_out_is_renewed_before_the_call(
    house: Deployment, server: Any, provider: Provider, lab: Lab
) -> None:
    """One token request, then the call with the new token; the trail tells of both apart."""
    lab.forget()
    assert await call(house, server) == "ok"
    house.clock.step(TTL_S - 59)
    assert [await call(house, server) for _ in range(3)] == ["ok"] * 3
    first, second, *rest = bearers(lab)
    assert first != second
    assert set(rest) == {second}
    assert refreshes(provider) == 1
    events = await told(house)
    assert events.count("account.refreshed") == 1


async def test_many_calls_at_once_make_one_refresh(
    house: Deployment, server: Any, provider: Provider
) -> None:
    """The others wait for it, and every one is answered."""
    house.clock.step(TTL_S + 1)
    limits = {"limits": {"calls_per_10s": 500}}
    path = f"/integrated-account/{server['account']}/mcp/{server['id']}"
    await house.send("PATCH", path, body={"config": limits})
    came = await asyncio.gather(*(call(house, server) for _ in range(100)))
    assert set(came) <= {"ok", "gateway_rate_limited"}
    assert came.count("ok") > 10
    assert refreshes(provider) == 1


async def test_a_job_renews_before_any_call_has_to(
    house: Deployment, server: Any, provider: Provider
) -> None:
    """Within five minutes of the expiry; not earlier, and not again."""
    assert await house.services.refresher.sweep() == 0
    house.clock.step(TTL_S - 299)
    assert await house.services.refresher.sweep() == 1
    assert await house.services.refresher.sweep() == 0
    assert (refreshes(provider), await call(house, server)) == (1, "ok")


async def test_a_grant_that_ended_says_so_until_it_is_connected_again(
    house: Deployment, server: Any, provider: Provider, lab: Lab
) -> None:
    """In the tool's error, the account, the events; nothing is sent, and nothing is tried again."""
    provider.revoke_grants()
    house.clock.step(TTL_S + 1)
    lab.forget()
    assert [await call(house, server) for _ in range(3)] == ["reauthorization_required"] * 3
    assert (refreshes(provider), bearers(lab)) == (1, [])
    shown = await house.read(f"/integrated-account/{server['account']}")
    assert (shown["status"], shown["reason"]) == ("needs_reauth", "invalid_grant")
    events = await told(house)
    assert events.count("account.needs_reauth") == 1
    again = await house.made(f"/integrated-account/{server['account']}/reconnect", {})
    assert (await Browser(house).follow(provider, again)).status == 200
    assert await call(house, server) == "ok"
    shown = await house.read(f"/integrated-account/{server['account']}")
    assert (shown["status"], shown["reason"]) == ("active", None)


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 503, "body": {"error": "temporarily_unavailable"}},
        {"status": 500, "body": {}},
        {"status": 429, "body": {"error": "slow_down"}},
        {"status": 401, "body": {"error": "invalid_client"}},
    ],
    ids=["unavailable", "fault", "limited", "app refused"],
)
async def test_a_refusal_of_the_moment_ends_nothing(
    house: Deployment, server: Any, provider: Provider, answer: Any
) -> None:
    """A token that still holds is used; one that does not is a clear error, safe to try again."""
    provider.fail_tokens(answer, answer)
    house.clock.step(TTL_S - 30)
    assert await call(house, server) == "ok"
    house.clock.step(60)
    assert await call(house, server) == "credential_refresh_failed"
    assert await call(house, server) == "ok"
    assert (await record(house, server)).status == "active"


async def test_a_provider_that_is_away_ends_nothing(
    house: Deployment, server: Any, provider: Provider
) -> None:
    """Nothing was sent, so nothing is uncertain: no mark is left."""
    house.clock.step(TTL_S + 1)
    with provider.down():
        assert await call(house, server) == "credential_refresh_failed"
        grant = (await record(house, server)).oauth
        assert grant is not None
        assert (grant.marked_at, grant.retried) == (None, False)
    assert await call(house, server) == "ok"


async def test_a_process_that_died_after_the_token_answer_ends_in_one_of_two_states(
    house: Deployment, server: Any, provider: Provider
) -> None:
    """Its mark is found by the next call: the refresh token is spent, so it must be connected."""
    house.clock.step(TTL_S + 1)
    before = await record(house, server)
    assert before.oauth is not None
    # What a killed process leaves: the mark, and a refresh token that the provider has taken.
    sealed = await house.services.accounts.credential_of(
        msgspec.structs.replace(before, oauth=None)
    )
    token = msgspec.json.decode(sealed.reveal())["refresh_token"]
    provider.refresh(token, VENDOR)
    marked = msgspec.structs.replace(before.oauth, marked_at=house.clock.now)
    left = msgspec.structs.replace(before, oauth=marked)
    await house.services.store.write([ACCOUNTS.put(left)])
    assert await call(house, server) == "reauthorization_required"
    found = await record(house, server)
    assert (found.status, found.reason) == ("needs_reauth", "lost_rotation")
    assert await call(house, server) == "reauthorization_required"
    assert refreshes(provider) == 2, "tried once, never again"


async def test_a_process_that_died_before_its_request_arrived_loses_nothing(
    house: Deployment, server: Any
) -> None:
    """The one more try succeeds, and the account is active without a mark."""
    house.clock.step(TTL_S + 1)
    before = await record(house, server)
    assert before.oauth is not None
    marked = msgspec.structs.replace(before.oauth, marked_at=house.clock.now)
    left = msgspec.structs.replace(before, oauth=marked)
    await house.services.store.write([ACCOUNTS.put(left)])
    assert await call(house, server) == "ok"
    found = await record(house, server)
    assert found.oauth is not None
    assert (found.status, found.oauth.marked_at) == ("active", None)


async def test_a_change_of_the_account_meanwhile_loses_no_token(
    house: Deployment, server: Any, provider: Provider
) -> None:
    """Renamed while the provider answers: both the name and the new token stand."""
    house.clock.step(TTL_S + 1)
    with provider.held("after"):
        calling = asyncio.create_task(call(house, server))
        await asyncio.to_thread(provider.wait_until_held)
        path = f"/integrated-account/{server['account']}"
        assert (await house.send("PATCH", path, body={"name": "Renamed"})).status == 200
    assert await calling == "ok"
    found = await record(house, server)
    assert (found.name, found.status) == ("Renamed", "active")
    assert await call(house, server) == "ok"
    assert refreshes(provider) == 1


async def test_a_caller_that_goes_away_stops_no_renewal(
    house: Deployment, server: Any, provider: Provider
) -> None:
    """What the provider granted is kept, whoever still waits for it."""
    house.clock.step(TTL_S + 1)
    with provider.held("after"):
        calling = asyncio.create_task(call(house, server))
        await asyncio.to_thread(provider.wait_until_held)
        calling.cancel()
    await house.services.refresher.close()
    assert await call(house, server) == "ok"
    assert refreshes(provider) == 1


async def test_a_provider_that_hangs_is_given_up_within_the_lease(
    house: Deployment, server: Any, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody knows what became of it; the next call tries once more and settles it."""
    monkeypatch.setattr("mcpassport.upstream.auth.token_endpoint.TOKEN_TIMEOUT_S", 0.5)
    house.clock.step(TTL_S + 1)
    with provider.held("after"):
        began = time.monotonic()
        assert await call(house, server) == "credential_refresh_failed"
        assert time.monotonic() - began < 5
    grant = (await record(house, server)).oauth
    assert grant is not None
    assert grant.marked_at is not None
    assert await call(house, server) == "reauthorization_required"
    assert (await record(house, server)).reason == "lost_rotation"


async def test_an_account_with_a_client_of_its_own_needs_nobody(
    house: Deployment, provider: Provider, lab: Lab
) -> None:
    """Its first token is had with its first call, and the next one when that runs out."""
    account = await house.account(
        credential_kind="oauth2_client_credentials",
        credential={"client_id": MACHINE.id, "client_secret": MACHINE.secret},
    )
    server = await house.server(account)
    lab.forget()
    assert [await call(house, server) for _ in range(2)] == ["ok", "ok"]
    house.clock.step(TTL_S)
    assert await call(house, server) == "ok"
    first, second, third = bearers(lab)
    assert first == second != third
    assert provider.seen().grants["client_credentials"] == 2


async def test_a_client_that_the_provider_does_not_know_has_to_be_mended(
    house: Deployment,
) -> None:
    """There the credential is the account's own, so its refusal is final."""
    account = await house.account(
        credential_kind="oauth2_client_credentials",
        credential={"client_id": MACHINE.id, "client_secret": "wrong"},
    )
    server = await house.server(account)
    assert await call(house, server) == "reauthorization_required"
    shown = await house.read(f"/integrated-account/{account}")
    assert (shown["status"], shown["reason"]) == ("needs_reauth", "invalid_client")
    fixed = {"credential": {"client_id": MACHINE.id, "client_secret": MACHINE.secret}}
    assert (await house.send("PATCH", f"/integrated-account/{account}", body=fixed)).status == 200
    assert await call(house, server) == "ok"


def test_a_token_request_ends_before_its_lease() -> None:
    """So who takes a renewal over never meets the one who began it."""
    assert TOKEN_TIMEOUT_S < LEASE_S


async def test_a_token_that_holds_for_seconds_is_used_for_most_of_them(
    house: Deployment, provider: Provider
) -> None:
    """It is not renewed with every call."""
    provider.set(ttl=40)
    made = await link(house)
    await Browser(house).follow(provider, made)
    server = await house.server(made["account"])
    house.clock.step(29)
    assert [await call(house, server) for _ in range(3)] == ["ok"] * 3
    assert refreshes(provider) == 0
    house.clock.step(2)
    assert [await call(house, server) for _ in range(3)] == ["ok"] * 3
    assert refreshes(provider) == 1


async def test_without_the_vendors_app_nothing_is_renewed_and_nothing_ends(
    house: Deployment, server: Any, provider: Provider
) -> None:
    """It is the vendor's to mend: the account stays active, and the next call goes on."""
    await house.send("DELETE", "/integration/notes/oauth-app")
    house.clock.step(TTL_S + 1)
    assert await call(house, server) == "credential_refresh_failed"
    found = await record(house, server)
    assert found.oauth is not None
    assert (found.status, found.oauth.marked_at) == ("active", None)
    app = {"client_id": VENDOR.id, "client_secret": VENDOR.secret}
    await house.send("PUT", "/integration/notes/oauth-app", body=app)
    assert await call(house, server) == "ok"
    assert refreshes(provider) == 1
