"""What is known of a process from outside: its open files, its children, its core dumps."""

import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mcpassport.evidence.processes import TELLING, core_dumps, open_for_writing

SECRET = "planted-in-a-deleted-file"
WRITES = f"""
import os, sys
from pathlib import Path
kept, gone, read = (Path(sys.argv[1]) / name for name in ("kept", "gone", "read"))
read.write_text("x")
held = [kept.open("w"), gone.open("w"), read.open()]
held[1].write("{SECRET}")
held[1].flush()
gone.unlink()
"""
CORE_OFF = "import resource\nresource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n"
WAITS = "\nimport sys\nprint('ready', flush=True)\nsys.stdin.read()\n"

pytestmark = pytest.mark.skipif(not TELLING, reason="the system tells nothing of processes")


@contextmanager
def child(program: str, *arguments: str) -> Iterator[int]:
    """A process that has run the program, and waits."""
    command = [sys.executable, "-c", program + WAITS, *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield process.pid
        process.kill()


def test_open_files_are_found_deleted_ones_among_them(tmp_path: Path) -> None:
    """What can be written is listed and can be read; what is only read is not listed."""
    with child(WRITES, str(tmp_path)) as process:
        found = {name: file.read_text() for name, file in open_for_writing(process).items()}
    assert found[str(tmp_path / "kept")] == ""
    assert found[f"{tmp_path / 'gone'} (deleted)"] == SECRET
    assert str(tmp_path / "read") not in found


def test_core_dumps_are_seen() -> None:
    """Off where the process switched them off; else as the limit of this process says."""
    with child(CORE_OFF) as process:
        assert core_dumps(process) is False
    with child("") as process:
        assert core_dumps(process) is (resource.getrlimit(resource.RLIMIT_CORE) != (0, 0))


def test_nothing_is_told_of_a_process_that_is_gone() -> None:
    """No error, no file."""
    with child("") as process:
        pass
    assert open_for_writing(process) == {}
