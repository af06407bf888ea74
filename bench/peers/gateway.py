"""openapi-mcp-gateway, as its command serves a description: sessions, answers as event streams."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bench.peers.peer import Peer, Place, environment, met, serving, write_description

from mcpassport.cli.demo.processes import free_port

NAME: Final = "openapi-mcp-gateway"


@contextmanager
def start(folder: Path, upstream: int, tools: int) -> Iterator[Peer]:
    """Serve until the block ends."""
    python, version = environment(NAME)
    description, port = write_description(folder, upstream, tools), free_port()
    command = [str(Path(python).with_name(NAME)), "--spec", str(description), "--name", "bench"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--quiet"]
    command += ["--auth-type", "bearer", "--auth-token", "bench_credential"]
    with serving(command, folder, (port, "/healthz"), {}) as process:
        yield met(NAME, version, process.pid, Place(port, "/bench/mcp"))
