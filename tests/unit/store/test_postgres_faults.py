"""PostgreSQL stopped, killed, read-only and stuck: told as unavailable, over when it is over."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Iterator
from hashlib import sha256
from pathlib import Path

import asyncpg
import pytest
from tests.support.postgres import PostgresServer, statement
from tests.support.stores import SteppingClock

from mcpassport.errors import StoreUnavailable
from mcpassport.store.postgres import PostgresStore
from mcpassport.store.postgres_audit import PostgresAudit
from mcpassport.store.protocol import Key, Pending, Put

A = Key("thing", "t", "a")
BACK_S = 10.0
"""How soon after the server everything works again, without a restart of ours."""


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A server that only these tests stop."""
    own = PostgresServer().start()
    yield own
    own.remove()


@pytest.fixture
async def store(server: PostgresServer, tmp_path: Path) -> AsyncIterator[PostgresStore]:
    opened = PostgresStore(server.url_of(tmp_path), clock=SteppingClock())
    yield opened
    await opened.close()


async def comes_back(store: PostgresStore) -> None:
    end = time.monotonic() + BACK_S
    while True:
        try:
            await store.write([Put(A, b"back")])
            await store.get_many([A])
        except StoreUnavailable:
            assert time.monotonic() < end
            await asyncio.sleep(0.05)
        else:
            return


def link(previous: bytes, sequence: int, body: bytes) -> bytes:
    return sha256(previous + sequence.to_bytes(8, "big") + body).digest()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["stopped", "crashed"])
async def test_a_server_that_goes_and_comes_loses_nothing_acknowledged(
    server: PostgresServer, store: PostgresStore, tmp_path: Path, how: signal.Signals
) -> None:
    """Under load every failure is `StoreUnavailable` without detail, and what returned stays."""
    audit = PostgresAudit(server.url_of(tmp_path))
    kept: list[Key] = []
    failures: list[StoreUnavailable] = []
    busy = asyncio.Event()

    async def writer(name: int) -> None:
        for number in range(100_000):
            key = Key("thing", "t", f"{name}-{number}")
            try:
                await store.write([Put(key, b"1")])
                await audit.append([Pending("t", key.id.encode(), key.id)], link)
            except StoreUnavailable as failure:
                failures.append(failure)
                return
            kept.append(key)
            if len(kept) == 30:
                busy.set()

    load = [asyncio.create_task(writer(name)) for name in range(6)]
    await busy.wait()
    await asyncio.to_thread(server.stop, how)
    await asyncio.gather(*load)
    for operation in (store.get_many([A]), store.write([Put(A, b"1")]), audit.rows("t")):
        with pytest.raises(StoreUnavailable) as failure:
            await operation
        failures.append(failure.value)
    server.start()
    await comes_back(store)
    assert all(failure.__cause__ is None and failure.detail is None for failure in failures)
    assert None not in await store.get_many(kept)
    rows = await audit.rows("t", limit=100_000)
    assert {key.id.encode() for key in kept} <= {row.body for row in rows}
    previous = bytes(32)
    for sequence, row in enumerate(rows, 1):
        assert (row.sequence, row.hash) == (sequence, link(previous, sequence, row.body))
        previous = row.hash
    await audit.close()


async def test_a_store_may_be_opened_before_its_server(
    server: PostgresServer, store: PostgresStore
) -> None:
    """Connecting is tried again with every operation."""
    await asyncio.to_thread(server.stop)
    with pytest.raises(StoreUnavailable):
        await store.get_many([A])
    server.start()
    await comes_back(store)


async def test_a_read_only_server_is_read(server: PostgresServer, store: PostgresStore) -> None:
    """A standby, or an operator's switch: reads go on, writes are unavailable until it is over."""
    await store.write([Put(A, b"1")])
    for state in ("on", "off"):
        query = f"ALTER SYSTEM SET default_transaction_read_only = {state}"
        await asyncio.to_thread(statement, server.url, query)
        await asyncio.to_thread(statement, server.url, "SELECT pg_reload_conf()")
        if state == "on":
            await asyncio.sleep(0.3)
            with pytest.raises(StoreUnavailable):
                await store.write([Put(A, b"2")])
            (entry,) = await store.get_many([A])
            assert entry is not None
            assert entry.value == b"1"
    await comes_back(store)


async def test_a_statement_does_not_wait_for_ever(
    server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind a lock of somebody else the server gives up after the time we state."""
    monkeypatch.setattr("mcpassport.store.postgres_pool.STATEMENT_MS", 200)
    url = server.url_of(tmp_path)
    store = PostgresStore(url, clock=SteppingClock())
    await store.write([Put(A, b"1")])
    holder = await asyncpg.connect(server.url)
    schema = url.partition("schema=")[2]
    async with holder.transaction():
        await holder.execute(f"LOCK TABLE {schema}.records IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(StoreUnavailable):
            await store.write([Put(A, b"2")])
    await store.write([Put(A, b"3")])
    await holder.close()
    await store.close()


async def test_chains_that_another_database_lacks_are_begun_again(
    server: PostgresServer, tmp_path: Path
) -> None:
    """Where another database stands at the address, rows are refused once and then written."""
    url = server.url_of(tmp_path)
    audit = PostgresAudit(url)
    await audit.append([Pending("t", b"1")], link)
    heads = f"DELETE FROM {url.rpartition('=')[2]}_audit.heads"
    chained = f"DELETE FROM {url.rpartition('=')[2]}_audit.chained"
    for query in (heads, chained):
        await asyncio.to_thread(statement, server.url, query)
    with pytest.raises(StoreUnavailable):
        await audit.append([Pending("t", b"2")], link)
    await audit.append([Pending("t", b"2")], link)
    assert [row.body for row in await audit.rows("t")] == [b"2"]
    await audit.close()
