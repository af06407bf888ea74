"""The management API against its own OpenAPI document: Schemathesis, every check, a real server."""

import asyncio
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.lab import Lab, rule, running_lab
from tests.support.serving import Served, served

from mcpassport.cli.client import Remote, open_api
from mcpassport.cli.demo.environments import ensure_environment

CHECKOUT = Path(__file__).parents[2]
CONFIGS = CHECKOUT / "tests" / "fixtures" / "schemathesis"
PASSES: dict[str, tuple[str, tuple[str, ...]]] = {
    # Its ids are made up, or harvested from listings: it must not find the token it works with.
    "any ids": ("any-ids.toml", ("--exclude-path-regex", "^/api-token/")),
    "known ids": (
        "known-ids.toml",
        ("--exclude-method", "DELETE", "--exclude-path-regex", "/offboard$"),
    ),
    "deletions": ("known-ids.toml", ("--include-method", "DELETE")),
    "offboarding": ("known-ids.toml", ("--include-path-regex", "/offboard$")),
}


NAMED_IN_BODY = {"POST /integrated-account", "POST /link-token"}
"""Operations whose objects stand in the body, where a configuration cannot put them."""


@pytest.fixture
def lab() -> Iterator[Lab]:
    with running_lab() as running:
        running.answers(rule("/*", json={"id": "1", "data": []}))
        yield running


async def ids(deployment: Served) -> dict[str, str]:
    """The objects that the second configuration names."""
    async with open_api(None, Remote(origin(deployment), deployment.admin)) as api:
        accounts = await api.call("GET", "/integrated-account", query={"tenant": "acme"})
        account = accounts["result"][0]["id"]
        servers = await api.call("GET", f"/integrated-account/{account}/mcp")
        spare = await api.call("POST", "/api-token", body={"role": "auditor", "name": "spare"})
        address = {"tenant": "acme", "url": "https://hook.invalid/"}
        hook = await api.call("POST", "/webhook", body=address)
    server = servers["result"][0]["id"]
    return {"ACCOUNT": account, "SERVER": server, "TOKEN": spare["id"], "WEBHOOK": hook["id"]}


def origin(deployment: Served) -> str:
    return deployment.address.partition("/mcp/")[0]


async def passed(deployment: Served, name: str, *options: str) -> None:
    """One pass of Schemathesis; its report is the failure's text."""
    config, chosen = PASSES[name]
    found = await ids(deployment)
    python = await asyncio.to_thread(ensure_environment, CHECKOUT, "schemathesis")
    command = [
        *(str(python.with_name("schemathesis")), "--config-file", str(CONFIGS / config)),
        *("run", f"{origin(deployment)}/openapi.json"),
        *("-H", f"Authorization: Bearer {deployment.admin}"),
        *("--checks", "all", "--generation-deterministic"),
        *("--no-color", "--continue-on-failure", *chosen, *options),
    ]
    done = await asyncio.to_thread(
        subprocess.run,
        command,
        cwd=deployment.folder,
        env={**os.environ, **found},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-12_000:] + done.stderr[-2_000:]
    generated, all_passed = re.findall(r"([0-9,]+) generated, ([0-9,]+) passed", done.stdout)[0]
    assert generated == all_passed
    if name == "known ids":
        missing = done.stdout.partition("Missing test data")[2].partition("💡")[0]
        assert set(re.findall(r"- ([A-Z]+ /\S+)", missing)) <= NAMED_IN_BODY


async def test_the_api_is_what_its_document_says(tmp_path: Path, lab: Lab) -> None:
    """The boundary values of every operation: no server error, nothing undocumented."""
    async with served(tmp_path, lab, {}, {}) as deployment:
        await passed(deployment, "any ids", "--phases", "coverage")


@pytest.mark.slow
@pytest.mark.parametrize("name", PASSES)
async def test_the_api_is_what_its_document_says_in_every_phase(
    name: str, tmp_path: Path, lab: Lab
) -> None:
    """Examples, boundary values, fuzzing and sequences of calls, on unknown and known objects."""
    async with served(tmp_path, lab, {}, {}) as deployment:
        await passed(deployment, name, "--max-examples", "50")
