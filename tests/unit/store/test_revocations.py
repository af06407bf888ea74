"""The revocation log: whole lines, on the disk before the answer, known to the store."""

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from tests.support.stores import SteppingClock

from mcpassport.errors import DataFolderError, StoreUnavailable
from mcpassport.store.protocol import PLATFORM, Store
from mcpassport.store.revocations import (
    LOG_KIND,
    REVOCATIONS_FILE,
    Known,
    Revocation,
    RevocationLog,
    missing_logs,
    read_log,
    revocations_of,
)
from mcpassport.store.sqlite import SqliteStore

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = SqliteStore(tmp_path / "data.db", clock=SteppingClock())
    yield opened
    await opened.close()


async def log_in(folder: Path, store: Store) -> RevocationLog:
    """The log of a machine, as a process of it opens it."""
    log = RevocationLog(folder, store, clock=SteppingClock(), random=os.urandom)
    await log.begin()
    return log


def line(number: int) -> Revocation:
    return Revocation(ts=NOW, kind="server", tenant="acme", id=f"srv_{number}", token_hash="00")


def ids(path: Path) -> list[str]:
    return [it.id for it in revocations_of(path, read_log(path))]


async def known(store: Store) -> tuple[Known, ...]:
    page = await store.page(LOG_KIND, PLATFORM)
    return tuple(msgspec.json.decode(entry.value, type=Known) for entry in page.entries)


async def test_lines_of_many_writers_are_whole(tmp_path: Path, store: Store) -> None:
    """Written at once, each line is there once; the file is for its owner only."""
    logs = [await log_in(tmp_path, store) for _ in range(3)]
    await asyncio.gather(*(logs[number % 3].append(line(number)) for number in range(50)))
    path = tmp_path / REVOCATIONS_FILE
    assert sorted(ids(path)) == sorted(f"srv_{number}" for number in range(50))
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(await known(store)) == 1


async def test_a_line_that_a_crash_cut_off_harms_no_other(tmp_path: Path, store: Store) -> None:
    """It was never acknowledged: it is no part of the log, and the next line replaces it."""
    log, path = await log_in(tmp_path, store), tmp_path / REVOCATIONS_FILE
    await log.append(line(1))
    path.write_bytes(path.read_bytes() + b'{"ts":"2026')
    assert ids(path) == ["srv_1"]
    await log.append(line(2))
    assert ids(path) == ["srv_1", "srv_2"]


async def test_a_log_that_does_not_reach_what_was_known_is_missing(
    tmp_path: Path, store: Store
) -> None:
    """Shortened, changed or another one: without the last known line it is not the log."""
    log, path = await log_in(tmp_path, store), tmp_path / REVOCATIONS_FILE
    before = read_log(path)
    await log.append(line(1))
    logs = await known(store)
    assert missing_logs(logs, read_log(path)) == []
    await log.append(line(2))
    assert missing_logs(logs, read_log(path)) == []
    assert missing_logs(logs, before) == [*logs]
    path.write_bytes(path.read_bytes().replace(b"srv_1", b"srv_7"))
    assert missing_logs(logs, read_log(path)) == [*logs]


async def test_each_machine_has_a_log_of_its_own(tmp_path: Path, store: Store) -> None:
    """The store knows both, each with its last line; one log alone is not enough."""
    machines = [tmp_path / "one", tmp_path / "two"]
    logs = [await log_in(folder, store) for folder in machines]
    for number, log in enumerate(logs):
        await log.append(line(number))
    both = await known(store)
    assert len(both) == 2
    lines = [read_log(folder / REVOCATIONS_FILE) for folder in machines]
    assert len(missing_logs(both, lines[0])) == 1
    assert missing_logs(both, lines[0] + lines[1]) == []


async def test_what_the_store_was_set_back_behind_is_found(tmp_path: Path, store: Store) -> None:
    """Everything behind the line that the store knows; nothing once it is remembered."""
    log = await log_in(tmp_path, store)
    await log.append(line(1))
    kept = await store.page(LOG_KIND, PLATFORM)
    for number in (2, 3):
        await log.append(line(number))
    assert await log.forgotten() == []
    (entry,) = kept.entries
    older = msgspec.json.decode(entry.value, type=Known)
    assert older.last != (await known(store))[0].last
    set_back = SqliteStore(tmp_path / "older.db", clock=SteppingClock())
    again = await log_in(tmp_path, set_back)
    assert [it.id for it in await again.forgotten()] == ["srv_1", "srv_2", "srv_3"]
    await again.remembered()
    assert await again.forgotten() == []
    await set_back.close()


async def test_lines_of_other_logs_are_taken_in_once(tmp_path: Path, store: Store) -> None:
    """Adopted twice, each line is there once, and the log's own lines stay first."""
    log = await log_in(tmp_path / "one", store)
    await log.append(line(1))
    other = await log_in(tmp_path / "two", store)
    await other.append(line(2))
    for _ in range(2):
        log.adopt([*other.lines(), *log.lines()])
    assert ids(log.path) == ["srv_1", "srv_2"]
    assert missing_logs(await known(store), log.lines()) == []


async def test_a_log_that_cannot_be_written_is_told(tmp_path: Path, store: Store) -> None:
    """What was revoked is revoked, and whoever asked hears that the log lacks it."""
    log, path = await log_in(tmp_path, store), tmp_path / REVOCATIONS_FILE
    path.unlink()
    path.mkdir()
    with pytest.raises(StoreUnavailable, match="It is revoked, but the revocation log"):
        await log.append(line(1))
    with pytest.raises(DataFolderError, match="a folder stands where a file belongs"):
        await log_in(tmp_path, store)


async def test_a_store_that_is_away_does_not_undo_a_line(tmp_path: Path) -> None:
    """The line is on the disk; the store knows an earlier one, and finds the rest at its start."""
    store = SqliteStore(tmp_path / "data.db", clock=SteppingClock())
    log = await log_in(tmp_path, store)
    await store.close()
    await log.append(line(1))
    assert ids(log.path) == ["srv_1"]
    again = SqliteStore(tmp_path / "data.db", clock=SteppingClock())
    assert [it.id for it in await (await log_in(tmp_path, again)).forgotten()] == ["srv_1"]
    await again.close()
