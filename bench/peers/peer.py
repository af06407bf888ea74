"""What a peer looks like to the bench, and how its process is started."""

import http.client
import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from bench.load import Target
from bench.machine import SERVER_CORE, pinned
from bench.peers.openapi import description
from bench.servers import JSON, rpc

from mcpassport.cli.demo.environments import ensure_environment
from mcpassport.cli.demo.processes import running
from mcpassport.errors import UsageError

ROOT: Final = Path(__file__).parents[2]
_FAILED: Final = 400
_IDS: Final = 4_096
_DATA: Final = "data:"


class Peer(NamedTuple):
    """A peer that runs."""

    name: str
    version: str
    port: int
    pid: int
    path: str
    headers: Mapping[str, str]
    tools: Mapping[str, str]
    """What its tools are called, by kind of body."""

    def target(self, kind: str) -> Target:
        """Calls of the tool for that kind of body."""
        params = {"name": self.tools[kind], "arguments": {"id": "n_1"}}
        return self._target("tools/call", params)

    def listing(self) -> Target:
        """`tools/list`."""
        return self._target("tools/list", {})

    def _target(self, method: str, params: Any) -> Target:
        # In one session no two requests under way may have the same id.
        requests = (
            rpc(self.path, method, params, self.headers, number) for number in range(1, _IDS + 1)
        )
        return Target(self.name, self.port, tuple(requests))


class Place(NamedTuple):
    """Where a peer listens."""

    port: int
    path: str
    headers: Mapping[str, str] = JSON


def environment(name: str) -> tuple[str, str]:
    """The Python of the peer's environment, made on first use, and the version that is in it."""
    print(f"  environment of {name} (made on first use)", flush=True)
    python = ROOT / ensure_environment(ROOT, name)
    wanted = (ROOT / "requirements" / f"{name}.in").read_text().strip()
    return str(python), wanted.partition("==")[2]


def write_description(folder: Path, upstream: int, tools: int) -> Path:
    """The description of the upstream as a file."""
    path = folder / "openapi.json"
    path.write_text(json.dumps(description(upstream, tools)))
    return path


@contextmanager
def serving(
    command: list[str], folder: Path, ready: tuple[int, str], environ: Mapping[str, str]
) -> Iterator["subprocess.Popen[bytes]"]:
    """The peer's process on the core of the servers."""
    assigned = [f"{name}={value}" for name, value in environ.items()]
    with running(
        pinned(["env", *assigned, *command], SERVER_CORE), folder / "log", ready=ready
    ) as process:
        yield process


def met(name: str, version: str, pid: int, place: Place) -> Peer:
    """Open a session if the peer wants one, and find its tools.

    Raises:
        UsageError: it does not answer as an MCP server does, or lacks a tool.
    """
    client = {"name": "bench", "version": "1"}
    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client}
    _, answered = ask(place, "POST", place.path, _message("initialize", hello))
    headers = dict(place.headers)
    if session := answered.get("mcp-session-id"):
        headers["Mcp-Session-Id"] = session
        place = place._replace(headers=headers)
        ask(place, "POST", place.path, {"jsonrpc": "2.0", "method": "notifications/initialized"})
    listed, _ = ask(place, "POST", place.path, _message("tools/list", {}))
    names = [str(tool["name"]) for tool in listed["result"]["tools"]]
    tools = {kind: next((tool for tool in names if kind in tool), "") for kind in ("note", "large")}
    if not all(tools.values()):
        raise UsageError(f"{name} offers {names}, not the tools of the description.")
    return Peer(name, version, place.port, pid, place.path, headers, tools)


def ask(place: Place, method: str, path: str, body: Any) -> tuple[Any, dict[str, str]]:
    """One request; the decoded JSON, also out of an event stream, and the answer's headers."""
    connection = http.client.HTTPConnection("127.0.0.1", place.port, timeout=60)
    try:
        connection.request(method, path, json.dumps(body), dict(place.headers))
        response = connection.getresponse()
        text = response.read().decode()
    finally:
        connection.close()
    if response.status >= _FAILED:
        raise UsageError(f"{method} {path} was answered {response.status}: {text[:300]}")
    headers = {name.lower(): value for name, value in response.getheaders()}
    if headers.get("content-type", "").startswith("text/event-stream"):
        lines = [line for line in text.splitlines() if line.startswith(_DATA)]
        text = lines[-1].removeprefix(_DATA) if lines else ""
    return (json.loads(text) if text.strip() else None), headers


def _message(method: str, params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
