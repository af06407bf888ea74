"""Accounts connected at a real provider: the whole way, and every way to abuse it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.peers.leftovers import nothing_is_left
from tests.support.calling import legacy
from tests.support.connecting import VENDOR, Browser, link, path_of, ready
from tests.support.deployment import Deployment, deployment
from tests.support.lab import Lab, rule, running_lab
from tests.support.oidc import Provider, running_provider

ALL = ["read", "write", "notes.write", "notes.read"]
"""What the integration always asks for, and what its methods need."""
GET = legacy("tools/call", {"name": "get_single_notes_note_by_id", "arguments": {"id": "n1"}})


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with running_provider(VENDOR) as running:
        running.set(scopes=" ".join(ALL))
        yield running


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with running_lab() as running:
        yield running


@pytest.fixture
async def house(provider: Provider, lab: Lab, tmp_path: Path) -> AsyncIterator[Deployment]:
    hosts = (provider.listing, lab.listing)
    async with deployment(tmp_path, private_hosts=hosts) as running:
        running.clock.now = datetime.now(UTC)  # the provider has no other
        await ready(running, provider, lab.origin)
        yield running
        await nothing_is_left(running, VENDOR.secret)


async def account(house: Deployment, made: Any) -> Any:
    """The account of a link."""
    return await house.read(f"/integrated-account/{made['account']}")


async def test_a_customer_connects_an_account_at_the_provider(
    house: Deployment, provider: Provider
) -> None:
    """The page says who asks for what; then the account is active, and its tokens are nowhere."""
    made = await link(house)
    browser = Browser(house)
    page = await browser.get(path_of(made["url"]))
    for text in (b"Notes", b"read", b"write", b"127.0.0.1"):
        assert text in page.body
    done = await browser.follow(provider, made)
    assert (done.status, b"Connected" in done.body) == (200, True)
    found = await account(house, made)
    assert (found["status"], found["credential_kind"]) == ("active", "oauth2_authorization_code")
    assert found["oauth"]["granted_scopes"] == ALL
    assert found["oauth"]["renewable"] is True
    assert (await house.rows("acme"))[-1].action == "account.create"


async def test_what_the_provider_is_asked(house: Deployment) -> None:
    """A code, with state and an S256 challenge, for the registered address, and the scopes."""
    made = await link(house)
    answer = await Browser(house).post(path_of(made["url"]))
    asked = parse_qs(urlsplit(answer.header("location") or "").query)
    assert asked["response_type"] == ["code"]
    assert asked["client_id"] == [VENDOR.id]
    assert asked["redirect_uri"] == [VENDOR.redirects[0]]
    assert asked["scope"] == [" ".join(ALL)]
    assert asked["code_challenge_method"] == ["S256"]
    assert len(asked["code_challenge"][0]) == 43
    cookie = answer.header("set-cookie") or ""
    for word in ("HttpOnly", "SameSite=Lax", "Path=/connect/"):
        assert word in cookie


async def test_only_scopes_of_enabled_methods_are_asked_for(house: Deployment) -> None:
    """A link for reading asks for what reading needs; a link for nothing is refused."""
    made = await link(house, methods=["read"])
    assert made["scopes"] == ["read", "write", "notes.read"]
    body = {"tenant": "acme", "integration": "notes", "name": "N", "methods": ["fly"]}
    answer = await house.send("POST", "/link-token", body=body)
    assert (answer.status, answer.json()["type"]) == (400, "unknown_filter")


async def test_a_link_is_used_once(house: Deployment, provider: Provider) -> None:
    """Afterwards it is the page of a link that does not hold, as any other."""
    made = await link(house)
    assert (await Browser(house).follow(provider, made)).status == 200
    strange = await Browser(house).get("/connect/nothing")
    for method in ("get", "post"):
        again = await getattr(Browser(house), method)(path_of(made["url"]))
        assert (again.status, again.body) == (404, strange.body)


async def test_of_two_that_come_back_one_connects(house: Deployment, provider: Provider) -> None:
    """Both were asked by the provider; the link ends with the first."""
    made = await link(house)
    one, other = Browser(house), Browser(house)
    arrived = [await each.leave(provider, made) for each in (one, other)]
    pages = await asyncio.gather(one.come_back(arrived[0]), other.come_back(arrived[1]))
    assert sorted(page.status for page in pages) == [200, 404]


async def test_a_link_ends_after_its_time(house: Deployment, provider: Provider) -> None:
    """Also for a browser that is on its way back."""
    made = await link(house)
    browser = Browser(house)
    url = await browser.leave(provider, made)
    house.clock.step(901)
    assert (await browser.come_back(url)).status == 404
    assert (await browser.get(path_of(made["url"]))).status == 404


async def test_a_state_counts_once_and_only_in_the_browser_that_began(
    house: Deployment, provider: Provider
) -> None:
    """Forged, replayed and swapped states connect nothing; the code is not even exchanged."""
    victims, attackers = await link(house), await link(house, "globex")
    victim, attacker = Browser(house), Browser(house)
    hers = await victim.leave(provider, victims)
    his = await attacker.leave(provider, attackers)
    before = provider.seen().arrived
    forged = his.replace("state=mcpp_lnk_", "state=mcpp_lnk_x")
    for browser, url in (
        (victim, his),
        (attacker, hers),
        (Browser(house), hers),
        (attacker, forged),
    ):
        assert (await browser.come_back(url)).status == 404
    assert provider.seen().arrived == before
    assert (await victim.come_back(hers)).status == 200
    assert (await victim.come_back(hers)).status == 404
    assert (await account(house, victims))["tenant"] == "acme"
    answer = await house.send("GET", f"/integrated-account/{attackers['account']}")
    assert answer.status == 404


async def test_a_code_of_another_flow_is_not_taken(house: Deployment, provider: Provider) -> None:
    """The verifier is of this flow; the provider refuses, and the link still holds."""
    made, other = await link(house), await link(house)
    browser = Browser(house)
    code = parse_qs(urlsplit(await Browser(house).leave(provider, other)).query)["code"][0]
    url = await browser.leave(provider, made)
    own = parse_qs(urlsplit(url).query)["code"][0]
    refused = await browser.come_back(url.replace(own, code))
    assert (refused.status, b"granted no access" in refused.body) == (502, True)
    assert (await browser.follow(provider, made)).status == 200


@pytest.mark.parametrize("decide", ["deny"])
async def test_a_user_who_says_no_can_say_yes_later(
    house: Deployment, provider: Provider, decide: str
) -> None:
    """Nothing is connected, the page says so, and the link holds."""
    made = await link(house)
    browser = Browser(house)
    provider.set(consent=decide)
    try:
        page = await browser.follow(provider, made)
    finally:
        provider.set(consent="accept")
    assert (page.status, b"Access was not granted" in page.body) == (400, True)
    assert (await house.send("GET", f"/integrated-account/{made['account']}")).status == 404
    assert (await browser.follow(provider, made)).status == 200


async def test_scopes_that_the_user_withheld_are_shown(
    house: Deployment, provider: Provider
) -> None:
    """What was asked for and what was granted stand beside each other."""
    made = await link(house)
    provider.set(withhold=["write"])
    try:
        assert (await Browser(house).follow(provider, made)).status == 200
    finally:
        provider.set(withhold=[])
    oauth = (await account(house, made))["oauth"]
    assert oauth["requested_scopes"] == ALL
    assert oauth["granted_scopes"] == [scope for scope in ALL if scope != "write"]


async def test_what_was_granted_beyond_the_need_is_shown_of_each_server(
    house: Deployment, provider: Provider
) -> None:
    """A server that only reads does not need what writing needs; a preview says the same."""
    made = await link(house)
    await Browser(house).follow(provider, made)
    path = f"/integrated-account/{made['account']}"
    server = await house.server(made["account"], config={"methods": ["read"]})
    shown = await house.read(f"{path}/mcp/{server['id']}/tools")
    assert (shown["needed_scopes"], shown["excess_scopes"]) == (
        ["read", "write", "notes.read"],
        ["notes.write"],
    )
    assert (await house.read(f"{path}/tools", methods=["read"]))["excess_scopes"] == ["notes.write"]
    assert (await house.read(f"{path}/tools"))["excess_scopes"] == []


async def test_an_account_is_connected_again_by_a_link_of_its_own(
    house: Deployment, provider: Provider
) -> None:
    """It keeps its id and its servers."""
    made = await link(house)
    await Browser(house).follow(provider, made)
    server = await house.server(made["account"])
    again = await house.made(f"/integrated-account/{made['account']}/reconnect", {})
    assert again["account"] == made["account"]
    assert (await Browser(house).follow(provider, again)).status == 200
    assert (await house.rows("acme"))[-1].action == "account.reconnect"
    assert len(await house.tools(server)) > 0


async def test_a_link_of_a_suspended_tenant_does_not_hold(
    house: Deployment, provider: Provider
) -> None:
    """Not for a browser on its way back either."""
    made = await link(house)
    browser = Browser(house)
    url = await browser.leave(provider, made)
    await house.send("POST", "/tenant/acme/suspend")
    assert (await browser.get(path_of(made["url"]))).status == 404
    assert (await browser.come_back(url)).status == 404


async def test_the_upstream_is_called_with_the_token(
    house: Deployment, provider: Provider, lab: Lab
) -> None:
    """The one that the provider gave; it is in no answer of ours."""
    made = await link(house)
    await Browser(house).follow(provider, made)
    server = await house.server(made["account"])
    lab.answers(rule("*", json={"id": "n1", "title": "t"}))
    lab.forget()
    answer = await house.mcp(f"/mcp/{server['token']}", GET)
    (sent,) = lab.requests()
    token = (sent.header("Authorization") or "").removeprefix("Bearer ")
    assert token.count(".") == 2, "a JWT of the provider"
    assert token.encode() not in answer.body


async def test_what_is_no_form_is_a_clear_page(house: Deployment) -> None:
    """Too many fields, bytes that are no text, other methods: nothing is connected."""
    made = await house.made(
        "/link-token",
        {
            "tenant": "acme",
            "integration": "notes",
            "name": "N",
            "credential_kind": "oauth2_client_credentials",
        },
    )
    path, browser = path_of(made["url"]), Browser(house)
    kind = {"content-type": "application/x-www-form-urlencoded"}
    many = "&".join(f"f{number}=1" for number in range(60)).encode()
    for body in (many, b"client_id=%ff", b"client_id=a&client_id=b", b"\xff"):
        answer = await house.visit("POST", path, "", kind, body)
        assert answer.status == 400, body
    assert (await house.visit("POST", path, "", kind, b"x" * 100_000)).status == 400
    for method, where in (("PUT", path), ("POST", "/connect/callback")):
        answer = await house.visit(method, where, "", kind, b"")
        assert (answer.status, "GET" in (answer.header("allow") or "")) == (405, True)
    assert (await browser.get("/connect/callback", "state=%ff&code=%ff")).status == 400
    form = {"client_id": "c", "client_secret": "s"}
    assert (await browser.post(path, form)).status == 200
