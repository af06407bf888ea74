"""MCP servers: create, read, change, revoke."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.support.gates import World
from tests.support.stores import START

from mcpassport.errors import Conflict, InvalidInput, NoSuchObject
from mcpassport.gate.admit import Refusal
from mcpassport.gate.servers import ServerDraft
from mcpassport.gate.tokens import token_hash, well_formed
from mcpassport.gate.validity import Lifetimes
from mcpassport.limits import SERVER_TOKEN_PREFIX
from mcpassport.records.grants import Caller, Factor, IndexEntry
from mcpassport.records.tool import Filter
from mcpassport.store.protocol import Append
from mcpassport.store.repositories import INDEX, SERVERS

EVENT = Append("evt_1", "acme", b"{}")


async def test_record_index_and_event_are_written_together(world: World) -> None:
    """One transaction holds all three; the token stands in none of them."""
    draft = ServerDraft(id="srv_a", name="agent", filter=Filter(methods=("read",)))
    server, token = await world.servers.create(world.account(), draft, [EVENT])
    hashed = token_hash((await world.keys.token_keys()).current.key, token)
    assert well_formed(token, SERVER_TOKEN_PREFIX)
    assert await world.servers.get("acme", "srv_a") == server
    assert (server.token_hash, server.filter, server.status) == (hashed, draft.filter, "active")
    record, at = await world.store.get_many([SERVERS.key("acme", "srv_a"), INDEX.key(hashed)])
    assert INDEX.decode(at) == IndexEntry("server", "acme", "srv_a", "acme-crm", "crm")
    assert [event.event_id for event in await world.store.outbox()] == ["evt_1"]
    assert token.encode() not in record.value + at.value


async def test_of_two_servers_with_one_id_the_second_is_refused_whole(world: World) -> None:
    """Nothing of the loser is left: no token, no event."""
    draft = ServerDraft(id="srv_a", name="agent")
    first, _ = await world.servers.create(world.account(), draft)
    with pytest.raises(Conflict):
        await world.servers.create(world.account(), draft, [EVENT])
    assert await world.servers.get("acme", "srv_a") == first
    assert await world.store.outbox() == []


async def test_an_absent_expiry_is_the_default_lifetime(world: World) -> None:
    """Nobody gets an endless server by leaving something out."""
    server, _ = await world.server()
    assert server.expires_at == START + timedelta(days=90)


async def test_no_expiry_only_where_the_deployment_allows_it(world: World) -> None:
    """Never to expire is a decision of the deployment, at creation and later."""
    server, _ = await world.server()
    with pytest.raises(InvalidInput, match="never expire"):
        await world.server(never_expires=True)
    with pytest.raises(InvalidInput, match="never expire"):
        await world.servers.patch("acme", server.id, {"expires_at": None})
    allowing = world.servers_with(Lifetimes(default=timedelta(days=1), allow_unexpiring=True))
    draft = ServerDraft(id="srv_x", name="agent", never_expires=True)
    endless, _ = await allowing.create(world.account(), draft)
    assert endless.expires_at is None
    assert (await allowing.patch("acme", server.id, {"expires_at": None})).expires_at is None


@pytest.mark.parametrize(
    "expires_at",
    [
        START + timedelta(seconds=59, milliseconds=999),
        START - timedelta(days=1),
        (START + timedelta(days=1)).replace(tzinfo=None),
    ],
)
async def test_an_expiry_has_a_zone_and_lies_a_minute_ahead(
    world: World, expires_at: datetime
) -> None:
    """What is over at once, or means different times to different readers, is refused."""
    server, _ = await world.server()
    with pytest.raises(InvalidInput) as caught:
        await world.server(expires_at=expires_at)
    assert caught.value.problems[0].where == "/expires_at"
    with pytest.raises(InvalidInput):
        await world.servers.patch("acme", server.id, {"expires_at": expires_at})


async def test_the_minute_itself_is_enough(world: World) -> None:
    """Sixty seconds ahead is the shortest server there is."""
    server, _ = await world.server(expires_at=START + timedelta(seconds=60))
    assert server.expires_at == START + timedelta(seconds=60)


@pytest.mark.parametrize(
    "factors",
    [
        (Factor("mtls"),),
        (Factor("smoke"),),
        (Factor("api_token"), Factor("sms")),
        (Factor("api_token"),) * 2,
    ],
)
async def test_unknown_and_doubled_factors_are_refused(
    world: World, factors: tuple[Factor, ...]
) -> None:
    """A server never demands what this version cannot check."""
    server, _ = await world.server()
    with pytest.raises(InvalidInput, match=r"factor|api_token"):
        await world.server(factors=factors)
    with pytest.raises(InvalidInput):
        await world.servers.patch("acme", server.id, {"factors": factors})


async def test_a_change_holds_from_the_next_request(world: World) -> None:
    """A factor that is switched on stops the very next caller without one."""
    server, token = await world.server()
    assert isinstance(await world.admit(token), Caller)
    world.clock.step(5)
    changes: dict[str, Any] = {"factors": (Factor("api_token"),), "name": "new"}
    changed = await world.servers.patch("acme", server.id, changes, [EVENT])
    assert (changed.name, changed.updated_at) == ("new", START + timedelta(seconds=5))
    assert changed.expires_at == server.expires_at
    assert isinstance(await world.admit(token), Refusal)
    assert [event.event_id for event in await world.store.outbox()] == ["evt_1"]


async def test_a_change_on_top_of_an_older_state_is_refused(world: World) -> None:
    """With an etag, only the state that was read is changed."""
    server, _ = await world.server()
    found = await SERVERS.get(world.store, "acme", server.id)
    assert found is not None
    etag = found[1]
    await world.servers.patch("acme", server.id, {"name": "one"}, etag=etag)
    with pytest.raises(Conflict):
        await world.servers.patch("acme", server.id, {"name": "two"}, [EVENT], etag=etag)
    assert (await world.servers.get("acme", server.id)).name == "one"
    assert await world.store.outbox() == []


@pytest.mark.parametrize("member", ["id", "tenant", "token_hash", "status", "account", "x"])
async def test_nothing_else_can_be_changed(world: World, member: str) -> None:
    """A server's identity and its token are not subject to a patch."""
    server, _ = await world.server()
    with pytest.raises(InvalidInput, match=member):
        await world.servers.patch("acme", server.id, {member: "y"})


