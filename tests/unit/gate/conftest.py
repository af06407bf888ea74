"""A real store with two tenants, an account each, and one integration."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support.gates import CountingStore, World
from tests.support.stores import START, SteppingClock

from mcpassport.records.grants import IntegrationHead
from mcpassport.store.repositories import HEADS
from mcpassport.store.sqlite import SqliteStore


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    clock = SteppingClock()
    store = SqliteStore(tmp_path / "data.db", clock=clock)
    made = World(CountingStore(store), clock)
    head = IntegrationHead(name="crm", label="CRM", version=1, digest="0" * 64, updated_at=START)
    await made.put(HEADS.put(head))
    await made.settle("acme")
    await made.settle("globex")
    yield made
    await store.close()
