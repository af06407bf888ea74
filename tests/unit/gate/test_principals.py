"""Who uses the management API."""

import os
from datetime import timedelta

import msgspec
import pytest
from tests.support.gates import World
from tests.support.stores import START

from mcpassport.errors import StoreUnavailable, Unauthorized
from mcpassport.gate.tokens import issue
from mcpassport.limits import API_TOKEN_PREFIX
from mcpassport.records.grants import Principal, Tenant
from mcpassport.store.repositories import API_TOKENS, TENANTS


@pytest.mark.parametrize(
    ("role", "tenant"), [("admin", ""), ("tenant", "acme"), ("auditor", "acme"), ("auditor", "")]
)
async def test_a_live_api_token_is_a_principal(world: World, role: str, tenant: str) -> None:
    """Id, role and tenant are those of the token's record."""
    record, token = await world.token(role, tenant)
    principal = await world.principals.authenticate(f"Bearer {token}")
    assert principal == Principal(record.id, record.role, tenant)


async def test_a_factor_token_opens_nothing_and_is_told_so(world: World) -> None:
    """Its holder learns why, so that nobody hunts for a wrong password."""
    _, token = await world.token("factor", "acme")
    with pytest.raises(Unauthorized, match="second factor"):
        await world.principals.authenticate(f"Bearer {token}")


async def test_what_is_no_api_token_is_refused(world: World) -> None:
    """Nothing, other schemes, server tokens, unknown and malformed tokens: one answer."""
    _, server_token = await world.server()
    _, token = await world.token("admin")
    unknown = issue(API_TOKEN_PREFIX, os.urandom)
    headers = ("", "Bearer ", f"Basic {token}", token, f"Bearer {server_token}")
    for header in (None, *headers, f"Bearer {unknown}", f"Bearer {token}x"):
        with pytest.raises(Unauthorized) as caught:
            await world.principals.authenticate(header)
        assert caught.value.detail is None


async def test_a_dead_token_is_refused(world: World) -> None:
    """Revoked, expired and replaced tokens stop with the next request."""
    revoked, first = await world.token("admin")
    _, second = await world.token("admin", expires_at=START + timedelta(seconds=60))
    replaced, third = await world.token("tenant", "acme")
    await world.api_tokens.revoke("", revoked.id)
    await world.put(API_TOKENS.put(msgspec.structs.replace(replaced, token_hash="0" * 64)))
    world.clock.step(60)
    for token in (first, second, third):
        with pytest.raises(Unauthorized):
            await world.principals.authenticate(f"Bearer {token}")


async def test_a_suspended_tenant_manages_nothing(world: World) -> None:
    """Its tokens stop at once, those of others and of the deployment go on."""
    _, token = await world.token("tenant", "acme")
    _, other = await world.token("tenant", "globex")
    tenant = Tenant(id="acme", name="acme", created_at=START, status="suspended")
    await world.put(TENANTS.put(tenant))
    with pytest.raises(Unauthorized):
        await world.principals.authenticate(f"Bearer {token}")
    await world.principals.authenticate(f"Bearer {other}")


async def test_unknown_and_known_tokens_cost_the_same_reads(world: World) -> None:
    """Two round trips either way."""
    _, token = await world.token("admin")
    shapes = set()
    for shown in (token, issue(API_TOKEN_PREFIX, os.urandom)):
        world.store.reads.clear()
        try:
            await world.principals.authenticate(f"Bearer {shown}")
        except Unauthorized:
            assert shown != token
        shapes.add(tuple(tuple(key.kind for key in read) for read in world.store.reads))
    assert shapes == {(("token_index",), ("api_token", "tenant"))}


async def test_without_a_store_nobody_is_a_principal(world: World) -> None:
    """A store that is gone is said, not taken for a wrong token."""
    _, token = await world.token("admin")
    world.store.down = True
    with pytest.raises(StoreUnavailable):
        await world.principals.authenticate(f"Bearer {token}")
