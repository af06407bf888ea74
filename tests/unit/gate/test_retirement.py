"""What is kept of dead servers and tokens ends with the audit retention, and not before."""

from datetime import timedelta
from pathlib import Path

from tests.support.deployment import Deployment, deployment

from mcpassport.gate.retirement import Retirement
from mcpassport.store.protocol import ALL, Store
from mcpassport.store.repositories import API_TOKENS, INDEX, SERVERS

DAYS = 90


async def kept(store: Store) -> dict[str, set[str]]:
    """The ids of the records, and how many index entries there are."""
    return {
        kind: {entry.key.id async for entry in store.scan(kind, ALL)}
        for kind in (SERVERS.kind, API_TOKENS.kind, INDEX.kind)
    }


async def test_dead_grants_are_forgotten_with_the_rows_that_name_them(tmp_path: Path) -> None:
    """Revoked and expired ones go with their index entries after the retention; live ones stay.

    Until then the refusal of the dead token is a row of its tenant; afterwards it is unknown.
    """
    async with deployment(tmp_path, audit_retention_days=DAYS) as house:
        await house.push()
        account = await house.account()
        soon = {"expires_at": "2026-03-01T12:02:00Z"}
        late = {"expires_at": "2099-01-01T00:00:00Z"}
        servers = [await house.server(account, **more) for more in ({}, late, soon)]
        revoked, live, expired = servers
        await house.send("DELETE", f"/integrated-account/{account}/mcp/{revoked['id']}")
        token = await house.made("/api-token", {"role": "auditor", "name": "x"} | soon)
        ended = await house.made("/api-token", {"role": "auditor", "name": "x"})
        await house.send("DELETE", f"/api-token/{ended['id']}")
        house.clock.step(120)
        store = house.services.store
        retirement = Retirement(store, house.clock, timedelta(days=DAYS))
        before = await kept(store)
        house.clock.step(DAYS * 86_400 - 120)
        assert await retirement.retire() == 0
        assert await house.tools(live)
        house.clock.step(1)
        assert await retirement.retire() == 2
        house.clock.step(120)
        assert await retirement.retire() == 2
        after = await kept(store)
        assert before[SERVERS.kind] - after[SERVERS.kind] == {revoked["id"], expired["id"]}
        assert before[API_TOKENS.kind] - after[API_TOKENS.kind] == {token["id"], ended["id"]}
        assert len(before[INDEX.kind]) - len(after[INDEX.kind]) == 4
        assert await refusals(house, revoked["token"]) == 0


async def refusals(house: Deployment, token: str) -> int:
    """How many rows a call with that token adds."""
    before = len(await house.rows("acme"))
    answer = await house.mcp(f"/mcp/{token}", b"{}")
    assert answer.status == 404
    return len(await house.rows("acme")) - before


async def test_a_grant_that_got_more_time_meanwhile_stays(tmp_path: Path) -> None:
    """Somebody who writes the record between reading and removing wins."""
    async with deployment(tmp_path, audit_retention_days=DAYS) as house:
        await house.push()
        server = await house.server(await house.account(), expires_at="2026-03-01T12:02:00Z")
        house.clock.step(DAYS * 86_400 + 200)
        store = house.services.store
        record, _ = await SERVERS.get(store, "acme", server["id"]) or (None, "")
        assert record is not None
        stale = [entry async for entry in store.scan(SERVERS.kind, ALL)]
        await store.write([SERVERS.put(record)])
        retirement = Retirement(store, house.clock, timedelta(days=DAYS))
        (entry,) = stale
        assert await retirement._end(entry, record, house.clock.now) == 0
        assert await retirement.retire() == 1
