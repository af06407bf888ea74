"""The Inspector's command line: every step is a process of its own, and so a session of its own.

Run by any Python in the folder where the Inspector is installed, with the path of Node as argument;
standard input and output are those of steps.py.
"""

import contextlib
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.peers.programs.steps import run

PACKAGE = Path("node_modules") / "@modelcontextprotocol" / "inspector"
LAUNCHER = PACKAGE / "clients" / "launcher" / "build" / "index.js"


class CommandFailed(Exception):
    """The command printed an error instead of a result."""


class Session:
    """A server's address, asked by one command per step."""

    def __init__(self, given: list[str], folder: str) -> None:
        self._given = given
        self._folder = folder

    async def tools(self) -> list[dict[str, Any]]:
        """Every tool, as listed."""
        tools: list[dict[str, Any]] = self._command("tools/list")["tools"]
        return tools

    async def call(self, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """One tool call."""
        given = ("--tool-name", tool, "--tool-args-json", json.dumps(arguments))
        result = self._command("tools/call", *given)
        texts = [block["text"] for block in result["content"] if block["type"] == "text"]
        return {
            "error": bool(result.get("isError")),
            "text": texts[0] if texts else "",
            "blocks": [block["type"] for block in result["content"]],
            "structured": result.get("structuredContent"),
            "meta": result.get("_meta"),
        }

    def _command(self, method: str, *more: str) -> dict[str, Any]:
        done = subprocess.run(
            [sys.argv[1], str(LAUNCHER), "--cli", *self._given, "--method", method, *more],
            capture_output=True,
            text=True,
            check=False,
            env={"HOME": self._folder, "PATH": str(Path(sys.argv[1]).parent)},
        )
        if not done.stdout:
            raise CommandFailed(json.loads(done.stderr)["error"]["message"])
        result: dict[str, Any] = json.loads(done.stdout)["result"]
        return result


@contextlib.asynccontextmanager
async def session(url: str, headers: dict[str, str], mode: str) -> AsyncIterator[Session]:
    """Nothing is opened yet."""
    sent = [part for name, value in headers.items() for part in ("--header", f"{name}: {value}")]
    given = ["--server-url", url, "--transport", "http", "--protocol-era", mode]
    with TemporaryDirectory() as folder:
        yield Session([*given, *sent, "--format", "json", "--stored-auth-only"], folder)


if __name__ == "__main__":
    run(session, json.loads((PACKAGE / "package.json").read_text())["version"])
