"""The table of clients: what each is called, where its version is pinned, how it is started."""

import json
import os
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from tests.peers.npm import CHECKOUT, LOCKS, ensure_packages, node

from mcpassport.cli.demo.environments import ensure_environment

PROGRAMS = Path(__file__).parent / "programs"
REQUIREMENTS = CHECKOUT / "requirements"
MODERN = "2026-07-28"
SESSION_S = 300

Command: TypeAlias = tuple[list[str], Path]
"""What to run, and in which folder."""


@dataclass(frozen=True)
class Client:
    """An unmodified client in an environment of its own; `mode` is how it settles the revision."""

    label: str
    package: str
    mode: str
    lock: Path
    start: Callable[[], Command]

    def session(
        self, url: str, steps: list[dict[str, Any]], headers: dict[str, str] | None = None
    ) -> dict[str, Any]:
        """Take the steps in one process: `{answers, refused, version}`."""
        command, folder = self.start()
        asked = {"url": url, "headers": headers or {}, "mode": self.mode, "steps": steps}
        done = subprocess.run(
            command,
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(CHECKOUT)},
            input=json.dumps(asked),
            capture_output=True,
            text=True,
            check=False,
            timeout=SESSION_S,
        )
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def pinned(self) -> str:
        """The version that the lock names."""
        text = self.lock.read_text()
        if self.lock.suffix == ".json":
            return str(json.loads(text)["dependencies"][self.package])
        found = re.search(rf"^{re.escape(self.package)}==(\S+)", text, re.MULTILINE)
        assert found is not None, f"{self.lock} pins no {self.package}"
        return found.group(1)


def _python(label: str, package: str, mode: str, environment: str, program: str) -> Client:
    """A client of Python, driven by a program in its environment."""

    def start() -> Command:
        return [str(ensure_environment(CHECKOUT, environment)), str(PROGRAMS / program)], CHECKOUT

    return Client(label, package, mode, REQUIREMENTS / f"{environment}.lock", start)


def _node(label: str, package: str, mode: str, name: str) -> Client:
    """A client of Node; its program is given as text, so that it imports from the folder."""

    def start() -> Command:
        program = (PROGRAMS / "node_client.mjs").read_text()
        flags = ["--input-type=module", "--eval", program, "--", name]
        return [str(node()), *flags], ensure_packages(name)

    return Client(label, package, mode, LOCKS / name / "package.json", start)


_SDK2 = "@modelcontextprotocol/client"
_INSPECTOR = "@modelcontextprotocol/inspector"
CLIENTS: dict[str, Client] = {
    "mcp-1": _python("Python SDK 1.x", "mcp", "legacy", "mcp1", "python_sdk.py"),
    "mcp-2-auto": _python("Python SDK 2.x", "mcp", "auto", "mcp2", "python_sdk.py"),
    "mcp-2-legacy": _python("Python SDK 2.x", "mcp", "legacy", "mcp2", "python_sdk.py"),
    "mcp-2-pinned": _python("Python SDK 2.x", "mcp", MODERN, "mcp2", "python_sdk.py"),
    "typescript-1": _node("TypeScript SDK 1.x", "@modelcontextprotocol/sdk", "legacy", "sdk1"),
    "typescript-2-legacy": _node("TypeScript SDK 2.x", _SDK2, "legacy", "sdk2"),
    "typescript-2-auto": _node("TypeScript SDK 2.x", _SDK2, "auto", "sdk2"),
    "typescript-2-pinned": _node("TypeScript SDK 2.x", _SDK2, MODERN, "sdk2"),
    "fastmcp": _python("FastMCP client", "fastmcp", "auto", "client-fastmcp", "fastmcp_client.py"),
    "langchain": _python(
        "LangChain MCP adapters",
        *("langchain-mcp-adapters", "legacy", "client-langchain", "langchain_client.py"),
    ),
    "openai-agents": _python(
        "OpenAI Agents SDK", "openai-agents", "auto", "client-openai", "openai_client.py"
    ),
    "mcp-remote-legacy": _node("mcp-remote", "mcp-remote", "legacy", "remote"),
    "mcp-remote-auto": _node("mcp-remote", "mcp-remote", "auto", "remote"),
    "inspector-legacy": _node("Inspector, command line", _INSPECTOR, "legacy", "inspector"),
    "inspector-modern": _node("Inspector, command line", _INSPECTOR, "modern", "inspector"),
}
"""`make locks` renews the versions; a new one may answer otherwise, and the record tells."""
