"""A deployment of the real program, driven from outside: commands, `serve`, MCP calls."""

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from tests.support.calling import legacy, legacy_headers
from tests.support.items import GET, items
from tests.support.lab import Lab

from mcpassport.cli.client import Api, Remote, open_api
from mcpassport.cli.demo.processes import free_port, running
from mcpassport.cli.init import make_deployment

CALL = legacy("tools/call", {"name": GET, "arguments": {"id": "1"}})
HEADERS = {**legacy_headers(), "content-type": "application/json"}


@dataclass
class Deployed:
    """Its settings file, where it listens, and its admin token."""

    config: Path
    port: int
    token: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def command(self, *arguments: str) -> list[str]:
        """A command on this deployment, as a process is given it."""
        return [sys.executable, "-m", "mcpassport", *arguments, "--config", str(self.config)]

    def run(self, *arguments: str) -> Any:
        """Run a command that must succeed; its JSON."""
        command = self.command(*arguments, "--json")
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def refused(self, *arguments: str) -> str:
        """Run a command that must fail; what it said on standard error."""
        done = subprocess.run(
            self.command(*arguments), capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode != 0, done.stdout
        return done.stderr

    def keep(self, **where: str) -> None:
        """Let the settings say where everything is."""
        lines = [
            line
            for line in self.config.read_text().splitlines()
            if not line.startswith(("store_url", "data_dir"))
        ]
        told = [f"{name} = {json.dumps(value)}" for name, value in where.items()]
        self.config.write_text("\n".join([*told, *lines]) + "\n")

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Api]:
        """`mcpassport serve` until the end of the block; its management API, as admin."""
        command = self.command("serve", "--port", str(self.port))
        log = self.config.with_suffix(".log")
        with running(command, log, ready=(self.port, "/readyz")):
            async with open_api(None, Remote(self.url, self.token)) as api:
                yield api

    def chain(self) -> tuple[bool, int]:
        """Whether the exported chain of the tenant is whole, and how long it is."""
        file = self.config.with_name("chain.ndjson")
        file.unlink(missing_ok=True)
        self.run("audit", "export", "--tenant", "acme", "--out", str(file))
        command = [sys.executable, "-m", "mcpassport", "audit", "verify", str(file), "--json"]
        said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        verdict = json.loads(said.stdout)
        return verdict["whole"], verdict["rows"]


async def deployed(folder: Path, lab: Lab) -> Deployed:
    """What `init` makes in that folder, allowed to reach the lab."""
    port = free_port()
    config, _, admin = await make_deployment(folder, f"http://127.0.0.1:{port}")
    config.write_text(f'private_hosts = ["{lab.listing}"]\n{config.read_text()}')
    return Deployed(config, port, admin["token"])


async def furnish(api: Api, lab: Lab) -> str:
    """The lab's integration, a tenant and an account; the path of the account's MCP servers."""
    await api.call("POST", "/integration", body=items(lab.origin))
    await api.call("POST", "/tenant", body={"id": "acme", "name": "Acme"})
    body = {"tenant": "acme", "integration": "lab", "name": "a", "credential_kind": "bearer"}
    account = await api.call(
        "POST", "/integrated-account", body=body | {"credential": {"token": "lab_0001"}}
    )
    return f"/integrated-account/{account['id']}/mcp"


async def answer(url: str) -> tuple[int, Any]:
    """What a tool call at that URL of an MCP server comes to: status, and its result if any."""
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data=CALL, headers=HEADERS) as response,
    ):
        document = await response.json()
        return response.status, document.get("result", {}).get("structuredContent")
