"""The sandbox: a folder and a key of its own, and everything it replaces is listed."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from mcpassport.errors import DataFolderError, UsageError
from mcpassport.evidence.probe import KEY_FILE
from mcpassport.evidence.processes import Sandbox
from mcpassport.limits import Limits
from mcpassport.records.evidence import OUT_OF_REACH
from mcpassport.sandbox import (
    SteppingClock,
    known_folder,
    new_folder,
    substituted,
    substitutions,
)
from mcpassport.settings import Settings

UPSTREAM = "127.0.0.1:1"
SERVER = Settings(store_url="postgresql://user:word@db.example/x", workers=4)


def test_only_a_folder_that_a_sandbox_made_is_served(tmp_path: Path) -> None:
    """One that exists is refused as new, and one without the mark of a sandbox as known."""
    with pytest.raises(DataFolderError):
        new_folder(tmp_path)
    with pytest.raises(DataFolderError):
        known_folder(tmp_path)
    made = new_folder(tmp_path / "new")
    assert known_folder(tmp_path / "new").unwrap() == made.unwrap()
    assert stat.S_IMODE((tmp_path / "new" / KEY_FILE).stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "new" / "data").stat().st_mode) == 0o700


def test_what_the_deployment_keeps_is_not_touched(tmp_path: Path) -> None:
    """Store, key and workers are the sandbox's own whatever the settings say; the rest stays."""
    settings = SERVER.model_copy(update={"audit_retention_days": 90})
    chosen = substituted(settings, tmp_path, new_folder(tmp_path / "new"), (UPSTREAM,))
    assert chosen.records_url.startswith("sqlite:")
    assert str(tmp_path / "data") in chosen.records_url
    assert (chosen.workers, chosen.private_hosts) == (1, (UPSTREAM,))
    assert chosen.audit_retention_days == 90


@pytest.mark.parametrize(
    ("settings", "more"),
    [
        (Settings(), set()),
        (SERVER, {"kind of store", "workers"}),
        (Settings(keys_url="postgresql://user:word@db.example/x"), {"kind of store"}),
        (Settings(limits=Limits(calls_per_10s=1)), {"limits"}),
        (Settings(limits=Limits(calls_per_10s=1_000)), set()),
    ],
)
def test_every_substitution_is_listed(settings: Settings, more: set[str]) -> None:
    """Those of every sandbox, and those that only some deployments make necessary."""
    found = substitutions(settings)
    every = {"store", "master key", "upstream", "clock", "address", "one page", "proxy"}
    assert set(found) == every | more
    assert set(found) <= set(OUT_OF_REACH)


def test_limits_are_never_tighter_than_the_defaults(tmp_path: Path) -> None:
    """A tighter deployment would fail checks that have nothing to do with its limits."""
    settings = Settings(limits=Limits(calls_per_10s=1, call_timeout_s=60))
    limits = substituted(settings, tmp_path, new_folder(tmp_path / "new"), (UPSTREAM,)).limits
    assert (limits.calls_per_10s, limits.call_timeout_s) == (Limits().calls_per_10s, 60)


def test_the_clock_steps_forward_only() -> None:
    """A line moves the clock ahead by its seconds; a negative one does nothing."""
    clock = SteppingClock()
    before = clock()
    clock.step(b"3600\n")
    clock.step(b"-7200\n")
    assert 3600 <= (clock() - before).total_seconds() < 7200


def test_what_hinders_the_start_is_told_without_a_stack(tmp_path: Path) -> None:
    """A folder that is not its own: one line on standard error, exit code 2."""
    command = [sys.executable, "-m", "mcpassport.sandbox", "--folder", str(tmp_path)]
    given = ["--steer", "0", "--upstream", UPSTREAM]
    ran = subprocess.run([*command, *given], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert str(tmp_path) in ran.stderr
    assert "Traceback" not in ran.stderr


async def test_a_sandbox_that_does_not_start_says_why(tmp_path: Path) -> None:
    """What it said itself comes with the refusal."""
    sandbox = Sandbox(tmp_path / "product", (UPSTREAM,), tmp_path / "absent.toml")
    with pytest.raises(UsageError, match="There is no settings file"):
        await sandbox.start()
    await sandbox.close()


async def test_a_sandbox_is_killed_revived_and_steered(tmp_path: Path) -> None:
    """What was there before the kill is there after it, on a clock that can be stepped."""
    sandbox = Sandbox(tmp_path / "product", (UPSTREAM,), None)
    try:
        await sandbox.start()
        first = sandbox.ready
        await sandbox.kill()
        await sandbox.revive()
        assert sandbox.ready.build_digest == first.build_digest
        assert sandbox.ready.token != first.token
        await sandbox.step(60)
        assert (sandbox.data / "data.db").exists()
        assert sandbox.processes
    finally:
        await sandbox.close()
