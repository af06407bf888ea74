"""A journal that lost its end: what is whole is kept, and the chain goes on from there."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mcpassport.audit.chain import link, verify
from mcpassport.store.protocol import Pending
from mcpassport.store.sqlite_audit import SqliteAudit

ROWS = 40


@pytest.fixture
async def crashed(tmp_path: Path) -> AsyncIterator[Path]:
    """A copy of the files as a crash leaves them: every row is still in the journal."""
    folder = tmp_path / "crashed"
    folder.mkdir()
    (tmp_path / "live").mkdir()
    audit = SqliteAudit(tmp_path / "live" / "audit.db")
    for number in range(ROWS):
        await audit.append([Pending("t", b"%d" % number)], link)
    for path in (tmp_path / "live").iterdir():
        if not path.name.endswith("-shm"):
            shutil.copy(path, folder)
    yield folder
    await audit.close()


async def what_is_left(folder: Path) -> int:
    """How many rows are there; they are the first ones, in a whole chain that goes on."""
    audit = SqliteAudit(folder / "audit.db")
    rows = await audit.rows("t", limit=100)
    assert [row.body for row in rows] == [b"%d" % number for number in range(len(rows))]
    await audit.append([Pending("t", b"later")], link)
    assert verify(await audit.rows("t", limit=100)) is None
    await audit.close()
    return len(rows)


async def test_a_crash_loses_no_committed_row(crashed: Path) -> None:
    """With the journal whole every row is there."""
    assert await what_is_left(crashed) == ROWS


@pytest.mark.parametrize("cut", [1, 3_000, 50_000])
async def test_a_journal_cut_short_loses_its_end_only(crashed: Path, cut: int) -> None:
    """The transactions before the cut are kept whole, those after it are gone whole."""
    journal = crashed / "audit.db-wal"
    content = journal.read_bytes()
    journal.write_bytes(content[:-cut])
    left = await what_is_left(crashed)
    assert 0 < left < ROWS


async def test_a_journal_that_is_damaged_is_used_up_to_the_damage(crashed: Path) -> None:
    """Every frame has a checksum over all before it: nothing behind a bad one is believed."""
    journal = crashed / "audit.db-wal"
    content = bytearray(journal.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 100] = b"\xaa" * 100
    journal.write_bytes(content)
    assert 0 < await what_is_left(crashed) < ROWS