async def test_revoking_keeps_record_and_index(world: World) -> None:
    """The next request is refused, and the refusal still knows whose token it was."""
    server, token = await world.server()
    world.clock.step(1)
    revoked = await world.servers.revoke("acme", server.id, [EVENT])
    assert (revoked.status, revoked.revoked_at) == ("revoked", START + timedelta(seconds=1))
    found = await world.admit(token)
    assert isinstance(found, Refusal)
    assert (found.reason, found.tenant) == ("revoked", "acme")


async def test_revoking_is_final_and_repeatable(world: World) -> None:
    """A second revocation changes nothing and records nothing; no patch brings it back."""
    server, _ = await world.server()
    first = await world.servers.revoke("acme", server.id)
    world.clock.step(9)
    assert await world.servers.revoke("acme", server.id, [EVENT]) == first
    assert await world.store.outbox() == []
    with pytest.raises(Conflict, match="revoked"):
        await world.servers.patch("acme", server.id, {"name": "x"})


async def test_servers_of_another_tenant_do_not_exist(world: World) -> None:
    """With another tenant's name, reading, changing and revoking find nothing."""
    server, token = await world.server()
    for attempt in (
        world.servers.get("globex", server.id),
        world.servers.patch("globex", server.id, {"name": "x"}),
        world.servers.revoke("globex", server.id),
    ):
        with pytest.raises(NoSuchObject):
            await attempt
    assert isinstance(await world.admit(token), Caller)


async def test_pages_hold_every_server_of_the_account_once(world: World) -> None:
    """Page by page, nothing is missed, doubled, or another account's."""
    made = {(await world.server())[0].id for _ in range(5)}
    await world.server("globex")
    seen: list[str] = []
    cursor = None
    while True:
        servers, cursor = await world.servers.page(world.account(), cursor, 2)
        seen.extend(server.id for server in servers)
        if cursor is None:
            break
    assert sorted(seen) == sorted(made)
