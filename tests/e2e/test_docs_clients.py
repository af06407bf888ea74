"""The samples of the page on clients, run as they stand."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from tests.e2e.conftest import CHECKOUT, CONTACTS, Live
from tests.support.pages import marked
from tests.support.shell import shell

from mcpassport.cli.demo.environments import ensure_environment

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("live")]


def given(live: Live) -> dict[str, str]:
    """What the page says the environment holds: a server that demands an API token, and one."""
    server = live.server("documented", methods=["read"], require_api_token_auth=True)
    return {"MCP_URL": server["url"], "MCP_API_TOKEN": live.factor()}


@pytest.mark.parametrize("environment", ["mcp1", "mcp2"])
def test_a_python_sample_reads_every_page(environment: str, live: Live) -> None:
    """It prints how many contacts there are."""
    (block,) = marked("clients.md", environment)
    done = subprocess.run(
        [str(ensure_environment(CHECKOUT, environment)), "-c", block.text],
        env=os.environ | given(live),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(CONTACTS)]


@pytest.mark.parametrize("environment", ["mcp1", "mcp2"])
def test_a_python_sample_says_why_a_call_failed(environment: str, live: Live) -> None:
    """Arguments that break the schema end it with the type and the advice of the envelope."""
    (block,) = marked("clients.md", environment)
    done = subprocess.run(
        [
            str(ensure_environment(CHECKOUT, environment)),
            "-c",
            block.text.replace('"limit": 50', '"limit": "many"'),
        ],
        env=os.environ | given(live),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 1
    assert "invalid_arguments" in done.stderr


def test_the_curl_commands_list_and_call(live: Live, tmp_path: Path) -> None:
    """A plain HTTP caller gets the tools and a page of contacts."""
    folder, programs = tmp_path / "work", tmp_path / "bin"
    for path in (folder, programs):
        path.mkdir()
    (block,) = marked("clients.md", "curl")
    assigned = "".join(f"{name}='{value}'\n" for name, value in given(live).items())
    with shell(folder, programs) as opened:
        done = opened.run(assigned + block.text)
    assert done.returncode == 0, done.stderr
    tools, page = done.stdout.splitlines()
    assert "list_all_crm_contacts" in tools
    answer = json.loads(json.loads(page)["result"]["content"][0]["text"])
    assert len(answer["result"]) == 2
    assert answer["next_cursor"]
