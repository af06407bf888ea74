"""FastMCP, `from_openapi`: in its fastest form, and as it comes."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bench.peers.peer import Peer, Place, environment, met, serving, write_description

from mcpassport.cli.demo.processes import free_port

NAME: Final = "fastmcp"
AS_IT_COMES: Final = "fastmcp-sessions"
_APP: Final = Path(__file__).with_name("fastmcp_app.py")


@contextmanager
def start(folder: Path, upstream: int, tools: int) -> Iterator[Peer]:
    """Serve without sessions and with JSON answers until the block ends."""
    with _serve(NAME, "stateless", (folder, upstream, tools)) as peer:
        yield peer


@contextmanager
def start_as_it_comes(folder: Path, upstream: int, tools: int) -> Iterator[Peer]:
    """Serve with sessions and event streams, its defaults, until the block ends."""
    with _serve(AS_IT_COMES, "sessions", (folder, upstream, tools)) as peer:
        yield peer


@contextmanager
def _serve(name: str, form: str, what: tuple[Path, int, int]) -> Iterator[Peer]:
    folder, upstream, tools = what
    python, version = environment(NAME)
    description, port = write_description(folder, upstream, tools), free_port()
    command = [python, "-P", str(_APP), str(description), str(upstream), str(port), form]
    with serving(command, folder, (port, "/"), {}) as process:
        yield met(name, version, process.pid, Place(port, "/mcp"))
