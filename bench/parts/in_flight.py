"""Memory with thousands of calls in flight: every one of them waits for the upstream at once."""

import asyncio
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from bench import servers
from bench.load import Load, Target, allow_files
from bench.machine import LOAD_CORE, cost_of, pinned
from bench.servers import Running, Vendor

from mcpassport.cli.demo.processes import free_port, running

CALLS: Final = 8_000
SERVERS: Final = 8
"""Of as many tenants: 1,000 calls each, since no server may have more than 1,024 in flight."""
_LOOK_S: Final = 0.1


def run(folder: Path) -> dict[str, Any]:
    """Peak memory while all the calls wait, and before the first."""
    folder.mkdir()
    allow_files(2 * CALLS + 1_000)
    port = free_port()
    command = pinned([sys.executable, "-m", "bench.apps.slow", str(port), str(CALLS)], LOAD_CORE)
    with running(command, folder / "slow.log", ready=(port, "/")):
        limits = {"call_timeout_s": 120}
        with servers.mcpassport(folder / "mcpassport", port, limits=limits) as server:
            requests = asyncio.run(_requests(folder / "content", server, port))
            idle = cost_of(server.pid).memory_mb
            target = Target("in flight", server.port, requests)
            with Load(target, CALLS) as load, _peak(server.pid) as peak:
                figures = load.run(calls=CALLS)
    print(f"  {figures.calls} calls in flight: {peak[0]:.0f} MB", flush=True)
    return {
        "calls": figures.calls,
        "memory_mb": round(peak[0]),
        "idle_mb": round(idle),
        "kb_per_call": round((peak[0] - idle) * 1024 / figures.calls, 1),
    }


async def _requests(folder: Path, server: Running, port: int) -> tuple[bytes, ...]:
    vendor = Vendor(server)
    integration = await vendor.push(servers.content(folder, port))
    found = []
    for number in range(SERVERS):
        await vendor.tenant(f"t{number}")
        account = await vendor.account(f"t{number}", integration)
        grant = await vendor.grant(f"t{number}", account)
        found.append(grant.call("get_single_bench_note_by_id", id="n_1"))
    return tuple(found)


@contextmanager
def _peak(pid: int) -> Iterator[list[float]]:
    """The most memory that the processes had, looked at ten times a second."""
    most, done = [0.0], threading.Event()

    def look() -> None:
        while not done.wait(_LOOK_S):
            most[0] = max(most[0], cost_of(pid).memory_mb)

    watching = threading.Thread(target=look)
    watching.start()
    try:
        yield most
    finally:
        done.set()
        watching.join()


def possible() -> str:
    """Why this part cannot run here, or an empty text."""
    return "" if os.geteuid() == 0 else "only root may open so many files"
