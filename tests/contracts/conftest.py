"""Fixtures of the contract suites: each test runs on every kind of store, or on every loop."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import TypeAlias

import pytest
import uvloop
from tests.support.stores import BACKENDS, Backend, SteppingClock

from mcpassport.store.protocol import AuditStore, Store

OpenStore: TypeAlias = Callable[[], Store]
OpenAudit: TypeAlias = Callable[[], AuditStore]


LOOPS: Mapping[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}
"""Commands run on the first, `mcpassport serve` on the second."""


def pytest_asyncio_loop_factories(
    item: pytest.Item,
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The HTTP client has to keep its promises on both loops; the rest runs on one."""
    if item.path.name.startswith("test_http_"):
        return LOOPS
    return {"asyncio": asyncio.new_event_loop}


@pytest.fixture(params=list(BACKENDS))
def kind(request: pytest.FixtureRequest) -> str:
    """The name of a kind of store."""
    kind = str(request.param)
    BACKENDS[kind].start()
    return kind


@pytest.fixture
def backend(kind: str) -> Backend:
    return BACKENDS[kind]


@pytest.fixture
def clock() -> SteppingClock:
    return SteppingClock()


@pytest.fixture
async def open_store(
    backend: Backend, tmp_path: Path, clock: SteppingClock
) -> AsyncIterator[OpenStore]:
    """Opens the same records once more, as another process would; closes all of them."""
    opened: list[Store] = []

    def make() -> Store:
        opened.append(backend.open_store(tmp_path, clock))
        return opened[-1]

    yield make
    for store in opened:
        await store.close()


@pytest.fixture
def store(open_store: OpenStore) -> Store:
    return open_store()


@pytest.fixture
async def open_audit(backend: Backend, tmp_path: Path) -> AsyncIterator[OpenAudit]:
    """Opens the same audit trail once more; closes all of them."""
    opened: list[AuditStore] = []

    def make() -> AuditStore:
        opened.append(backend.open_audit(tmp_path))
        return opened[-1]

    yield make
    for audit in opened:
        await audit.close()


@pytest.fixture
def audit(open_audit: OpenAudit) -> AuditStore:
    return open_audit()
