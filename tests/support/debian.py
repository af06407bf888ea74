"""Programs of the system, or of Debian's packages unpacked under `.cache` where it has none."""

import fcntl
import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

CACHE = Path(__file__).parents[2] / ".cache" / "debian"
PLACES = ("usr/sbin", "usr/bin", "sbin", "bin")
APPLICATIONS = ("usr/lib/chromium",)
"""Where the packages of large programs keep the program itself, before the wrapper in `bin`."""


FONTS = {
    "serif": "Liberation Serif",
    "sans-serif": "Liberation Sans",
    "system-ui": "Liberation Sans",
    "monospace": "Liberation Mono",
}
_ALIASES = "".join(
    f"<alias><family>{name}</family><prefer><family>{font}</family></prefer></alias>"
    for name, font in FONTS.items()
)


class Program(NamedTuple):
    """A program, and what it needs in the environment."""

    path: str
    environment: dict[str, str]


def program(name: str, *packages: str) -> Program:
    """The program of that name, from the system or from these packages."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin:/usr/local/sbin")
    if found is not None:
        return Program(found, dict(os.environ))
    return _unpacked(CACHE, name, packages)


def application(name: str, *packages: str) -> Program:
    """The same with all that the packages need and this machine lacks, in a folder of its own.

    The folder has the fonts among them too, beside those of the machine.
    """
    home = CACHE / name
    found = _unpacked(home, name, packages, whole=True)
    fonts = home / "fonts.conf"
    fonts.write_text(
        '<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>'
        f"<dir>/usr/share/fonts</dir><dir>{home / 'usr' / 'share' / 'fonts'}</dir>"
        f"<cachedir>{home / 'fontcache'}</cachedir>{_ALIASES}</fontconfig>"
    )
    return found._replace(environment={**found.environment, "FONTCONFIG_FILE": str(fonts)})


def _unpacked(home: Path, name: str, packages: tuple[str, ...], *, whole: bool = False) -> Program:
    """The program below that folder, fetched first if it is not there."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / ".lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not _places(home, name):
            _unpack(home, packages, whole=whole)
    (path, *_) = _places(home, name)
    libraries = sorted({str(library.parent) for library in home.rglob("*.so*")})
    return Program(str(path), {**os.environ, "LD_LIBRARY_PATH": ":".join(libraries)})


def _places(home: Path, name: str) -> list[Path]:
    found = [home / place / name for place in (*APPLICATIONS, *PLACES)]
    return [path for path in found if path.is_file()]


def _unpack(home: Path, packages: Iterable[str], *, whole: bool) -> None:
    _apt(home, "update")
    if whole:
        told = _apt(home, "-s", "--no-install-recommends", "install", *packages)
        packages = re.findall(r"^Inst (\S+)", told, re.MULTILINE)
    _apt(home, "download", *packages)
    for package in sorted(home.glob("*.deb")):
        subprocess.run(["dpkg", "-x", package, home], check=True)
        package.unlink()


def _apt(folder: Path, *arguments: str) -> str:
    command = ["apt-get", "-qq", *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout
