"""A deployment of real processes over the lab: served, called under load, and killed."""

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
from tests.support.calling import modern, modern_headers
from tests.support.items import GET, items
from tests.support.lab import Lab
from yarl import URL

from mcpassport.audit.chain import verify
from mcpassport.audit.edge import EDGE
from mcpassport.cli.client import Remote, open_api
from mcpassport.cli.demo.processes import free_port, running
from mcpassport.cli.init import make_deployment
from mcpassport.records.audit import AuditRow, EdgeCount
from mcpassport.serving.child import WORKER
from mcpassport.store import open_audit

CLIENT = "io.modelcontextprotocol/clientInfo"
LIMITS = "calls_per_10s = 100000\nin_flight_server = 512\nin_flight_tenant = 512\n"


@dataclass
class Served:
    """What `mcpassport serve` serves: one tenant, one account, one MCP server."""

    folder: Path
    process: subprocess.Popen[bytes]
    port: int
    server: str
    token: str

    @property
    def address(self) -> str:
        """The MCP server, without a proxy."""
        return f"http://127.0.0.1:{self.port}/mcp/{self.token}"

    @property
    def pid(self) -> int:
        """The process that keeps the workers running."""
        return self.process.pid

    @property
    def config(self) -> Path:
        """Its settings file."""
        return self.folder / "home" / "mcpassport.toml"

    @property
    def url(self) -> URL:
        """Where it listens."""
        return URL(f"http://127.0.0.1:{self.port}")

    def log(self) -> list[dict[str, Any]]:
        """The events that it logged."""
        lines = (self.folder / "serve.log").read_text(errors="replace").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def logged(self, event: str) -> list[dict[str, Any]]:
        """The events of that name."""
        return [line for line in self.log() if line["event"] == event]

    def change(self, **settings: Any) -> None:
        """Put settings at the head of the file, in place of those of that name."""
        _set(self.config, settings)

    def signal(self, sign: signal.Signals) -> None:
        """Send the signal to the supervisor alone."""
        self.process.send_signal(sign)

    def workers(self) -> list[int]:
        """The worker processes, found as children of the server."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return [int(child) for child in children if _is_worker(int(child))]

    def kill(self, worker: int) -> None:
        """End a worker as the kernel does when memory runs out."""
        os.kill(worker, signal.SIGKILL)

    async def call(
        self, session: aiohttp.ClientSession, name: str, tool: str = GET
    ) -> dict[str, Any] | None:
        """One tool call that names itself in its client name and its argument; None: no answer."""
        params = {"name": tool, "arguments": {"id": name} if tool == GET else {}}
        body = modern("tools/call", params, **{CLIENT: {"name": name, "version": "1"}})
        headers = {**modern_headers("tools/call", tool), "content-type": "application/json"}
        try:
            async with session.post(self.address, data=body, headers=headers) as response:
                answer: dict[str, Any] = await response.json()
                return answer
        except (aiohttp.ClientError, TimeoutError):
            return None

    async def rows(self) -> list[AuditRow]:
        """The tenant's rows, once the chain has been verified."""
        audit = open_audit(f"sqlite:///{self.folder / 'home' / 'data'}")
        try:
            chained = await audit.rows("acme", limit=1_000_000)
        finally:
            await audit.close()
        assert verify(chained) is None
        return [msgspec.json.decode(row.body, type=AuditRow) for row in chained]

    async def strangers(self) -> set[str]:
        """The networks of requests that resolved to nobody."""
        audit = open_audit(f"sqlite:///{self.folder / 'home' / 'data'}")
        try:
            rows = await audit.rows(EDGE, limit=10_000)
            return {msgspec.json.decode(row.body, type=EdgeCount).network for row in rows}
        finally:
            await audit.close()

    def open_intents(self) -> int:
        """How many intents are open now, read around the program."""
        path = self.folder / "home" / "data" / "audit.db"
        connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
        try:
            return int(connection.execute("SELECT count(*) FROM open").fetchone()[0])
        finally:
            connection.close()


def _set(config: Path, settings: Mapping[str, Any]) -> None:
    """Put settings at the head of a file, in place of those of that name; JSON is TOML here."""
    lines = config.read_text().splitlines()
    kept = [line for line in lines if line.partition(" ")[0] not in settings]
    told = [f"{name} = {msgspec.json.encode(value).decode()}" for name, value in settings.items()]
    config.write_text("\n".join([*told, *kept]) + "\n")


def _is_worker(pid: int) -> bool:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return WORKER.encode() in command.split(b"\0")


@asynccontextmanager
async def served(
    folder: Path,
    lab: Lab,
    settings: Mapping[str, Any],
    environment: Mapping[str, str],
    *,
    program: Sequence[str] = (sys.executable, "-m", "mcpassport"),
) -> AsyncIterator[Served]:
    """`mcpassport serve` over the lab, with more lines for the settings file, until the end."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    config, _, token = await make_deployment(folder / "home", url)
    config.write_text(config.read_text().replace("# [limits]", f"\n[limits]\n{LIMITS}", 1))
    _set(config, {"private_hosts": [lab.listing], "drain_notice_s": 0, **settings})
    command = [*program, "serve", "--config", str(config), "--port", str(port)]
    if environment:
        command = ["env", *(f"{name}={text}" for name, text in environment.items()), *command]
    with running(command, folder / "serve.log", ready=(port, "/version")) as process:
        async with open_api(None, Remote(url, token["token"])) as api:
            await api.call("POST", "/integration", body=items(lab.origin))
            await api.call("POST", "/tenant", body={"id": "acme", "name": "Acme"})
            body = {
                "tenant": "acme",
                "integration": "lab",
                "name": "a",
                "credential_kind": "bearer",
            }
            account = await api.call(
                "POST", "/integrated-account", body=body | {"credential": {"token": "lab_0001"}}
            )
            path = f"/integrated-account/{account['id']}/mcp"
            server = await api.call("POST", path, body={"name": "agent"})
        yield Served(folder, process, port, server["id"], server["token"])


async def until(condition: Any, seconds: float, what: str) -> None:
    """Wait for a condition; fails when it does not come."""
    for _ in range(int(seconds / 0.05)):
        if condition():
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {what}")
