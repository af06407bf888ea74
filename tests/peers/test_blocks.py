"""The client blocks of the reference, run as they are printed, with the secrets filled in."""

import json
import os
import subprocess
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from tests.peers.house import TENANT, House
from tests.peers.npm import CHECKOUT, ensure_packages, node
from tests.support.debian import program
from tests.support.items import LIST

from mcpassport.cli.demo.environments import ensure_environment
from mcpassport.reference.sections.clients import TRIED

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.xdist_group("peer-blocks")]

Run: TypeAlias = Callable[[str, dict[str, str], Path], str]
"""The text of a block, the environment, an empty folder -> what was printed."""
TIMEOUT_S = 300
HELLO: tuple[dict[str, Any], ...] = (
    {
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "peer", "version": "1"},
        },
    },
    {"method": "notifications/initialized"},
    {"id": 2, "method": "tools/list"},
)


def _done(command: list[str], environment: dict[str, str], folder: Path, told: str = "") -> str:
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **environment},
        input=told,
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _python(name: str) -> Run:
    def run(text: str, environment: dict[str, str], folder: Path) -> str:
        (folder / "block.py").write_text(text)
        return _done([str(ensure_environment(CHECKOUT, name)), "block.py"], environment, folder)

    return run


def _node(name: str) -> Run:
    def run(text: str, environment: dict[str, str], folder: Path) -> str:
        (folder / "node_modules").symlink_to(ensure_packages(name) / "node_modules")
        (folder / "block.mjs").write_text(text)
        return _done([str(node()), "block.mjs"], environment, folder)

    return run


def _shell(text: str, environment: dict[str, str], folder: Path) -> str:
    curl = program("curl", "curl")
    path = f"{Path(curl.path).parent}:{os.environ['PATH']}"
    return _done(["sh", "-c", text], {**curl.environment, **environment, "PATH": path}, folder)


def _desktop(text: str, _environment: dict[str, str], folder: Path) -> str:
    """What Claude Desktop does with its file: it starts the command and talks to it by lines."""
    (entry,) = json.loads(text)["mcpServers"].values()
    assert (entry["command"], entry["args"][:2]) == ("npx", ["-y", "mcp-remote"])
    proxy = ensure_packages("remote") / "node_modules" / "mcp-remote" / "dist" / "proxy.js"
    command = [str(node()), str(proxy), *entry["args"][2:]]
    home = {**os.environ, **entry["env"], "HOME": str(folder)}
    with subprocess.Popen(
        command, cwd=folder, env=home, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as bridge:  # fmt: skip
        assert bridge.stdin is not None
        assert bridge.stdout is not None
        answer = ""
        for message in HELLO:
            bridge.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
            bridge.stdin.flush()
            answer = bridge.stdout.readline() if "id" in message else answer
        bridge.terminate()
    return answer


RUNNERS: dict[str, Run] = {
    "claude_desktop_config.json": _desktop,
    "langchain-mcp-adapters": _python("client-langchain"),
    "openai-agents": _python("client-openai"),
    "mcp 1.x": _python("mcp1"),
    "mcp 2.x": _python("mcp2"),
    "@modelcontextprotocol/sdk 1.x": _node("sdk1"),
    "@modelcontextprotocol/client 2.x": _node("sdk2"),
    "List the tools": _shell,
    "Call a tool": _shell,
}


def _printed(home: House, title: str) -> str:
    """The block of that title in the reference that the deployment publishes."""
    with urllib.request.urlopen(f"{home.url}/reference/lab.json") as response:
        document = json.load(response)
    nodes = [node for section in document["sections"] for node in section["nodes"]]
    return str(next(n["text"] for n in nodes if n["node"] == "code" and n["title"] == title))


@pytest.mark.parametrize("title", RUNNERS)
def test_a_block_does_what_it_says(home: House, tmp_path: Path, title: str) -> None:
    """It reaches a server that demands both layers, and lists or calls its tools."""
    server = home.server("lab", require_api_token_auth=True)
    made = {"role": "factor", "name": "agent", "tenant": TENANT}
    factor = str(home.api("POST", "/api-token", made)["token"])
    text = _printed(home, title).replace("mcpp_api_<token>", factor)
    text = text.replace("/mcp/<token>", f"/mcp/{server['token']}")
    assert "<token>" not in text
    home.lab.forget()
    printed = RUNNERS[title](text, {"MCP_API_TOKEN": factor}, tmp_path)
    if title == "Call a tool":
        assert printed.startswith("HTTP/1.1 200"), printed
        assert len(home.lab.requests()) == 1, printed  # whatever the lab answers there
    else:
        assert LIST in printed, printed


def test_every_block_that_says_so_is_run_here() -> None:
    """The table of what was executed names exactly these."""
    assert set(RUNNERS) == set(TRIED)
