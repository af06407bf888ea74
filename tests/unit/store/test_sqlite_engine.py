"""One SQLite file at work: failures of the engine, and that look-ups never walk a table."""

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support.stores import SteppingClock

from mcpassport.errors import StoreUnavailable
from mcpassport.store.protocol import ALL, Append, Key, Put
from mcpassport.store.sqlite import SqliteStore

ROOT = Path(__file__).parents[3]
A, B = Key("thing", "t", "a"), Key("thing", "t", "b")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(tmp_path / "data.db", clock=SteppingClock())
    yield store
    await store.close()


async def test_a_write_that_the_engine_refuses_is_unavailable(store: SqliteStore) -> None:
    """A database that turned read-only refuses writes, goes on reading, and recovers."""
    await store.write([Put(A, b"1")])
    store._database._writer.execute("PRAGMA query_only = ON")
    with pytest.raises(StoreUnavailable) as failure:
        await store.write([Put(A, b"2"), Append("e", "t", b"")])
    assert failure.value.__cause__ is None
    assert failure.value.detail is None
    store._database._writer.execute("PRAGMA query_only = OFF")
    (entry,) = await store.get_many([A])
    assert entry is not None
    assert entry.value == b"1"
    await store.write([Put(A, b"3")])


async def test_a_writer_waits_for_another_process(store: SqliteStore, tmp_path: Path) -> None:
    """A write that finds the file taken waits, without holding up the event loop."""
    other = sqlite3.connect(tmp_path / "data.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    waiting = asyncio.create_task(store.write([Put(A, b"1")]))
    await asyncio.sleep(0.05)
    assert await store.get_many([A]) == [None]
    assert not waiting.done()
    other.execute("COMMIT")
    other.close()
    assert await waiting


async def test_a_writer_does_not_wait_for_ever(store: SqliteStore, tmp_path: Path) -> None:
    """A file that another program keeps locked makes the store unavailable, then it works on."""
    store._database._writer.execute("PRAGMA busy_timeout = 20")
    other = sqlite3.connect(tmp_path / "data.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable):
        await store.write([Put(A, b"1")])
    other.execute("ROLLBACK")
    other.close()
    assert await store.write([Put(A, b"1")])


async def test_damage_that_shows_up_later_is_unavailable(
    store: SqliteStore, tmp_path: Path
) -> None:
    """A page that went bad while we run fails the reads that need it, closed."""
    await store.write([Put(Key("thing", "t", str(n)), b"x" * 500) for n in range(300)])
    store._database._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    with (tmp_path / "data.db").open("r+b") as file:
        size = file.seek(0, 2)
        file.seek(4096)
        file.write(b"\xaa" * (size - 4096))
    with pytest.raises(StoreUnavailable):
        [entry async for entry in store.scan("thing", ALL)]


FILL_THE_DISK = """
import asyncio, resource, sys
from pathlib import Path
from tests.support.stores import SteppingClock
from mcpassport.errors import StoreUnavailable
from mcpassport.store.protocol import Append, Key, Put
from mcpassport.store.sqlite import SqliteStore

A, B = Key("thing", "t", "a"), Key("thing", "t", "b")

async def main() -> None:
    store = SqliteStore(Path(sys.argv[1]) / "data.db", clock=SteppingClock())
    await store.write([Put(A, b"old")])
    no_limit = resource.RLIM_INFINITY
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, no_limit))
    try:
        await store.write([Put(A, b"new"), Append("e", "t", b""), Put(B, bytes(2**20))])
    except StoreUnavailable:
        print("refused")
    (entry,) = await store.get_many([A])
    print(entry.value.decode())
    resource.setrlimit(resource.RLIMIT_FSIZE, (no_limit, no_limit))
    await store.write([Put(A, b"later")])
    print(await store.outbox(), await store.get_many([B]))
    await store.close()

asyncio.run(main())
"""


def run(program: str, folder: Path) -> list[str]:
    command = [sys.executable, "-c", program, str(folder)]
    shown = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    return shown.stdout.splitlines()


async def test_a_disk_that_fills_up_loses_nothing(tmp_path: Path) -> None:
    """A write that does not fit is refused whole; reading goes on; with room writing goes on."""
    assert run(FILL_THE_DISK, tmp_path) == ["refused", "old", "[] [None]"]
    store = SqliteStore(tmp_path / "data.db", clock=SteppingClock())
    (entry,) = await store.get_many([A])
    await store.close()
    assert entry is not None
    assert entry.value == b"later"


async def test_no_lookup_walks_the_table(store: SqliteStore) -> None:
    """Every read is answered by an index, with no scan of records and no sorting aside."""
    await store.write([Put(A, b"", {"account": "1", "integration": "i", "key_version": 1})])
    seen: list[str] = []
    store._database._reader.set_trace_callback(seen.append)
    await store.get_many([A, B])
    for tenant in ("t", ALL):
        await store.page("thing", tenant)
        await store.page("thing", tenant, index="account", value="1")
        await store.page("thing", tenant, index="integration", value="i")
        await store.page("thing", tenant, index="key_version", value=1)
    store._database._reader.set_trace_callback(None)
    assert len(seen) == 9
    for query in seen:
        plan = [row[3] for row in store._database._reader.execute(f"EXPLAIN QUERY PLAN {query}")]
        assert any("SEARCH records USING INDEX" in step for step in plan)
        assert not any("SCAN records" in step or "TEMP B-TREE" in step for step in plan)


def contents(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in folder.iterdir()]


async def test_what_was_deleted_is_overwritten(store: SqliteStore, tmp_path: Path) -> None:
    """A replaced or removed value is in no file of the store once the journal is folded in."""
    await store.write([Put(A, b"planted secret one" * 40), Put(B, b"planted secret two" * 400)])
    await store.write([Put(A, b"x"), Put(B, b"x")])
    await store.close()
    assert not [text for text in contents(tmp_path) if b"planted secret" in text]
