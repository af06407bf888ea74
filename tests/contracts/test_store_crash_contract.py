"""A process that dies, and processes that race: the records are old or new, never half."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.support.storechild import CHANGE, GONE, KEPT, NEW, RACE, ROUNDS, ROWS, link
from tests.support.stores import Backend, SteppingClock

from mcpassport.records.audit import ChainedRow
from mcpassport.store.protocol import GENESIS, Append, Pending, Put

ROOT = Path(__file__).parents[2]


def command(kind: str, folder: Path, what: str) -> list[str]:
    return [sys.executable, "-m", "tests.support.storechild", kind, str(folder), what]


def crash(kind: str, folder: Path, what: str) -> list[Path]:
    """The folders that the dying processes left, one per statement, and the one that finished."""
    subprocess.run(command(kind, folder, what), check=True, cwd=ROOT)
    return sorted(folder.iterdir())


@contextmanager
def started_together(kind: str, folder: Path, what: str) -> Iterator[list[subprocess.Popen[str]]]:
    """Two processes that have opened their store and begin at the same moment."""
    pair = [
        subprocess.Popen(
            command(kind, folder, what),
            cwd=ROOT,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for _ in range(2)
    ]
    try:
        for process in pair:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in pair:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        yield pair
    finally:
        for process in pair:
            process.kill()
            process.communicate()


async def outcome_of_write(backend: Backend, folder: Path) -> str:
    store = backend.open_store(folder, SteppingClock())
    entries = await store.get_many([KEPT, GONE, NEW])
    values = [entry and entry.value for entry in entries]
    events = [event.event_id for event in await store.outbox()]
    # A store that was left by a crash must also go on working.
    await store.write([*CHANGE, Append("e3", "t", b"later")])
    await store.close()
    if (values, events) == ([b"old", b"old", None], ["e0"]):
        return "old"
    if (values, events) == ([b"changed", None, b"made"], ["e0", "e1", "e2"]):
        return "new"
    return f"half: {values} {events}"


@pytest.fixture
def crashed_writes(kind: str, tmp_path: Path) -> list[Path]:
    return crash(kind, tmp_path, "crash-write")


async def test_a_crash_between_any_two_statements_leaves_old_or_new(
    backend: Backend, crashed_writes: list[Path]
) -> None:
    """Puts, deletes and events of one write are all there or none, wherever the process dies."""
    outcomes = [await outcome_of_write(backend, folder) for folder in crashed_writes]
    assert len(outcomes) > len(CHANGE)
    assert outcomes == ["old"] * (len(outcomes) - 1) + ["new"]


def check_chain(rows: list[ChainedRow]) -> None:
    previous = GENESIS
    for sequence, row in enumerate(rows, start=1):
        assert row.sequence == sequence
        assert row.hash == link(previous, sequence, row.body)
        previous = row.hash


async def outcome_of_append(backend: Backend, folder: Path) -> str:
    audit = backend.open_audit(folder)
    before = [[row.body for row in await audit.rows(chain)] for chain in "abc"]
    # The head that the crash left must fit its chain: what follows links to it.
    await audit.append([Pending("a", b"5"), Pending("b", b"again", "e1"), Pending("c", b"6")], link)
    for chain in "abc":
        check_chain(await audit.rows(chain))
    known = [row.body for row in await audit.rows("b")]
    await audit.close()
    if before == [[b"0"], [], []] and known == [b"again"]:
        return "old"
    if before == [[b"0", b"1", b"3"], [b"2"], [b"4"]] and known == [b"2"]:
        return "new"
    return f"half: {before} {known}"


@pytest.fixture
def crashed_appends(kind: str, tmp_path: Path) -> list[Path]:
    return crash(kind, tmp_path, "crash-append")


async def test_a_crash_while_appending_leaves_every_chain_whole(
    backend: Backend, crashed_appends: list[Path]
) -> None:
    """Rows of several chains and their heads are there together or not, wherever we die."""
    outcomes = [await outcome_of_append(backend, folder) for folder in crashed_appends]
    assert len(outcomes) > len(ROWS)
    assert outcomes == ["old"] * (len(outcomes) - 1) + ["new"]


@pytest.mark.parametrize("attempt", range(3))
async def test_of_two_processes_with_the_same_etag_one_wins(
    backend: Backend, kind: str, tmp_path: Path, attempt: int
) -> None:
    """Two processes that read the same etag and write at the same moment: exactly one gets in."""
    store = backend.open_store(tmp_path, SteppingClock())
    await store.write([Put(RACE, b"%d" % attempt)])
    with started_together(kind, tmp_path, "take") as pair:
        words = [
            await asyncio.to_thread(process.stdout.readline)
            for process in pair
            if process.stdout is not None
        ]
    assert sorted(words) == ["lost\n", "won\n"]
    (entry,) = await store.get_many([RACE])
    assert entry is not None
    assert entry.value == b"taken"
    await store.close()


async def test_two_processes_interleave_in_one_chain(
    backend: Backend, kind: str, tmp_path: Path
) -> None:
    """Rows that two processes append at once form one dense chain, each process's in its order."""
    audit = backend.open_audit(tmp_path)
    with started_together(kind, tmp_path, "append") as pair:
        for process in pair:
            assert process.stdout is not None
            assert await asyncio.to_thread(process.stdout.readline) == "done\n"
    for chain in "tu":
        rows = await audit.rows(chain, limit=10_000)
        check_chain(rows)
        for process in pair:
            mine = [row.body.split()[1] for row in rows if int(row.body.split()[0]) == process.pid]
            assert mine == [b"%d" % number for number in range(ROUNDS)]
        assert len(rows) == 2 * ROUNDS
    await audit.close()
