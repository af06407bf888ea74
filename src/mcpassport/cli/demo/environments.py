"""Virtual environments for programs that mcpassport is tried with, made once and kept.

Each comes from a hashed lock of `requirements/`, so it holds the same files on every machine.
"""

import fcntl
import hashlib
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

from mcpassport.errors import UsageError

FOLDER = Path(".cache") / "environments"
READY = ".ready"
SHOWN_LINES = 15


def ensure_environment(checkout: Path, name: str) -> Path:
    """The Python of the environment that `requirements/<name>.lock` describes, made if needed.

    Concurrent callers wait for the one who makes it. `UsageError` if it cannot be made.
    """
    lock = checkout / "requirements" / f"{name}.lock"
    if not lock.is_file():
        raise UsageError(f"{lock} is missing: run this in a checkout of the project.")
    digest = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()[:12]
    home = checkout / FOLDER / f"{name}-{digest}"
    make_once(home, lambda: _make(home, lock))
    return home / "bin" / "python"


def make_once(home: Path, make: Callable[[], None]) -> None:
    """Fill a folder whose name says what it holds; concurrent callers wait for the first.

    A `make` that raises leaves it unfinished: the next caller tries again.
    """
    home.mkdir(parents=True, exist_ok=True)
    with (home / ".lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not (home / READY).exists():
            make()
            (home / READY).touch()


def _make(home: Path, lock: Path) -> None:
    venv.create(home, with_pip=True, clear=False, symlinks=True)
    command = [
        str(home / "bin" / "python"), "-m", "pip", "install", "--quiet",
        "--disable-pip-version-check", "--require-hashes", "-r", str(lock),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 our own interpreter
    if done.returncode:
        last = "\n".join(done.stderr.splitlines()[-SHOWN_LINES:])
        raise UsageError(f"pip could not install {lock.name}:\n{last}")
