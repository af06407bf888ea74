"""A deployment of real processes over the lab, with the fixture integrations connected."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import yaml
from tests.support.items import items
from tests.support.lab import Lab, rule, running_lab

from mcpassport.cli.client import Remote, open_api
from mcpassport.cli.demo.processes import free_port, running
from mcpassport.cli.init import make_deployment
from mcpassport.cli.integration import load_usable

HERE = Path(__file__).parent
TENANT = "acme"
FIXTURES = ("test", "json")
"""Integrations for the conformance suites; that of the clients is `tests.support.items`."""


@dataclass
class House:
    """What `mcpassport serve` serves; one account per integration, by its name."""

    url: str
    lab: Lab
    admin_token: str
    accounts: dict[str, str] = field(default_factory=dict)

    def api(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """One request to the management API as admin."""

        async def call() -> Any:
            async with open_api(None, Remote(self.url, self.admin_token)) as api:
                return await api.call(method, path, query=query, body=body)

        return asyncio.run(call())

    def connect(self, content: dict[str, Any]) -> None:
        """Push an integration with its API at the lab, and connect an account."""
        name = content["config"]["name"]
        content["config"]["base_url"] = f"{self.lab.origin}/v1"
        self.api("POST", "/integration", content)
        body = {
            "tenant": TENANT,
            "integration": name,
            "name": name,
            "credential_kind": "bearer",
            "credential": {"token": "lab_0001"},
        }
        self.accounts[name] = str(self.api("POST", "/integrated-account", body)["id"])

    def server(self, integration: str, **config: Any) -> dict[str, Any]:
        """A new MCP server."""
        path = f"/integrated-account/{self.accounts[integration]}/mcp"
        server: dict[str, Any] = self.api("POST", path, {"name": "peer", "config": config})
        return server

    def revocation(self, server: dict[str, Any]) -> dict[str, Any]:
        """The request that revokes a server, as a step of a client's session."""
        path = f"/integrated-account/{server['account']}/mcp/{server['id']}"
        return {
            "op": "request",
            "method": "DELETE",
            "url": f"{self.url}{path}",
            "headers": {"Authorization": f"Bearer {self.admin_token}"},
        }


def answers() -> list[dict[str, Any]]:
    """The lab's rules of upstream.yaml."""
    return [rule(**answer) for answer in yaml.safe_load((HERE / "upstream.yaml").read_text())]


@contextmanager
def house(folder: Path) -> Iterator[House]:
    """A deployment in that folder until the block ends."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    config, _, token = asyncio.run(make_deployment(folder / "home", url))
    with running_lab() as lab:
        lab.answers(*answers())
        told = {
            "private_hosts": [lab.listing],
            "allowed_origins": [url],  # the conformance suite asks as a page of this origin
        }
        lines = "".join(f"{key} = {msgspec.json.encode(told[key]).decode()}\n" for key in told)
        lines += "\n[limits]\ncalls_per_10s = 100000\n"  # a suite is hundreds of calls at once
        config.write_text(config.read_text().replace("# [limits]", lines, 1))
        command = [
            *(sys.executable, "-m", "mcpassport", "serve"),
            *("--config", str(config), "--port", str(port)),
        ]
        with running(command, folder / "serve.log", ready=(port, "/version")):
            made = House(url, lab, token["token"])
            made.api("POST", "/tenant", {"id": TENANT, "name": "Acme"})
            for name in FIXTURES:
                made.connect(load_usable(HERE / "integrations" / name).content)
            made.connect(items(lab.origin))
            yield made
