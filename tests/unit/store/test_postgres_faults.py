"""PostgreSQL stopped, killed, read-only and stuck: told as unavailable, over when it is over."""

import asyncio
import os
import signal
import time
import traceback
from collections.abc import AsyncIterator, Iterator
from hashlib import sha256
from pathlib import Path

import asyncpg
import pytest
from tests.support.postgres import PostgresServer, statement
from tests.support.stores import SteppingClock

from mcpassport.errors import DataFolderError, StoreUnavailable
from mcpassport.store.postgres import PostgresStore
from mcpassport.store.postgres_audit import PostgresAudit
from mcpassport.store.postgres_pool import POOL_SIZE
from mcpassport.store.protocol import Append, Key, Pending, Put

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


async def test_who_stops_waiting_takes_no_connection_along(
    server: PostgresServer, store: PostgresStore, tmp_path: Path
) -> None:
    """More writes than connections, all cancelled behind a lock: each happens whole or not at all.

    Nothing leaks: afterwards the pool has no more connections than it may, and all of them work.
    """
    await store.write([Put(A, b"1")])
    schema = server.url_of(tmp_path).partition("schema=")[2]
    keys = [Key("thing", "t", str(number)) for number in range(3 * POOL_SIZE)]
    holder = await asyncpg.connect(server.url)
    async with holder.transaction():
        await holder.execute(f"LOCK TABLE {schema}.records IN ACCESS EXCLUSIVE MODE")
        writes = [
            asyncio.create_task(store.write([Put(key, b"1"), Append(key.id, "t", b"")]))
            for key in keys
        ]
        await asyncio.sleep(0.3)
        for write in writes:
            write.cancel()
        assert {type(end) for end in await asyncio.gather(*writes, return_exceptions=True)} == {
            asyncio.CancelledError
        }
    await asyncio.gather(*(store.write([Put(A, b"%d" % number)]) for number in range(50)))
    while store._database._tasks:
        await asyncio.wait(store._database._tasks)
    written = {entry.key.id for entry in await store.get_many(keys) if entry is not None}
    assert {event.event_id for event in await store.outbox(1_000)} == written
    name = f"mcpassport:{schema}"
    query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1"
    assert await holder.fetchval(query, name) <= POOL_SIZE
    idle = "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1 AND state <> 'idle'"
    assert await holder.fetchval(idle, name) == 0
    await holder.close()


async def test_closing_finishes_what_was_begun(server: PostgresServer, tmp_path: Path) -> None:
    """A write under way when the program ends is committed; one that comes later is refused."""
    store = PostgresStore(server.url_of(tmp_path), clock=SteppingClock())
    await store.write([Put(A, b"1")])
    schema = server.url_of(tmp_path).partition("schema=")[2]
    holder = await asyncpg.connect(server.url)
    async with holder.transaction():
        await holder.execute(f"LOCK TABLE {schema}.records IN ACCESS EXCLUSIVE MODE")
        write = asyncio.create_task(store.write([Put(A, b"2")]))
        await asyncio.sleep(0.2)
        closing = asyncio.create_task(store.close())
        await asyncio.sleep(0.1)
        assert not closing.done()
        with pytest.raises(StoreUnavailable):
            await store.write([Put(A, b"3")])
    await closing
    await write
    assert await holder.fetchval(f"SELECT value FROM {schema}.records") == b"2"
    await holder.close()


async def test_a_server_that_hangs_is_given_up(
    server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It answers nothing, not even that time is up: we stop waiting, and go on when it wakes."""
    monkeypatch.setattr("mcpassport.store.postgres_pool.ANSWER_S", 0.5)
    monkeypatch.setattr("mcpassport.store.postgres_pool.CONNECT_S", 0.5)
    monkeypatch.setattr("mcpassport.store.postgres_open.CONNECT_S", 0.5)
    store = PostgresStore(server.url_of(tmp_path), clock=SteppingClock())
    await store.write([Put(A, b"1")])
    pids = server.pids()
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        async with asyncio.timeout(20):
            ends = await asyncio.gather(
                *(store.get_many([A]) for _ in range(2 * POOL_SIZE)), return_exceptions=True
            )
        assert {type(end) for end in ends} == {StoreUnavailable}
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    await comes_back(store)
    await store.close()


async def is_asked(url: str) -> None:
    """Wait until the server asks for the password."""
    while True:
        try:
            await (await asyncpg.connect(url)).close()
        except asyncpg.InvalidPasswordError:
            return
        await asyncio.sleep(0.05)


async def test_a_password_is_never_told(
    server: PostgresServer, capfd: pytest.CaptureFixture[str]
) -> None:
    """Wrong, or right and the server away: no message, no log and no repr of ours holds it."""
    await asyncio.to_thread(statement, server.url, "CREATE ROLE app LOGIN PASSWORD 'planted-right'")
    database = f"127.0.0.1:{server.port}/postgres?schema=secret"
    with server.asking_for_passwords("app"):
        await is_asked(f"postgresql://app:planted-wrong@127.0.0.1:{server.port}/postgres")
        told: list[str] = []
        for url, kind in (
            (f"postgresql://app:planted-wrong@{database}", DataFolderError),
            ("postgresql://app:planted-wrong@127.0.0.1:1/x", StoreUnavailable),
            (f"postgresql://app:planted-wrong@{database}&sslmode=require", StoreUnavailable),
            (f"postgresql://app:planted-right@{database}", DataFolderError),
        ):
            store = PostgresStore(url, clock=SteppingClock())
            with pytest.raises(kind) as refused:
                await store.get_many([A])
            told += [str(refused.value), repr(refused.value), repr(vars(store._database))]
            told += [
                repr(refused.value.__cause__),
                "".join(traceback.format_exception(refused.value)),
            ]
            await store.close()
    assert any("refuses this user or password" in text for text in told)
    assert any("may not create its schema" in text for text in told)
    out, err = capfd.readouterr()
    assert "planted" not in "".join([*told, out, err])


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
