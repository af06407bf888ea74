"""`tools/list` by number of tools."""

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from bench import servers
from bench.load import Load, Target
from bench.measure import Plan, Row, in_turns
from bench.peers import PEERS
from bench.servers import Grant, Running, Vendor

from mcpassport.errors import UsageError

TOOLS: Final = (10, 100, 1000)
PEERS_LISTED: Final = ("fastmcp", "openapi-mcp-gateway")
"""Those that take a whole description; registering a thousand tools one by one measures nothing."""
CONNECTIONS: Final = 32


def run(folder: Path, upstream: int, peers: Sequence[str], plan: Plan) -> list[dict[str, Any]]:
    """One row per program and number of tools."""
    results: list[dict[str, Any]] = []
    folder.mkdir()
    for tools in TOOLS:
        place = folder / str(tools)
        place.mkdir()
        with ExitStack() as stack:
            server = stack.enter_context(servers.mcpassport(place / "mcpassport", upstream))
            grant = asyncio.run(_grant(place, server, (upstream, tools)))
            rows = [Row(Target("mcpassport", server.port, (grant.rpc("tools/list"),)), server.pid)]
            for name in (name for name in PEERS_LISTED if name in peers):
                (place / name).mkdir()
                try:
                    peer = stack.enter_context(PEERS[name](place / name, upstream, tools))
                except UsageError as error:
                    print(f"  {name} does not run here: {error}", flush=True)
                    continue
                rows.append(Row(peer.listing(), peer.pid))
            sizes = {row.target.name: _size(row.target) for row in rows}
            for found in in_turns(rows, CONNECTIONS, plan):
                found |= {"tools": tools, "bytes": sizes[found["row"]]}
                results.append(found)
                print(f"  {found['row']}, {tools} tools: {found['calls_per_s']}/s", flush=True)
    return results


async def _grant(folder: Path, server: Running, what: tuple[int, int]) -> Grant:
    vendor = Vendor(server)
    integration = await vendor.push(servers.content(folder / "content", *what))
    await vendor.tenant("bench")
    return await vendor.grant("bench", await vendor.account("bench", integration))


def _size(target: Target) -> int:
    with Load(target, 1) as load:
        load.run(calls=1)
        return load.last_bytes
