"""A neighbour's latency while strangers try random tokens from many networks."""

import asyncio
import multiprocessing
import secrets
from pathlib import Path
from typing import Any, Final

from bench import servers
from bench.load import Load, Target
from bench.measure import Plan
from bench.parts.audit import full_call
from bench.servers import rpc

from mcpassport.gate.tokens import issue
from mcpassport.limits import SERVER_TOKEN_PREFIX

TOKENS: Final = 100_000
NETWORKS: Final = tuple(f"127.0.{number}.1" for number in range(1, 17))
"""Sixteen of the loopback's /24, which the server tells apart as networks of clients."""
STRANGERS: Final = 8
NEIGHBOURS: Final = 8


def run(folder: Path, upstream: int, plan: Plan, tokens: int = TOKENS) -> dict[str, Any]:
    """p99 alone, and while the flood lasts."""
    with servers.mcpassport(folder / "flood", upstream) as server:
        target = asyncio.run(full_call(folder / "flood-content", server, upstream))
        with Load(target, NEIGHBOURS) as load:
            load.run(plan.warm_up)
            alone = load.run(plan.seconds * plan.rounds)
            flood = multiprocessing.Process(target=_flood, args=(server.port, tokens))
            flood.start()
            during = []
            while flood.is_alive():
                during.append(load.run(plan.seconds))
            flood.join()
    if flood.exitcode:
        raise SystemExit("the flood met something else than 404 and 429")
    latencies = sorted(latency for figures in during for latency in figures.latencies)
    p99 = latencies[int(len(latencies) * 0.99)]
    ratio = p99 / alone.percentile(0.99)
    print(f"  p99 {alone.percentile(0.99):.1f} ms alone, {p99:.1f} ms in the flood", flush=True)
    return {
        "tokens": tokens,
        "p99_ms_alone": round(alone.percentile(0.99), 2),
        "p99_ms_during": round(p99, 2),
        "p50_ms_alone": round(alone.percentile(0.5), 2),
        "p50_ms_during": round(latencies[len(latencies) // 2], 2),
        "p99_ratio": round(ratio, 2),
    }


def _flood(port: int, tokens: int) -> None:
    """Each request tries a token of its own, well formed, so that it is looked up."""
    paths = (f"/mcp/{issue(SERVER_TOKEN_PREFIX, secrets.token_bytes)}" for _ in range(tokens))
    requests = tuple(rpc(path, "tools/list") for path in paths)
    target = Target("flood", port, requests, frozenset({404, 429}), NETWORKS)
    with Load(target, STRANGERS) as load:
        load.run(calls=tokens)
