"""Admission: who becomes a caller, and that every other answer is the same."""

import os
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from tests.support.gates import World
from tests.support.stores import START

from mcpassport.errors import (
    NotFound,
    SecondFactorInvalid,
    SecondFactorRequired,
    StoreUnavailable,
)
from mcpassport.gate.admit import Refusal
from mcpassport.gate.presented import Presented
from mcpassport.gate.tokens import issue, token_hash
from mcpassport.limits import API_TOKEN_PREFIX, SERVER_TOKEN_PREFIX
from mcpassport.records.grants import Caller, Factor, IndexEntry, Server, Tenant
from mcpassport.store.protocol import PLATFORM, Delete
from mcpassport.store.repositories import ACCOUNTS, HEADS, INDEX, SERVERS, TENANTS, credential_key

FACTOR = (Factor("api_token"),)


def refused(found: Caller | Refusal, reason: str, error: type[Exception] = NotFound) -> Refusal:
    assert isinstance(found, Refusal)
    assert (found.reason, type(found.error)) == (reason, error)
    return found


async def test_a_live_token_is_admitted_with_everything_read_once(world: World) -> None:
    """The caller carries tenant, server, account, integration and the sealed credential."""
    server, token = await world.server()
    caller = await world.admit(token)
    assert isinstance(caller, Caller)
    assert (caller.tenant.id, caller.server, caller.account) == ("acme", server, world.account())
    assert (caller.integration.name, caller.sealed_credential) == ("crm", b"sealed acme")
    assert (caller.api_token_id, caller.factors) == (None, ())


async def test_admission_is_two_round_trips_whoever_asks(world: World) -> None:
    """Known, unknown, malformed and dead tokens cost the same two reads of the same shape."""
    _, known = await world.server()
    _, api = await world.token("factor", "acme")
    dead, dead_token = await world.server()
    await world.servers.revoke("acme", dead.id)
    shapes = set()
    for token in (known, dead_token, issue(SERVER_TOKEN_PREFIX, os.urandom), "x", "", api):
        for extra in ({}, {"api_token": api}, {"api_token": "x"}):
            world.store.reads.clear()
            await world.admit(token, **extra)
            shapes.add(tuple(tuple(key.kind for key in read) for read in world.store.reads))
    assert shapes == {
        (
            ("token_index", "token_index"),
            (
                *("tenant", "server", "account", "integration", "credential", "api_token"),
                *("switch", "switch", "switch"),
            ),
        )
    }


async def test_an_unknown_token_reads_fixed_records_that_are_absent(world: World) -> None:
    """The second read of a stranger asks for the same keys every time, and finds nothing."""
    seen = []
    for _ in range(2):
        world.store.reads.clear()
        found = await world.admit(issue(SERVER_TOKEN_PREFIX, os.urandom))
        refused(found, "unknown_token")
        seen.append(world.store.reads[1])
    assert seen[0] == seen[1]
    assert await world.store.get_many(seen[0]) == [None] * 9


async def test_a_refusal_names_the_tenant_only_of_a_token_it_knows(world: World) -> None:
    """A stranger resolves to nobody; a dead token to its grant, so the refusal is recorded."""
    stranger = refused(await world.admit("mcpp_srv_x"), "unknown_token")
    assert (stranger.tenant, stranger.server, stranger.token_key) == ("", "", "")
    server, token = await world.server()
    await world.servers.revoke("acme", server.id)
    known = refused(await world.admit(token), "revoked")
    assert (known.tenant, known.server, known.account) == ("acme", server.id, "acme-crm")
    assert (known.integration, known.token_key) == ("crm", server.token_hash)
    assert token not in repr(known)


async def test_an_expired_server_is_gone_at_the_instant(world: World) -> None:
    """One second before it is admitted, at the time itself no longer."""
    _, token = await world.server(expires_at=START + timedelta(seconds=65))
    world.clock.step(64)
    assert isinstance(await world.admit(token), Caller)
    world.clock.step(1)
    refused(await world.admit(token), "expired")


async def test_a_suspended_tenant_is_gone_at_once(world: World) -> None:
    """Suspending holds from the next request on, resuming too."""
    _, token = await world.server()
    tenant = Tenant(id="acme", name="acme", created_at=START)
    await world.put(TENANTS.put(msgspec.structs.replace(tenant, status="suspended")))
    refused(await world.admit(token), "tenant_suspended")
    await world.put(TENANTS.put(tenant))
    assert isinstance(await world.admit(token), Caller)


@pytest.mark.parametrize("missing", ["tenant", "server", "account", "head"])
async def test_a_grant_with_a_missing_part_admits_nobody(world: World, missing: str) -> None:
    """Whatever is gone, the token stops working rather than working with less."""
    server, token = await world.server()
    keys = {
        "tenant": TENANTS.key("acme", "acme"),
        "server": SERVERS.key("acme", server.id),
        "account": ACCOUNTS.key("acme", "acme-crm"),
        "head": HEADS.key(PLATFORM, "crm"),
    }
    await world.store.write([Delete(keys[missing])])
    refused(await world.admit(token), "grant_broken")


async def test_a_missing_credential_is_the_calls_problem(world: World) -> None:
    """Tools can still be listed; there is just nothing to call with."""
    _, token = await world.server()
    await world.store.write([Delete(credential_key("acme", "acme-crm"))])
    caller = await world.admit(token)
    assert isinstance(caller, Caller)
    assert caller.sealed_credential == b""


async def test_a_token_that_was_replaced_no_longer_works(world: World) -> None:
    """An index entry alone admits nobody: the server must still have that token."""
    server, token = await world.server()
    await world.put(SERVERS.put(msgspec.structs.replace(server, token_hash="0" * 64)))
    refused(await world.admit(token), "rotated")


