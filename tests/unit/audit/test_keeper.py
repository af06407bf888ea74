"""Checkpoints and retention, on a whole deployment with a clock that moves."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from tests.support.calling import legacy
from tests.support.deployment import Deployment, deployment
from tests.support.postgres import postgres_url, statement

from mcpassport.audit.chain import verify
from mcpassport.audit.checkpoint import fingerprint_of, problem_of
from mcpassport.audit.edge import EDGE
from mcpassport.records.audit import AuditRow
from mcpassport.store import AUDIT_FILE
from mcpassport.store.postgres_open import address_of

DAYS = 90


@pytest.fixture(params=["sqlite", "postgresql"])
async def house(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Deployment]:
    """A deployment on each kind of store, that keeps its rows for the shortest time."""
    store = {"store_url": postgres_url(tmp_path)} if request.param == "postgresql" else {}
    async with deployment(tmp_path, audit_retention_days=DAYS, **store) as made:
        yield made


async def tamper(house: Deployment, table: str, sequence: int, body: bytes) -> None:
    """Put another body into acme's chain behind the program's back."""
    settings = house.services.settings
    change = f"UPDATE {table} SET body = {{}} WHERE chain = 'acme' AND sequence = {sequence}"
    if settings.store_url is None:
        path = settings.data_dir / AUDIT_FILE
        with closing(sqlite3.connect(path, isolation_level=None)) as stranger:
            stranger.execute(change.format(f"x'{body.hex()}'"))
        return
    where = f"SET search_path TO {address_of(settings.records_url).schema}_audit; "
    told = where + change.format(f"decode('{body.hex()}', 'hex')")
    await asyncio.to_thread(statement, settings.records_url, told)


async def rows(house: Deployment, count: int, tenant: str = "acme") -> None:
    row = AuditRow(ts=house.clock(), phase="refusal", request_id="req_1", tenant=tenant)
    await house.services.audit.append(*([row] * count))


async def places(house: Deployment, chain: str = "acme") -> list[int]:
    return [item.sequence for item in await house.services.audit_store.checkpoints(chain)]


async def test_every_chain_that_advanced_is_signed(house: Deployment) -> None:
    """With the key that is published, at the newest row, and once."""
    keeper = house.services.keeper
    await keeper.sign()
    await rows(house, 3)
    await rows(house, 2, "globex")
    assert await keeper.sign() == 2
    assert await keeper.sign() == 0
    (found,) = await house.services.audit_store.checkpoints("acme")
    newest = await house.services.audit.rows("acme", limit=1, newest_first=True)
    assert (found.sequence, found.hash) == (3, newest[0].hash.hex())
    published = await house.read("/audit/key")
    assert published["fingerprint"] == fingerprint_of(await keeper.public_key())
    assert problem_of(found, published["fingerprint"]) == ""
    assert (await house.read("/audit/checkpoint", caller="acme"))["result"][0]["sequence"] == 3


async def test_a_changed_chain_is_not_signed(house: Deployment) -> None:
    """A checkpoint never blesses a row that was changed since the one before."""
    await rows(house, 3)
    await tamper(house, "chained", 2, b"{}")
    await house.services.keeper.sign()
    assert await places(house) == []


async def test_whole_signed_prefixes_are_removed_when_they_are_old(house: Deployment) -> None:
    """Rows above the last old checkpoint stay, younger ones too, and the rest verifies."""
    keeper, audit = house.services.keeper, house.services.audit
    for count in (3, 4):
        await rows(house, count)
        await keeper.sign()
    await rows(house, 1)
    house.clock.now += timedelta(days=DAYS)
    assert await keeper.retire() == 0
    house.clock.now += timedelta(seconds=1)
    await rows(house, 2)
    assert await keeper.retire() == 1
    left = await audit.rows("acme")
    assert [row.sequence for row in left] == [8, 9, 10]
    (anchor,) = await house.services.audit_store.checkpoints("acme")
    assert verify(left, previous=bytes.fromhex(anchor.hash), sequence=8) is None
    assert await keeper.retire() == 0
    await keeper.sign()
    assert await places(house) == [7, 10]


async def test_nothing_is_removed_below_a_checkpoint_that_does_not_hold(house: Deployment) -> None:
    """A forged checkpoint, or one of a row that is no longer there as signed, removes nothing."""
    await rows(house, 3)
    await house.services.keeper.sign()
    (signed,) = await house.services.audit_store.checkpoints("acme")
    moved = msgspec.json.encode(msgspec.structs.replace(signed, sequence=2))
    await tamper(house, "checkpoints", 3, moved)
    house.clock.now += timedelta(days=DAYS + 1)
    assert await house.services.keeper.retire() == 0
    assert len(await house.services.audit.rows("acme")) == 3


async def test_counts_of_strangers_end_with_the_retention_too(house: Deployment) -> None:
    """The edge chain is signed, and removed below a checkpoint, as every chain is."""
    audit = house.services.audit_store
    for _ in range(3):
        await house.mcp("/mcp/unknown", legacy("ping"))
        house.clock.step(1)
        await until_counted(house, house.clock.now)
    assert (await house.read("/audit/strangers", reason="unknown_token"))["result"]
    await house.services.keeper.sign()
    (found,) = (await house.read("/audit/strangers/checkpoint"))["result"]
    assert found["chain"] == EDGE
    house.clock.now += timedelta(days=DAYS, seconds=1)
    assert await house.services.keeper.retire() == 1
    assert await audit.rows(EDGE) == []
    await house.mcp("/mcp/unknown", legacy("ping"))
    house.clock.step(1)
    await until_counted(house, house.clock.now)
    left = await audit.rows(EDGE)
    assert verify(left, previous=bytes.fromhex(found["hash"]), sequence=4) is None


async def until_counted(house: Deployment, now: datetime) -> None:
    """Wait until the second before this one is in the edge chain."""
    wanted = as_text(now - timedelta(seconds=1))
    for _ in range(1200):
        rows = await house.services.audit_store.rows(EDGE, limit=1, newest_first=True)
        if rows and wanted in rows[0].body:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("nobody was counted")


def as_text(moment: datetime) -> bytes:
    return msgspec.json.encode(moment)
