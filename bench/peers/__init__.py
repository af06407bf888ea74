"""Other programs that make MCP servers of an API description, each in an environment of its own."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from types import MappingProxyType
from typing import Final, TypeAlias

from bench.peers import contextforge, fastmcp, gateway
from bench.peers.peer import Peer

Start: TypeAlias = Callable[[Path, int, int], AbstractContextManager[Peer]]
"""Start a peer: its folder, the upstream's port, and of how many tools."""

PEERS: Final[Mapping[str, Start]] = MappingProxyType(
    {
        fastmcp.NAME: fastmcp.start,
        fastmcp.AS_IT_COMES: fastmcp.start_as_it_comes,
        gateway.NAME: gateway.start,
        contextforge.NAME: contextforge.start,
    }
)

__all__ = ["PEERS", "Peer"]