async def test_an_api_token_reaches_no_server(world: World) -> None:
    """Kinds are told by prefix, and again by the index, so no token passes as another kind."""
    _, api = await world.token("admin")
    refused(await world.admit(api), "unknown_token")
    key = (await world.keys.token_keys()).current.key
    token = issue(SERVER_TOKEN_PREFIX, os.urandom)
    at = IndexEntry("api_token", "acme", "tok_x", "acme-crm", "crm")
    await world.put(INDEX.put(token_hash(key, token), at))
    refused(await world.admit(token), "unknown_token")


async def test_the_id_in_the_address_is_that_of_the_tokens_server(world: World) -> None:
    """A live token opens its own address and no other, not even of the same tenant."""
    server, token = await world.server()
    other, _ = await world.server()
    bearer = f"Bearer {token}"
    caller = await world.gate.admit(Presented(server_id=server.id, authorization=bearer))
    assert isinstance(caller, Caller)
    found = await world.gate.admit(Presented(server_id=other.id, authorization=bearer))
    assert refused(found, "other_address").server == server.id
    found = await world.gate.admit(Presented(server_id="", authorization=bearer))
    refused(found, "other_address")


@pytest.mark.parametrize("place", ["authorization", "api_token"])
async def test_a_demanded_factor_is_checked_and_recorded(world: World, place: str) -> None:
    """With a factor token of the tenant the caller is admitted, and it is known which one."""
    _, token = await world.server(factors=FACTOR)
    record, api = await world.token("factor", "acme")
    value = f"Bearer {api}" if place == "authorization" else api
    caller = await world.admit(token, **{place: value})
    assert isinstance(caller, Caller)
    assert (caller.api_token_id, caller.factors) == (record.id, ("api_token",))


async def test_a_missing_factor_is_told_from_a_wrong_one(world: World) -> None:
    """The holder of a live token learns which of the two it is; the audit learns the grant."""
    server, token = await world.server(factors=FACTOR)
    found = refused(await world.admit(token), "factor_missing", SecondFactorRequired)
    assert (found.tenant, found.server) == ("acme", server.id)
    jwt = await world.admit(token, authorization="Bearer a.b.c")
    refused(jwt, "factor_missing", SecondFactorRequired)
    for shown in ("x", issue(API_TOKEN_PREFIX, os.urandom), token):
        found = refused(
            await world.admit(token, api_token=shown), "factor_invalid", SecondFactorInvalid
        )
        assert (found.tenant, found.server) == ("acme", server.id)


async def test_two_different_factor_tokens_are_no_factor(world: World) -> None:
    """Which one is meant stays open, so neither counts, though both are valid."""
    _, token = await world.server(factors=FACTOR)
    (_, one), (_, two) = await world.token("factor", "acme"), await world.token("factor", "acme")
    found = await world.admit(token, authorization=f"Bearer {one}", api_token=two)
    refused(found, "factor_invalid", SecondFactorInvalid)


@pytest.mark.parametrize(
    ("role", "tenant"),
    [("admin", ""), ("tenant", "acme"), ("auditor", "acme"), ("auditor", ""), ("factor", "globex")],
)
async def test_only_factor_tokens_of_the_same_tenant_pass(
    world: World, role: str, tenant: str
) -> None:
    """A stronger role is no factor, and another tenant's factor is none here."""
    _, token = await world.server(factors=FACTOR)
    _, api = await world.token(role, tenant)
    found = await world.admit(token, api_token=api)
    refused(found, "factor_invalid", SecondFactorInvalid)


async def test_a_dead_factor_token_does_not_hold(world: World) -> None:
    """Revoked or expired, it stops counting with the next request."""
    _, token = await world.server(factors=FACTOR)
    record, revoked = await world.token("factor", "acme")
    _, expiring = await world.token("factor", "acme", expires_at=START + timedelta(seconds=60))
    assert isinstance(await world.admit(token, api_token=revoked), Caller)
    assert isinstance(await world.admit(token, api_token=expiring), Caller)
    await world.api_tokens.revoke("acme", record.id)
    world.clock.step(60)
    for api in (revoked, expiring):
        found = await world.admit(token, api_token=api)
        refused(found, "factor_invalid", SecondFactorInvalid)


async def test_a_factor_that_nobody_demands_is_ignored(world: World) -> None:
    """It neither hinders nor counts, valid or not."""
    _, token = await world.server()
    _, api = await world.token("factor", "acme")
    for shown in (api, "x"):
        caller = await world.admit(token, api_token=shown)
        assert isinstance(caller, Caller)
        assert (caller.api_token_id, caller.factors) == (None, ())


async def test_a_kind_of_factor_that_is_unknown_here_never_holds(world: World) -> None:
    """A record written by a newer version fails closed."""
    server, token = await world.server()
    newer: Server = msgspec.structs.replace(server, factors=(Factor("smoke"),))
    await world.put(SERVERS.put(newer))
    refused(await world.admit(token), "factor_invalid", SecondFactorInvalid)


async def test_a_dead_server_never_says_anything_about_factors(world: World) -> None:
    """Whoever holds a dead token sees the same 404, with or without a factor."""
    server, token = await world.server(factors=FACTOR)
    await world.servers.revoke("acme", server.id)
    extras: list[dict[str, Any]] = [{}, {"api_token": "x"}]
    for extra in extras:
        refused(await world.admit(token, **extra), "revoked")


async def test_without_store_or_key_nobody_is_admitted(world: World) -> None:
    """Who cannot be looked up is refused with 503, not let through and not called unknown."""
    _, token = await world.server()
    world.keys.lost = True
    with pytest.raises(StoreUnavailable):
        await world.admit(token)
    world.keys.lost, world.store.down = False, True
    with pytest.raises(StoreUnavailable):
        await world.admit(token)
