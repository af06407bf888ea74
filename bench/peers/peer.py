"""What a peer looks like to the bench, and how its process is started."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from bench.load import Target
from bench.machine import SERVER_CORE, pinned
from bench.peers.openapi import description
from bench.servers import JSON, rpc

from mcpassport.cli.demo.environments import ensure_environment
from mcpassport.cli.demo.processes import running

ROOT: Final = Path(__file__).parents[2]
TOOLS: Final = {"note": "get_note", "large": "get_large"}
"""What the operations of the description are called by peers that take the operation's id."""


class Peer(NamedTuple):
    """A peer that runs."""

    name: str
    version: str
    port: int
    pid: int
    path: str = "/mcp"
    tools: Mapping[str, str] = TOOLS
    headers: Mapping[str, str] = JSON

    def target(self, kind: str) -> Target:
        """Calls of the tool for that kind of body."""
        params = {"name": self.tools[kind], "arguments": {"id": "n_1"}}
        return Target(self.name, self.port, (rpc(self.path, "tools/call", params, self.headers),))

    def listing(self) -> Target:
        """`tools/list`."""
        return Target(self.name, self.port, (rpc(self.path, "tools/list", {}, self.headers),))


def environment(name: str) -> tuple[str, str]:
    """The Python of the peer's environment, made on first use, and the version that is in it."""
    print(f"  environment of {name} (made once)", flush=True)
    python = ROOT / ensure_environment(ROOT, name)
    lock = (ROOT / "requirements" / f"{name}.in").read_text().strip()
    return str(python), lock.partition("==")[2]


def write_description(folder: Path, upstream: int, tools: int) -> Path:
    """The description of the upstream as a file."""
    path = folder / "openapi.json"
    path.write_text(json.dumps(description(upstream, tools)))
    return path


@contextmanager
def serving(
    command: list[str],
    folder: Path,
    ready: tuple[int, str],
    environ: Mapping[str, str] | None = None,
) -> Iterator["subprocess.Popen[bytes]"]:
    """The peer's process on the core of the servers."""
    assigned = [f"{name}={value}" for name, value in (environ or {}).items()]
    with running(
        pinned(["env", *assigned, *command], SERVER_CORE), folder / "log", ready=ready
    ) as process:
        yield process
