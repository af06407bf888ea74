"""The revocation log: whole lines, on the disk before the answer, and a plain word if not."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mcpassport.errors import DataFolderError, StoreUnavailable
from mcpassport.store.revocations import (
    REVOCATIONS_FILE,
    Extent,
    Revocation,
    RevocationLog,
    extent,
    read_log,
)

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def line(number: int) -> Revocation:
    return Revocation(ts=NOW, kind="server", tenant="acme", id=f"srv_{number}", token_hash="00")


async def test_lines_of_many_writers_are_whole(tmp_path: Path) -> None:
    """Written at once, each line is there once; the file is for its owner only."""
    log = RevocationLog(tmp_path)
    await asyncio.gather(*(log.append(line(number)) for number in range(50)))
    _, lines = read_log(tmp_path / REVOCATIONS_FILE, Extent(0, extent(tmp_path / "none").digest))
    assert {it.id for it in lines} == {f"srv_{number}" for number in range(50)}
    assert (tmp_path / REVOCATIONS_FILE).stat().st_mode & 0o777 == 0o600


async def test_a_line_that_a_crash_cut_off_harms_no_other(tmp_path: Path) -> None:
    """It was never acknowledged: it is no part of the log, and the next line replaces it."""
    log, path = RevocationLog(tmp_path), tmp_path / REVOCATIONS_FILE
    await log.append(line(1))
    before = extent(tmp_path)
    path.write_bytes(path.read_bytes() + b'{"ts":"2026')
    assert extent(tmp_path) == before
    assert len(read_log(path, before)[1]) == 1
    await log.append(line(2))
    assert [it.id for it in read_log(path, before)[1]] == ["srv_1", "srv_2"]


async def test_a_log_that_does_not_continue_is_refused(tmp_path: Path) -> None:
    """Changed or shortened before the point that a backup knew, it is another log."""
    log, path = RevocationLog(tmp_path), tmp_path / REVOCATIONS_FILE
    await log.append(line(1))
    known = extent(tmp_path)
    path.write_bytes(path.read_bytes().replace(b"srv_1", b"srv_7"))
    with pytest.raises(DataFolderError, match="does not continue"):
        read_log(path, known)


async def test_a_log_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """What was revoked is revoked, and whoever asked hears that the log lacks it."""
    (tmp_path / REVOCATIONS_FILE).mkdir()
    with pytest.raises(StoreUnavailable, match="It is revoked, but the revocation log"):
        await RevocationLog(tmp_path).append(line(1))
