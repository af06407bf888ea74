"""FastMCP's `from_openapi` over HTTP: as it comes, or in its fastest form.

    python fastmcp_app.py DESCRIPTION UPSTREAM PORT FORM     (in the environment of its own lock)

The form `sessions` is what `run(transport="http")` serves by itself: sessions, and answers as event
streams. The form `stateless` has neither.
"""

import json
import sys
from pathlib import Path

import httpx2
from fastmcp import FastMCP


def run() -> None:
    """Serve until the process is ended."""
    description, upstream, port, form = sys.argv[1:]
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
        stateless_http=form == "stateless",
        json_response=form == "stateless",
        log_level="error",
        show_banner=False,
    )


if __name__ == "__main__":
    run()
