"""A store that its own tools set back: this machine's log still knows what was revoked."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.support.calling import legacy
from tests.support.deployment import Deployment, deployment
from tests.support.postgres import postgres_url

from mcpassport.app import open_application, open_services
from mcpassport.errors import UsageError
from mcpassport.store import STORES, folder_url
from mcpassport.store.copies.layout import PARTS
from mcpassport.store.copies.sides import opened

RECORDS = PARTS["records"]
LIST = legacy("tools/list")


async def records(url: str) -> list[tuple[Any, ...]]:
    """Every record as it is now."""
    (table,) = (table for table in RECORDS.tables if table.name == "records")
    async with opened(url, (RECORDS,), "read") as side:
        return [row async for row in side.rows(RECORDS, table)]


async def set_back(url: str, rows: list[tuple[Any, ...]]) -> None:
    """Make the records what they were, as a snapshot of the database does."""
    (table,) = (table for table in RECORDS.tables if table.name == "records")
    async with opened(url, (RECORDS,), "write") as side:
        await side.clear(RECORDS, table)
        await side.add(RECORDS, table, rows)


@pytest.mark.parametrize("engine", STORES)
async def test_what_the_store_forgot_is_revoked_again_before_serving(
    tmp_path: Path, engine: str
) -> None:
    """A server, its token, an API token, an account; the audit says who, and it is done once."""
    data = tmp_path / "data"
    url = folder_url(data) if engine == "sqlite" else postgres_url(tmp_path)
    more = {"store_url": url} if engine == "postgresql" else {}
    async with deployment(tmp_path, **more) as house:
        await house.push()
        accounts = [await house.account() for _ in range(2)]
        servers = [await house.server(account) for account in accounts]
        kept, moved = await house.server(accounts[0]), await house.server(accounts[0])
        before = await records(url)
        paths = [
            f"/integrated-account/{accounts[0]}/mcp/{servers[0]['id']}",
            f"/integrated-account/{accounts[1]}",
        ]
        for path in paths:
            assert (await house.send("DELETE", path)).status == 204
        assert (await house.send("DELETE", "/api-token/tok_auditor")).status == 204
        path = f"/integrated-account/{accounts[0]}/mcp/{moved['id']}/rotate"
        assert (await house.send("POST", path, body={})).status == 200
        settings = house.services.settings
        assert (await house.send("POST", "/switch", body={"scope": "all"})).status == 201
        assert (await house.send("DELETE", "/switch/all")).status == 204
        other = {"scope": "tenant", "name": "globex"}
        assert (await house.send("POST", "/switch", body=other)).status == 201
    await set_back(url, before)
    for start in range(2):
        async with (
            open_services(settings, clock=house.clock) as services,
            open_application(services) as app,
        ):
            again = Deployment(services, app, house.clock, house.tokens)
            tokens = [each["token"] for each in (*servers, moved, kept)]
            answers = [await again.mcp(f"/mcp/{token}", LIST) for token in tokens]
            assert [answer.status for answer in answers] == [404, 404, 404, 200], start
            assert (await again.send("GET", "/tenant", caller="auditor")).status == 401
            assert [it.id for it in (await services.switches.page())[0]] == ["tenant:globex"]
            events = [row for row in await again.rows("acme") if row.phase == "event"]
            told = [row.action for row in events if row.principal == "system:revocation-log"]
            assert sorted(told) == ["account.delete", "server.revoke", "server.rotate"]


async def test_an_offboarded_tenant_is_ended_again(tmp_path: Path) -> None:
    """A store that was set back brings it back with all it had; the start ends it, and reports."""
    async with deployment(tmp_path) as house:
        await house.push()
        account = await house.account()
        made = await house.server(account)
        url, settings = folder_url(house.services.settings.data_dir), house.services.settings
        before = await records(url)
        assert (await house.send("POST", "/tenant/acme/offboard")).status == 200
    await set_back(url, before)
    async with (
        open_services(settings, clock=house.clock) as services,
        open_application(services) as app,
    ):
        again = Deployment(services, app, house.clock, house.tokens)
        assert (await again.mcp(f"/mcp/{made['token']}", LIST)).status == 404
        report = await services.offboarding.report("acme")
        assert report is not None
        assert report.by == "system:revocation-log"
        assert report.records_deleted["server"] == 1


async def test_a_log_of_a_newer_release_stops_the_start(tmp_path: Path) -> None:
    """What cannot be revoked again must not be served."""
    async with deployment(tmp_path) as house:
        settings = house.services.settings
    log = settings.data_dir / "revocations.log"
    line = {"ts": "2026-03-01T00:00:00Z", "kind": "moon", "tenant": "acme", "id": "x"}
    log.write_bytes(log.read_bytes() + json.dumps(line).encode() + b"\n")
    async with open_services(settings) as services:
        with pytest.raises(UsageError, match="the kind 'moon'"):
            async with open_application(services):
                pass
