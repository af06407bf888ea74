"""A deployment that serves moves to PostgreSQL and back: URLs, tokens and chains go along."""

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.support.calling import legacy, legacy_headers
from tests.support.items import GET, items
from tests.support.lab import Lab, rule, running_lab
from tests.support.postgres import postgres_url

from mcpassport.cli.client import Remote, open_api
from mcpassport.cli.demo.processes import free_port, running
from mcpassport.cli.init import make_deployment

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.xdist_group("migrate")]

CALL = legacy("tools/call", {"name": GET, "arguments": {"id": "1"}})
HEADERS = {**legacy_headers(), "content-type": "application/json"}


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """A real upstream process."""
    with running_lab() as running:
        running.answers(rule("/*", json={"id": "1"}))
        yield running


def run(config: Path, *arguments: str) -> Any:
    """One command in a process of its own, on the deployment; its JSON."""
    command = [sys.executable, "-m", "mcpassport", *arguments, "--config", str(config), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@asynccontextmanager
async def serving(config: Path, port: int) -> AsyncIterator[None]:
    command = [sys.executable, "-m", "mcpassport", "serve", "--config", str(config)]
    with running(
        [*command, "--port", str(port)], config.with_suffix(".log"), ready=(port, "/readyz")
    ):
        yield


async def answer(url: str) -> tuple[int, Any]:
    """What a tool call at that URL of an MCP server comes to."""
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data=CALL, headers=HEADERS) as response,
    ):
        return response.status, await response.json()


def whole(config: Path, folder: Path) -> tuple[bool, int]:
    """Whether the tenant's exported chain is whole, and how long it is."""
    file = folder / "chain.ndjson"
    file.unlink(missing_ok=True)
    run(config, "audit", "export", "--tenant", "acme", "--out", str(file))
    command = [sys.executable, "-m", "mcpassport", "audit", "verify", str(file), "--json"]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    verdict = json.loads(said.stdout)
    return verdict["whole"], verdict["rows"]


def keep(config: Path, **where: str) -> None:
    """Let the settings say where everything is."""
    lines = [
        line
        for line in config.read_text().splitlines()
        if not line.startswith(("store_url", "data_dir"))
    ]
    told = [f"{name} = {json.dumps(value)}" for name, value in where.items()]
    config.write_text("\n".join([*told, *lines]) + "\n")


async def test_old_urls_and_tokens_work_on_the_other_engine(tmp_path: Path, lab: Lab) -> None:
    """Served from files, from PostgreSQL, and from files again, by the real program."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    config, _, admin = await make_deployment(tmp_path / "home", url)
    config.write_text(f'private_hosts = ["{lab.listing}"]\n{config.read_text()}')
    async with serving(config, port), open_api(None, Remote(url, admin["token"])) as api:
        await api.call("POST", "/integration", body=items(lab.origin))
        await api.call("POST", "/tenant", body={"id": "acme", "name": "Acme"})
        body = {"tenant": "acme", "integration": "lab", "name": "a", "credential_kind": "bearer"}
        account = await api.call(
            "POST", "/integrated-account", body=body | {"credential": {"token": "lab_0001"}}
        )
        path = f"/integrated-account/{account['id']}/mcp"
        kept = await api.call("POST", path, body={"name": "kept"})
        dead = await api.call("POST", path, body={"name": "dead"})
        status, said = await answer(kept["url"])
        assert (status, said["result"]["structuredContent"]) == (200, {"id": "1"})
        await api.call("DELETE", f"{path}/{dead['id']}")
    held, places = whole(config, tmp_path)[1], [postgres_url(tmp_path), tmp_path / "again"]
    for place in places:
        engine = "postgresql" if isinstance(place, str) else "sqlite"
        target = str(place) if engine == "postgresql" else f"sqlite:///{place}"
        report = run(config, "store", "migrate", "--to", target)
        assert (report["refused"], report["broken_chains"]) == ([], [])
        if engine == "postgresql":
            keep(config, store_url=target, data_dir=str(tmp_path / "home" / "data"))
            for file in (tmp_path / "home" / "data").glob("*.db*"):
                file.unlink()
        else:
            keep(config, data_dir=str(place))
        async with serving(config, port), open_api(None, Remote(url, admin["token"])) as api:
            status, said = await answer(kept["url"])
            assert (status, said["result"]["structuredContent"]) == (200, {"id": "1"})
            assert lab.requests()[-1].header("authorization") == "Bearer lab_0001"
            assert (await answer(dead["url"]))[0] == 404
            assert [tenant["id"] for tenant in await api.pages("/tenant")] == ["acme"]
        is_whole, rows = whole(config, tmp_path)
        assert is_whole
        assert rows > held
        held = rows
    assert dead["id"] in (tmp_path / "again" / "revocations.log").read_text()
