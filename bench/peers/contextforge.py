"""ContextForge: REST tools behind one virtual server, its own SQLite, a JWT on each request.

It takes no description: each operation is registered as a tool, which is what its importer does.
Its rate limits are raised, as ours are, and it may call loopback; all else is as it comes.
"""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from bench.peers.openapi import description
from bench.peers.peer import Peer, Place, ask, environment, met, serving
from bench.servers import JSON

from mcpassport.cli.demo.processes import free_port
from mcpassport.errors import UsageError

NAME: Final = "contextforge"
_ADMIN: Final = "admin@example.com"
_SECRET: Final = "a-secret-of-the-bench-that-guards-nothing-at-all-1"
_ENVIRON: Final = {
    "JWT_SECRET_KEY": _SECRET,
    "AUTH_ENCRYPTION_SECRET": _SECRET + "2",
    "BASIC_AUTH_PASSWORD": "Bench-Pass-1234567",
    "PLATFORM_ADMIN_EMAIL": _ADMIN,
    "PLATFORM_ADMIN_PASSWORD": "Bench-Pass-1234567",
    "DEFAULT_USER_PASSWORD": "Bench-Pass-1234567",
    "CACHE_TYPE": "memory",
    "LOG_LEVEL": "ERROR",
    "SSRF_ALLOW_LOCALHOST": "true",
    "SSRF_ALLOW_PRIVATE_NETWORKS": "true",
    "TOOL_RATE_LIMIT": "1000000",
    **{f"RATE_LIMIT_{tier}_RPM": "1000000000" for tier in ("CRITICAL", "HIGH", "MEDIUM", "LOW")},
}


@contextmanager
def start(folder: Path, upstream: int, tools: int) -> Iterator[Peer]:
    """Serve until the block ends."""
    python, version = environment(NAME)
    port = free_port()
    environ = {**_ENVIRON, "DATABASE_URL": f"sqlite:///{folder}/contextforge.db"}
    command = [str(Path(python).with_name("mcpgateway")), "mcpgateway.main:app"]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    with serving(command, folder, (port, "/health"), environ) as process:
        token = _token(python, environ)
        place = Place(port, "", JSON | {"Authorization": f"Bearer {token}"})
        path = _virtual_server(place, description(upstream, tools))
        yield met(NAME, version, process.pid, place._replace(path=path))


def _token(python: str, environ: dict[str, str]) -> str:
    command = [python, "-m", "mcpgateway.utils.create_jwt_token", "--username", _ADMIN]
    command += ["--exp", "10080", "--secret", _SECRET]
    done = subprocess.run(command, capture_output=True, text=True, env=environ, check=False)  # noqa: S603 - its own command
    if done.returncode:
        raise UsageError(f"ContextForge makes no token: {done.stderr[-300:]}")
    return done.stdout.strip().splitlines()[-1]


def _virtual_server(place: Place, document: dict[str, Any]) -> str:
    """Register the tools and the server that offers them; the path of its endpoint."""
    base = document["servers"][0]["url"]
    ids = []
    for path, operations in document["paths"].items():
        operation = operations["get"]
        properties = {item["name"]: item["schema"] for item in operation["parameters"]}
        tool = {
            "name": operation["operationId"],
            "url": base + path,
            "integration_type": "REST",
            "request_type": "GET",
            "description": operation["description"],
            "headers": {"Authorization": "Bearer bench_credential"},
            "inputSchema": {"type": "object", "properties": properties, "required": ["id"]},
        }
        made, _ = ask(place, "POST", "/tools", {"tool": tool})
        ids.append(made["id"])
    server = {"name": "bench", "associated_tools": ids}
    made, _ = ask(place, "POST", "/servers", {"server": server})
    return f"/servers/{made['id']}/mcp"
