"""What is measured: deployments of mcpassport, and the bare pass-through beside them."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from bench.load import Target, request
from bench.machine import SERVER_CORE, pinned

from mcpassport.cli.client import Remote, open_api
from mcpassport.cli.demo.processes import free_port, running
from mcpassport.cli.init import make_deployment
from mcpassport.cli.integration import load_usable
from mcpassport.settings import CONFIG_NAME

HERE: Final = Path(__file__).parent
SHIPPED: Final = "mcpassport.serving.worker"
JSON: Final = {
    "Content-Type": "application/json",
    "Accept": "application/json, text/event-stream",
    "MCP-Protocol-Version": "2025-11-25",
}
LIMITS: Final = {
    "calls_per_10s": 100_000,
    "in_flight_server": 1024,
    "in_flight_tenant": 4096,
    "in_flight_host": 16_384,
    "in_flight_process": 16_384,
    "connections": 65_536,
}
"""Raised to their ceilings: the bench measures the work, not the limits."""


class Running(NamedTuple):
    """A server under test."""

    port: int
    pid: int
    admin: str = ""


class Grant(NamedTuple):
    """An MCP server that calls may go to."""

    path: str
    headers: Mapping[str, str]

    def call(self, tool: str, **arguments: str) -> bytes:
        """One `tools/call` as bytes."""
        return self.rpc("tools/call", {"name": tool, "arguments": arguments})

    def rpc(self, method: str, params: Any = None) -> bytes:
        """One JSON-RPC request as bytes."""
        return rpc(self.path, method, params, self.headers)


def rpc(
    path: str, method: str, params: Any = None, headers: Mapping[str, str] = JSON, number: int = 1
) -> bytes:
    """One JSON-RPC request to that path as bytes; `number` is its id."""
    message = {"jsonrpc": "2.0", "id": number, "method": method, "params": params or {}}
    return request("POST", path, dict(headers), json.dumps(message).encode())


def direct(port: int, path: str) -> Target:
    """The upstream, called without anything between."""
    headers = {"Accept": "application/json", "Authorization": "Bearer bench_credential"}
    return Target("direct", port, (request("GET", path, headers),))


@contextmanager
def bare(folder: Path, upstream: int) -> Iterator[Running]:
    """The bare pass-through."""
    port = free_port()
    command = [sys.executable, "-m", "granian", "--interface", "asgi", "--http", "1", "--no-ws"]
    command += ["--workers", "1", "--backpressure", "16384", "--port", str(port)]
    environ = {"BENCH_UPSTREAM": f"127.0.0.1:{upstream}"}
    with _serving([*command, "bench.apps.bare:app"], folder, (port, "/"), environ) as process:
        yield Running(port, process.pid)


@contextmanager
def mcpassport(
    folder: Path,
    upstream: int,
    *,
    durability: str = "disk",
    app: str = "",
    limits: Mapping[str, int] | None = None,
    settings: Mapping[str, str] | None = None,
) -> Iterator[Running]:
    """A deployment as `mcpassport serve` runs it, or with another app in its place."""
    folder.mkdir(parents=True)
    config = asyncio.run(make_deployment(folder / "home", "http://127.0.0.1:1")).config
    wanted = {"audit_durability": durability, **(settings or {})}
    write_settings(config, upstream, wanted, LIMITS | dict(limits or {}))
    admin = asyncio.run(_admin_token(config))
    with again(folder, app) as served:
        yield served._replace(admin=admin)


@contextmanager
def again(folder: Path, app: str = "") -> Iterator[Running]:
    """A deployment that was made before, served once more."""
    port = free_port()
    command = [sys.executable, "-m", "bench.apps.serve", app or SHIPPED]
    command += ["--config", str(folder / "home" / CONFIG_NAME), "--port", str(port)]
    with _serving(command, folder, (port, "/version")) as process:
        yield Running(port, process.pid)


async def _admin_token(config: Path) -> str:
    """One more, since the settings may have led to another store than the first is in."""
    async with open_api(config, None) as api:
        made = await api.call("POST", "/api-token", body={"role": "admin", "name": "bench"})
    return str(made["token"])


def write_settings(
    config: Path, upstream: int, settings: Mapping[str, str], limits: Mapping[str, int] = LIMITS
) -> None:
    """Settings for the bench in place of the section of limits."""
    lines = [f'private_hosts = ["127.0.0.1:{upstream}"]']
    lines += [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    lines += ["", "[limits]", *(f"{name} = {value}" for name, value in limits.items())]
    text = config.read_text().replace("# [limits]", "\n".join(lines), 1)
    config.write_text(text)


def content(folder: Path, upstream: int, tools: int = 0) -> dict[str, Any]:
    """The integration that the bench pushes; with `tools`, one of so many tools."""
    shutil.copytree(HERE / "integration", folder)
    config = folder / "integration.yaml"
    config.write_text(config.read_text().replace("127.0.0.1:1/", f"127.0.0.1:{upstream}/"))
    loaded: dict[str, Any] = load_usable(folder).content
    if not tools:
        return loaded
    document: dict[str, Any] = json.loads(json.dumps(loaded))
    records = {item["method"]: item for item in document["documentation"][:2]}
    methods = document["config"]["resources"]["notes"]["methods"]
    document["config"]["name"] = f"bench{tools}"
    names = [f"get{number:04d}" for number in range(tools)]
    document["config"]["resources"] = {
        "notes": {"singular": "note", "methods": dict.fromkeys(names, methods["expressed"])}
    }
    document["documentation"] = [{**records["expressed"], "method": name} for name in names]
    return document


class Vendor:
    """Makes what a vendor makes: integration, tenants, accounts and servers."""

    def __init__(self, server: Running) -> None:
        self._server = server

    async def push(self, document: dict[str, Any]) -> str:
        """Push an integration; its name."""
        async with self._api() as api:
            await api.call("POST", "/integration", body=document)
        return str(document["config"]["name"])

    async def tenant(self, tenant: str) -> None:
        """A tenant of that id."""
        async with self._api() as api:
            await api.call("POST", "/tenant", body={"id": tenant, "name": tenant})

    async def account(self, tenant: str, integration: str) -> str:
        """An account of the tenant; its id."""
        body: dict[str, Any] = {"tenant": tenant, "integration": integration, "name": "bench"}
        body |= {"credential_kind": "bearer", "credential": {"token": "bench_credential"}}
        async with self._api() as api:
            return str((await api.call("POST", "/integrated-account", body=body))["id"])

    async def grant(self, tenant: str, account: str, *, factor: bool = False) -> Grant:
        """An MCP server on the account, with or without a second factor."""
        config = {"require_api_token_auth": factor}
        async with self._api() as api:
            path = f"/integrated-account/{account}/mcp"
            made = await api.call("POST", path, body={"name": "bench", "config": config})
            headers = dict(JSON)
            if factor:
                body = {"role": "factor", "tenant": tenant, "name": "bench"}
                token = await api.call("POST", "/api-token", body=body)
                headers["Authorization"] = f"Bearer {token['token']}"
        return Grant(urlsplit(made["url"]).path, headers)

    def _api(self) -> Any:
        return open_api(None, Remote(f"http://127.0.0.1:{self._server.port}", self._server.admin))


@contextmanager
def _serving(
    command: list[str],
    folder: Path,
    ready: tuple[int, str],
    environ: Mapping[str, str] | None = None,
) -> Iterator["subprocess.Popen[bytes]"]:
    folder.mkdir(parents=True, exist_ok=True)
    assigned = [f"{name}={value}" for name, value in (environ or {}).items()]
    paths = [*(str(path) for path in (HERE.parent,)), os.environ.get("PYTHONPATH", "")]
    assigned.append("PYTHONPATH=" + os.pathsep.join(path for path in paths if path))
    with running(
        pinned(["env", *assigned, *command], SERVER_CORE), folder / "serve.log", ready=ready
    ) as process:
        yield process
