"""API tokens: who may make which, and that they end."""

from datetime import timedelta
from typing import Any, get_args

import pytest
from tests.support.gates import ADMIN, World
from tests.support.stores import START

from mcpassport.errors import Conflict, Forbidden, InvalidInput, NoSuchObject
from mcpassport.gate.api_tokens import MAY_GRANT, TokenDraft
from mcpassport.gate.tokens import well_formed
from mcpassport.limits import API_TOKEN_PREFIX
from mcpassport.records.grants import Principal, Role
from mcpassport.store.protocol import Append
from mcpassport.store.repositories import API_TOKENS

ROLES: tuple[Role, ...] = get_args(Role)
EVENT = Append("evt_1", "acme", b"{}")


def draft(role: Any, tenant: str = "", **changes: Any) -> TokenDraft:
    return TokenDraft(id="tok_a", tenant=tenant, role=role, name="ours", **changes)


async def test_the_token_is_returned_once_and_stored_as_a_hash(world: World) -> None:
    """The record is found by id and holds nothing of the token itself."""
    record, token = await world.api_tokens.create(draft("tenant", "acme"), ADMIN, [EVENT])
    assert well_formed(token, API_TOKEN_PREFIX)
    assert await world.api_tokens.get("acme", "tok_a") == record
    (entry,) = await world.store.get_many([API_TOKENS.key("acme", "tok_a")])
    assert token.encode() not in entry.value
    assert [event.event_id for event in await world.store.outbox()] == ["evt_1"]


def test_the_table_covers_every_role() -> None:
    """No role is forgotten, and only admins make admins."""
    assert set(MAY_GRANT) == set(ROLES)
    assert [role for role in ROLES if "admin" in MAY_GRANT[role]] == ["admin"]


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("wanted", ROLES)
async def test_a_principal_grants_only_what_the_table_says(
    world: World, role: Role, wanted: Role
) -> None:
    """Every pair of roles, within one tenant."""
    principal = Principal("tok_p", role, "" if role == "admin" else "acme")
    home = "" if wanted == "admin" else "acme"
    if wanted in MAY_GRANT[role]:
        record, _ = await world.api_tokens.create(draft(wanted, home), principal)
        assert record.role == wanted
    else:
        with pytest.raises(Forbidden):
            await world.api_tokens.create(draft(wanted, home), principal)


@pytest.mark.parametrize(("role", "tenant"), [("factor", "globex"), ("auditor", "")])
async def test_a_tenant_grants_only_to_itself(world: World, role: str, tenant: str) -> None:
    """Neither another tenant nor the whole deployment is a tenant's to give away."""
    with pytest.raises(Forbidden, match="itself"):
        await world.api_tokens.create(draft(role, tenant), Principal("tok_p", "tenant", "acme"))


@pytest.mark.parametrize(("role", "tenant"), [("admin", "acme"), ("tenant", ""), ("factor", "")])
async def test_role_and_tenant_must_fit(world: World, role: str, tenant: str) -> None:
    """An admin belongs to no tenant; tenant and factor tokens to one."""
    with pytest.raises(InvalidInput):
        await world.api_tokens.create(draft(role, tenant), ADMIN)


async def test_the_tenant_must_exist(world: World) -> None:
    """No token waits for a tenant that somebody may create later."""
    with pytest.raises(NoSuchObject):
        await world.api_tokens.create(draft("factor", "initech"), ADMIN)


async def test_the_expiry_is_checked(world: World) -> None:
    """An expiry is optional; one that is given lies at least a minute ahead."""
    with pytest.raises(InvalidInput):
        await world.token("admin", expires_at=START + timedelta(seconds=59))
    record, _ = await world.token("admin", expires_at=START + timedelta(seconds=60))
    assert record.expires_at == START + timedelta(seconds=60)


async def test_an_id_is_taken_once(world: World) -> None:
    """The second token of that id is refused, with its event."""
    await world.api_tokens.create(draft("admin"), ADMIN)
    with pytest.raises(Conflict):
        await world.api_tokens.create(draft("admin"), ADMIN, [EVENT])
    assert await world.store.outbox() == []


async def test_revoking_is_repeatable_and_stays_within_the_tenant(world: World) -> None:
    """Another tenant cannot; the second time changes nothing."""
    record, _ = await world.token("factor", "acme")
    with pytest.raises(NoSuchObject):
        await world.api_tokens.revoke("globex", record.id)
    revoked = await world.api_tokens.revoke("acme", record.id, [EVENT])
    assert revoked.status == "revoked"
    again = await world.api_tokens.revoke("acme", record.id, [Append("evt_2", "acme", b"{}")])
    assert again == revoked
    assert [event.event_id for event in await world.store.outbox()] == ["evt_1"]


async def test_pages_hold_the_tokens_of_one_home(world: World) -> None:
    """A tenant's list has the tenant's tokens, the deployment's own list only its own."""
    ours = {(await world.token(role, "acme"))[0].id for role in ("tenant", "factor")}
    platform = (await world.token("admin"))[0].id
    await world.token("tenant", "globex")
    tokens, cursor = await world.api_tokens.page("acme")
    assert ({token.id for token in tokens}, cursor) == (ours, None)
    tokens, _ = await world.api_tokens.page("")
    assert [token.id for token in tokens] == [platform]
