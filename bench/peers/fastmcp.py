"""FastMCP, `from_openapi`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bench.peers.peer import Peer, Place, environment, met, serving, write_description

from mcpassport.cli.demo.processes import free_port

NAME: Final = "fastmcp"
_APP: Final = Path(__file__).with_name("fastmcp_app.py")


@contextmanager
def start(folder: Path, upstream: int, tools: int) -> Iterator[Peer]:
    """Serve until the block ends."""
    python, version = environment(NAME)
    description, port = write_description(folder, upstream, tools), free_port()
    command = [python, "-P", str(_APP), str(description), str(upstream), str(port)]
    with serving(command, folder, (port, "/"), {}) as process:
        yield met(NAME, version, process.pid, Place(port, "/mcp"))
