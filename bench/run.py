"""Compares a tool call with a direct call of the same upstream, in one run (see README.md)."""

import argparse
import asyncio
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp

from mcpassport.cli.client import Remote, open_api
from mcpassport.cli.demo.processes import free_port, running
from mcpassport.cli.init import make_deployment
from mcpassport.cli.integration import load_usable

HERE = Path(__file__).parent
NOTES = HERE.parent / "tests" / "fixtures" / "integrations" / "notes"
TOOL = "get_single_notes_note_by_id"
CREDENTIAL = {"token": "nt_benchmark1"}


class Target(NamedTuple):
    """What a row calls."""

    name: str
    method: str
    url: str
    headers: dict[str, str]
    body: bytes | None


class Figures(NamedTuple):
    """One round: calls per second, and latencies in milliseconds."""

    rate: float
    p50: float
    p99: float


class Server(NamedTuple):
    """A deployment, by the durability of its audit."""

    durability: str
    url: str
    token: str


@contextmanager
def processes(folder: Path) -> Iterator[tuple[int, list[Server]]]:
    """Upstream and servers; the upstream's port, and the servers."""
    upstream = free_port()
    granian = [sys.executable, "-m", "granian", "--interface", "asgi", "--no-ws"]
    with ExitStack() as stack:
        command = [*granian, "--port", str(upstream), "--working-dir", str(HERE), "upstream:app"]
        stack.enter_context(running(command, folder / "upstream.log", ready=(upstream, "/")))
        servers = [
            stack.enter_context(serving(folder / durability, upstream, durability))
            for durability in ("disk", "process")
        ]
        yield upstream, servers


@contextmanager
def serving(folder: Path, upstream: int, durability: str) -> Iterator[Server]:
    """One server with a deployment of its own."""
    folder.mkdir()
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    config, _, token = asyncio.run(make_deployment(folder / "home", url))
    limits = (
        f'private_hosts = ["127.0.0.1:{upstream}"]\naudit_durability = "{durability}"\n\n'
        "[limits]\ncalls_per_10s = 100000\n"
        "in_flight_server = 1024\nin_flight_tenant = 1024\nin_flight_host = 1024\n"
    )
    config.write_text(config.read_text().replace("# [limits]", limits, 1))
    command = [sys.executable, "-m", "mcpassport", "serve"]
    command += ["--config", str(config), "--port", str(port)]
    with running(command, folder / "serve.log", ready=(port, "/version")):
        yield Server(durability, url, str(token["token"]))


async def targets(upstream: int, served: Server, folder: Path) -> list[Target]:
    """Push the integration, connect an account, and make the servers that the rows call."""
    _, url, token = served
    source = folder / "notes"
    shutil.copytree(NOTES, source)
    config = source / "integration.yaml"
    base = f"http://127.0.0.1:{upstream}/v1"
    text = config.read_text().replace("https://api.notes.example/v1", base)
    config.write_text("\n".join(line for line in text.split("\n") if "errors:" not in line))
    async with open_api(None, Remote(url, token)) as api:
        await api.call("POST", "/integration", body=load_usable(source).content)
        await api.call("POST", "/tenant", body={"id": "bench", "name": "Bench"})
        body: dict[str, Any] = {"tenant": "bench", "integration": "notes", "name": "b"}
        body |= {"credential_kind": "bearer", "credential": CREDENTIAL}
        account = await api.call("POST", "/integrated-account", body=body)
        path = f"/integrated-account/{account['id']}/mcp"
        plain = await api.call("POST", path, body={"name": "plain"})
        strict = {"name": "factor", "config": {"require_api_token_auth": True}}
        strict = await api.call("POST", path, body=strict)
        wanted = {"role": "factor", "tenant": "bench", "name": "b"}
        factor = await api.call("POST", "/api-token", body=wanted)
    call = {"name": TOOL, "arguments": {"id": "n_1"}}
    rpc = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    sent = json.dumps(rpc).encode()
    json_type = {"Content-Type": "application/json"}
    bearer = {"Authorization": f"Bearer {factor['token']}"}
    return [
        Target("direct", "GET", f"{base}/notes/n_1", {}, None),
        Target("plain", "POST", plain["url"], json_type, sent),
        Target("second factor", "POST", strict["url"], json_type | bearer, sent),
    ]


async def all_targets(upstream: int, servers: list[Server], folder: Path) -> list[Target]:
    """Every row with the audit as durable as it is by default, and one with less."""
    disk, process = servers
    found = await targets(upstream, disk, folder / disk.durability)
    less = await targets(upstream, process, folder / process.durability)
    return [*found, less[1]._replace(name="plain, process")]


async def load(target: Target, connections: int, seconds: float) -> Figures:
    """As many calls as fit, over that many connections; any answer but 200 stops the run."""
    latencies: list[float] = []
    until = time.perf_counter() + seconds
    connector = aiohttp.TCPConnector(limit=connections)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def caller() -> None:
            while (started := time.perf_counter()) < until:
                async with session.request(
                    target.method, target.url, headers=target.headers, data=target.body
                ) as response:
                    text = await response.read()
                    if not response.ok or b"isError" in text:
                        raise SystemExit(f"{target.name}: {response.status} {text[:300]!r}")
                latencies.append(time.perf_counter() - started)

        await asyncio.gather(*(caller() for _ in range(connections)))
    ordered = sorted(latencies)
    return Figures(
        len(ordered) / seconds,
        1000 * statistics.median(ordered),
        1000 * ordered[int(len(ordered) * 0.99)],
    )


def measure(found: list[Target], arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """Rows in turns, round after round; the median round of each."""
    rows: list[dict[str, Any]] = []
    for connections in arguments.connections:
        rounds: dict[str, list[Figures]] = {target.name: [] for target in found}
        for _ in range(arguments.rounds):
            for target in found:
                rounds[target.name].append(
                    asyncio.run(load(target, connections, arguments.seconds))
                )
        direct = statistics.median(figures.rate for figures in rounds["direct"])
        for name, figures in rounds.items():
            middle = sorted(figures)[len(figures) // 2]
            row = {"row": name, "connections": connections, "calls_per_s": round(middle.rate)}
            row |= {"p50_ms": round(middle.p50, 2), "p99_ms": round(middle.p99, 2)}
            rows.append(row | {"of_direct": round(middle.rate / direct, 3)})
    return rows


def main() -> None:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0, help="per row and round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--out", type=Path, help="write the rows as JSON too")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with processes(folder) as (upstream, servers):
            rows = measure(asyncio.run(all_targets(upstream, servers, folder)), arguments)
    headings = list(rows[0])
    print("  ".join(f"{heading:>14}" for heading in headings))
    for row in rows:
        print("  ".join(f"{row[heading]!s:>14}" for heading in headings))
    if arguments.out:
        arguments.out.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
