"""`audit export` and `audit verify`: what a tenant does with its own trail."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.support.commands import Shell

from mcpassport.app import open_services
from mcpassport.audit.checkpoint import fingerprint_of
from mcpassport.settings import load


async def sign(config: Path) -> str:
    """Sign the chains as the hourly job does; the fingerprint of the key."""
    async with open_services(load(config)) as services:
        await services.keeper.sign()
        return fingerprint_of(await services.keeper.public_key())


def test_an_export_verifies_offline(shell: Shell, account: str, tmp_path: Path) -> None:
    """Rows and checkpoints round trip; a row that is deleted from the file is located."""
    assert account
    assert shell.config is not None
    fingerprint = asyncio.run(sign(shell.config))
    shell.ok("token", "create", "--role", "factor", "--name", "x", "--tenant", "acme")
    path = tmp_path / "acme.ndjson"
    told = shell.json("audit", "export", "--tenant", "acme", "--out", path)
    assert told["rows"] == told["last"] == 3
    bare = Shell(shell.capsys)
    verdict = bare("audit", "verify", path, "--fingerprint", fingerprint, "--json")
    assert verdict.code == 0
    document = verdict.json()
    assert (document["whole"], document["rows"], document["anchored_through"]) == (True, 3, 2)
    assert "Signatures were not checked" in bare("audit", "verify", path).out
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], *lines[2:]]))
    verdict = bare("audit", "verify", path, "--json")
    assert (verdict.code, verdict.json()["broken_at"]) == (1, 2)
    assert bare("audit", "verify", path, "--fingerprint", "00").code == 1


def test_an_unsigned_file_is_not_taken_for_a_signed_one(
    shell: Shell, account: str, tmp_path: Path
) -> None:
    """With a fingerprint, a file whose checkpoints were left out is refused."""
    assert account
    path = tmp_path / "acme.ndjson"
    shell.ok("audit", "export", "--tenant", "acme", "--out", path)
    ran = Shell(shell.capsys)("audit", "verify", path, "--fingerprint", "ab" * 32)
    assert ran.code == 1
    assert "no checkpoint" in ran.out


def test_an_export_overwrites_nothing(shell: Shell, tmp_path: Path) -> None:
    """A file that is there is left alone; one that is not there cannot be verified."""
    path = tmp_path / "there"
    path.write_text("mine")
    ran = shell("audit", "export", "--out", path)
    assert (ran.code, path.read_text()) == (2, "mine")
    assert Shell(shell.capsys)("audit", "verify", tmp_path / "nowhere").code == 2


def test_following_writes_what_comes_later(shell: Shell, account: str, tmp_path: Path) -> None:
    """Until it is interrupted, the export appends new rows, and the file verifies."""
    assert account
    path = tmp_path / "acme.ndjson"
    command = [sys.executable, "-m", "mcpassport", "audit", "export", "--tenant", "acme"]
    more = ["--out", str(path), "--follow", "--every", "1", "--config", str(shell.config)]
    follower = subprocess.Popen([*command, *more], env=dict(os.environ))
    try:
        rows_of(path, 2)
        shell.ok("token", "create", "--role", "factor", "--name", "x", "--tenant", "acme")
        rows_of(path, 3)
    finally:
        follower.send_signal(signal.SIGINT)
        assert follower.wait(30) == 130
    assert Shell(shell.capsys)("audit", "verify", path).code == 0


def rows_of(path: Path, count: int) -> None:
    """Wait until the file holds that many rows."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        written = path.read_bytes() if path.exists() else b""
        ended = written.rpartition(b"\n")[0].splitlines()
        if sum("sequence" in json.loads(line) for line in ended) == count:
            return
        time.sleep(0.1)
    raise AssertionError(f"{path} never held {count} rows")


def test_filters_choose_among_the_rows(shell: Shell, account: str) -> None:
    """Every filter of the API is an option; a time without zone is refused."""
    assert account
    shell.ok("token", "create", "--role", "factor", "--name", "x", "--tenant", "acme")
    rows = shell.json("audit", "list", "--tenant", "acme", "--phase", "event", "--limit", "2")
    assert len(rows) == 2
    newest = rows[0]
    request = ("--request-id", newest["request_id"], "--from", newest["ts"])
    assert shell.json("audit", "list", "--tenant", "acme", *request) == [newest]
    late = ("--to", "2020-01-01T00:00Z")
    assert "No row fits." in shell.ok("audit", "list", "--tenant", "acme", *late)
    assert "no zone" in shell.refused(2, "audit", "list", "--from", "2030-01-01")
