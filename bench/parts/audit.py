"""What the audit costs: everything on, against the same with a store that keeps nothing."""

import asyncio
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from bench import servers
from bench.load import Target
from bench.measure import Plan, Row, in_turns
from bench.servers import Running, Vendor

CONNECTIONS: Final = 32
FORMS: Final = {
    "process": ("process", ""),
    "disk": ("disk", ""),
    "none": ("process", "bench.apps.null_audit"),
}


def run(folder: Path, upstream: int, plan: Plan) -> dict[str, Any]:
    """Rows for both durabilities and for no store, and which share of throughput each costs."""
    with ExitStack() as stack:
        rows = []
        for name, (durability, app) in FORMS.items():
            server = stack.enter_context(
                servers.mcpassport(folder / name, upstream, durability=durability, app=app)
            )
            target = asyncio.run(full_call(folder / f"{name}-content", server, upstream))
            rows.append(Row(target._replace(name=name), server.pid))
        found = {row["row"]: row for row in in_turns(rows, CONNECTIONS, plan)}
    costs = {
        name: round(1 - found[name]["calls_per_s"] / found["none"]["calls_per_s"], 3)
        for name in ("process", "disk")
    }
    print(f"  the audit costs {costs}", flush=True)
    return {"rows": list(found.values()), "share_of_throughput": costs}


async def full_call(folder: Path, server: Running, upstream: int) -> Target:
    """The call with everything on."""
    vendor = Vendor(server)
    integration = await vendor.push(servers.content(folder, upstream))
    await vendor.tenant("bench")
    account = await vendor.account("bench", integration)
    grant = await vendor.grant("bench", account, factor=True)
    return Target("full", server.port, (grant.call("bench_note_expressed", id="n_1"),))
