"""Calls per second, latency, CPU and memory of every row, by connections and size of the body."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from bench import servers
from bench.load import Target
from bench.measure import Plan, Row, in_turns
from bench.peers import PEERS, Peer
from bench.servers import Running, Vendor

from mcpassport.errors import UsageError

BODIES: Final = {"1 KB": "note", "100 KB": "large"}
_BARE_PATHS: Final = {"note": "/v1/notes/n_1", "large": "/v1/large/n_1"}
HEADLINE: Final = (32, "1 KB")
"""The cell that ratios are taken from."""


@contextmanager
def rows(
    folder: Path, upstream: int, peers: Sequence[str], found: dict[str, Any]
) -> Iterator[dict[str, list[Row]]]:
    """Start everything; the rows by kind of body. Of each peer `found` says how that went."""
    with ExitStack() as stack:
        enter = stack.enter_context
        bare = enter(servers.bare(folder / "bare", upstream))
        minimum = enter(servers.mcpassport(folder / "minimum", upstream, durability="process"))
        full = enter(servers.mcpassport(folder / "full", upstream))
        least = asyncio.run(_grant(folder / "least", minimum, upstream, factor=False))
        most = asyncio.run(_grant(folder / "most", full, upstream, factor=True))
        started = list(_started(stack, folder, upstream, peers, found))
        yield {
            kind: [
                Row(servers.direct(upstream, path)),
                Row(Target("bare", bare.port, (servers.rpc(path, "tools/call"),)), bare.pid),
                Row(
                    _call("minimum", minimum, least, f"get_single_bench_{kind}_by_id"), minimum.pid
                ),
                Row(_call("full", full, most, f"bench_{kind}_expressed"), full.pid),
                *(Row(peer.target(kind), peer.pid) for peer in started),
            ]
            for kind, path in _BARE_PATHS.items()
        }


def run(
    by_kind: dict[str, list[Row]], connections: Sequence[int], bodies: Sequence[str], plan: Plan
) -> list[dict[str, Any]]:
    """Every cell; what a row adds to the direct call stands beside its own latency."""
    results: list[dict[str, Any]] = []
    for body in bodies:
        for number in connections:
            cell = in_turns(by_kind[BODIES[body]], number, plan)
            direct = cell[0]
            for row in cell:
                row["body"] = body
                for name in ("p50_ms", "p99_ms"):
                    row[name.replace("_ms", "_added_ms")] = round(row[name] - direct[name], 2)
            results += cell
            print(f"  {number} connections, {body}: " + ", ".join(map(_short, cell)), flush=True)
    return results


def ratios(results: Sequence[dict[str, Any]]) -> dict[str, float]:
    """How rows compare in calls per second, and in CPU per call, at 32 connections and 1 KB."""
    connections, body = HEADLINE
    cell = {r["row"]: r for r in results if (r["connections"], r["body"]) == (connections, body)}
    found: dict[str, float] = {}
    for one in ("full", "minimum"):
        for other in cell:
            if other in {one, "direct"} or one not in cell:
                continue
            name = f"{one}_vs_{other.replace('-', '_')}"
            found[name] = round(cell[one]["calls_per_s"] / cell[other]["calls_per_s"], 3)
            found[f"{name}_by_cpu"] = round(
                cell[other]["cpu_us_per_call"] / cell[one]["cpu_us_per_call"], 3
            )
    return found


async def _grant(folder: Path, server: Running, upstream: int, *, factor: bool) -> servers.Grant:
    vendor = Vendor(server)
    integration = await vendor.push(servers.content(folder, upstream))
    await vendor.tenant("bench")
    account = await vendor.account("bench", integration)
    return await vendor.grant("bench", account, factor=factor)


def _call(name: str, server: Running, grant: servers.Grant, tool: str) -> Target:
    return Target(name, server.port, (grant.call(tool, id="n_1"),))


def _started(
    stack: ExitStack, folder: Path, upstream: int, names: Sequence[str], found: dict[str, Any]
) -> Iterator[Peer]:
    for name in names:
        place = folder / name
        place.mkdir()
        try:
            peer = stack.enter_context(PEERS[name](place, upstream, 2))
        except UsageError as error:
            found[name] = {"ran": False, "why": str(error)}
            print(f"  {name} does not run here: {error}", flush=True)
        else:
            found[name] = {"ran": True, "version": peer.version}
            yield peer


def _short(row: dict[str, Any]) -> str:
    return f"{row['row']} {row['calls_per_s']}/s"
