"""One live deployment over a real Kinto for all end-to-end tests of a run."""

import asyncio
import json
import secrets
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from mcpassport.cli.client import Remote, open_api
from mcpassport.cli.demo.environments import ensure_environment
from mcpassport.cli.demo.kinto import Kinto, running_kinto, seed
from mcpassport.cli.demo.processes import free_port, running
from mcpassport.cli.init import make_deployment
from mcpassport.cli.integration import load_usable
from mcpassport.cli.openapi import read, write

CHECKOUT = Path(__file__).parents[2]
AGENT = CHECKOUT / "src" / "mcpassport" / "cli" / "demo" / "agent.py"
CONTACTS = 103
TICKETS = 41
PASSWORD = "kinto-" + secrets.token_urlsafe(24)


@dataclass
class Live:
    """A running deployment, its upstream, and everything secret that it was given."""

    folder: Path
    config: Path
    url: str
    kinto: Kinto
    admin_token: str
    account: str
    secrets: set[str] = field(default_factory=set)

    def api(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """One request to the management API as admin."""

        async def call() -> Any:
            async with open_api(None, Remote(self.url, self.admin_token)) as api:
                return await api.call(method, path, query=query, body=body)

        return asyncio.run(call())

    def server(self, name: str, **config: Any) -> dict[str, Any]:
        """A new MCP server on the account."""
        body = {"name": name, "config": config}
        server: dict[str, Any] = self.api("POST", f"/integrated-account/{self.account}/mcp", body)
        self.secrets.add(server["token"])
        return server

    def factor(self) -> str:
        """A new API token of the role `factor`."""
        body = {"role": "factor", "tenant": "acme", "name": "agent"}
        token = str(self.api("POST", "/api-token", body)["token"])
        self.secrets.add(token)
        return token

    def kinto_records(self, collection: str) -> list[dict[str, Any]]:
        """The upstream's own view, read around us."""
        path = f"/buckets/crm/collections/{collection}/records"
        records: list[dict[str, Any]] = self.kinto.request("GET", path)["data"]
        return records


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """Kinto, a deployment on it, and a tenant with an account, each a process of its own."""
    folder = tmp_path_factory.mktemp("live")
    with ExitStack() as stack:
        kinto_python = ensure_environment(CHECKOUT, "kinto")
        kinto = stack.enter_context(running_kinto(kinto_python, folder, PASSWORD))
        seed(kinto, contacts=CONTACTS, tickets=TICKETS)
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        config, _, token = asyncio.run(make_deployment(folder / "home", url))
        _allow(config, f"127.0.0.1:{kinto.port}")
        command = [
            *(sys.executable, "-m", "mcpassport", "serve"),
            *("--config", str(config), "--port", str(port)),
        ]
        stack.enter_context(running(command, folder / "serve.log", ready=(port, "/version")))
        deployment = Live(folder, config, url, kinto, token["token"], account="")
        deployment.secrets |= {token["token"], PASSWORD}
        deployment.account = _connect(deployment)
        yield deployment


def _allow(config: Path, host: str) -> None:
    text = config.read_text().replace("# [limits]", f'private_hosts = ["{host}"]\n# [limits]', 1)
    config.write_text(text)
    assert tomllib.loads(text)["private_hosts"] == [host]


def _connect(live: Live) -> str:
    source = live.folder / "crm"
    description = f"{live.kinto.url}/__api__"
    imported = asyncio.run(read(description, name="crm", include=(), base_url=live.kinto.url))
    write(imported, source)
    shutil.copy(CHECKOUT / "integrations" / "crm" / "overlay.yaml", source)
    live.api("POST", "/integration", load_usable(source).content)
    live.api("POST", "/tenant", {"id": "acme", "name": "Acme"})
    credential = {"username": live.kinto.username, "password": live.kinto.password}
    body = {
        "tenant": "acme",
        "integration": "crm",
        "name": "Acme's CRM",
        "credential_kind": "basic",
        "credential": credential,
    }
    return str(live.api("POST", "/integrated-account", body)["id"])


@dataclass(frozen=True)
class Client:
    """An official SDK in its own environment."""

    name: str
    python: Path
    mode: str | None

    def session(
        self, url: str, steps: list[dict[str, Any]], headers: dict[str, str] | None = None
    ) -> dict[str, Any]:
        """Run the steps in one session."""
        asked = {"url": url, "headers": headers or {}, "mode": self.mode, "steps": steps}
        done = subprocess.run(
            [str(self.python), str(AGENT)],
            input=json.dumps(asked),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer


CLIENTS = {
    "mcp-1.x": ("mcp1", None),
    "mcp-2.x-auto": ("mcp2", "auto"),
    "mcp-2.x-legacy": ("mcp2", "legacy"),
    "mcp-2.x-pinned": ("mcp2", "2026-07-28"),
}


@pytest.fixture(params=sorted(CLIENTS))
def client(request: pytest.FixtureRequest) -> Client:
    """Each official Python client in turn."""
    environment, mode = CLIENTS[request.param]
    return Client(request.param, ensure_environment(CHECKOUT, environment), mode)
