"""What a call costs our process when records and audit are in PostgreSQL."""

import asyncio
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from bench import servers
from bench.measure import Plan, Row, in_turns
from bench.parts.audit import full_call
from tests.support.postgres import PostgresServer

CONNECTIONS: Final = 32
_SETTINGS: Final[dict[str, tuple[str, ...]]] = {"sqlite": (), "postgresql": ("store_url",)}
"""Which settings name the database."""


def run(folder: Path, upstream: int, plan: Plan) -> dict[str, Any]:
    """A row for each store. The database's own processes run on the load's core, uncounted.

    Its durability is `process` in both, so that no wait for a disk hides what the code costs.
    """
    database = PostgresServer().start()  # inherits the core of this process
    try:
        with ExitStack() as stack:
            rows = []
            for name, settings in _SETTINGS.items():
                url = dict.fromkeys(settings, database.url)
                server = stack.enter_context(
                    servers.mcpassport(folder / name, upstream, durability="process", settings=url)
                )
                target = asyncio.run(full_call(folder / f"{name}-content", server, upstream))
                rows.append(Row(target._replace(name=name), server.pid))
            found = {row["row"]: row for row in in_turns(rows, CONNECTIONS, plan)}
    finally:
        database.remove()
    ratio = found["postgresql"]["cpu_us_per_call"] / found["sqlite"]["cpu_us_per_call"]
    print(f"  CPU per call, PostgreSQL over SQLite: {ratio:.2f}", flush=True)
    return {"rows": list(found.values()), "cpu_ratio": round(ratio, 2)}
