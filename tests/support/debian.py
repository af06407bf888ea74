"""Programs of the system, or of Debian's packages unpacked under `.cache` where it has none."""

import fcntl
import os
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

CACHE = Path(__file__).parents[2] / ".cache" / "debian"
PLACES = ("usr/sbin", "usr/bin", "sbin", "bin")


class Program(NamedTuple):
    """A program, and what it needs in the environment."""

    path: str
    environment: dict[str, str]


def program(name: str, *packages: str) -> Program:
    """The program of that name, from the system or from these packages."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin:/usr/local/sbin")
    if found is not None:
        return Program(found, dict(os.environ))
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / ".lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not _unpacked(name):
            _unpack(packages)
    (path, *_) = _unpacked(name)
    libraries = sorted({str(library.parent) for library in CACHE.rglob("*.so*")})
    return Program(str(path), {**os.environ, "LD_LIBRARY_PATH": ":".join(libraries)})


def _unpacked(name: str) -> list[Path]:
    return [CACHE / place / name for place in PLACES if (CACHE / place / name).is_file()]


def _unpack(packages: tuple[str, ...]) -> None:
    for command in (["apt-get", "-qq", "update"], ["apt-get", "-qq", "download", *packages]):
        subprocess.run(command, cwd=CACHE, check=True, capture_output=True)
    for package in CACHE.glob("*.deb"):
        subprocess.run(["dpkg", "-x", package, CACHE], check=True)
        package.unlink()
