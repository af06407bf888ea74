"""FastMCP's `from_openapi`, as its documentation serves it: stateless HTTP with JSON answers.

python fastmcp_app.py DESCRIPTION UPSTREAM PORT       (in the environment of its own lock)
"""

import json
import sys
from pathlib import Path

import httpx2
from fastmcp import FastMCP


def run() -> None:
    """Serve until the process is ended."""
    description, upstream, port = sys.argv[1:]
    client = httpx2.AsyncClient(
        base_url=f"http://127.0.0.1:{upstream}/v1",
        headers={"Authorization": "Bearer bench_credential"},
        limits=httpx2.Limits(max_connections=None, max_keepalive_connections=None),
    )
    server = FastMCP.from_openapi(
        openapi_spec=json.loads(Path(description).read_text()), client=client, name="bench"
    )
    server.run(
        transport="http",
        host="127.0.0.1",
        port=int(port),
        path="/mcp",
        stateless_http=True,
        json_response=True,
        log_level="error",
        show_banner=False,
    )


if __name__ == "__main__":
    run()
