"""The upstream where nginx is not to be had: slower, so the run says which one it was."""

from typing import Any

from bench.upstream import LARGE, SMALL


async def app(scope: Any, _receive: Any, send: Any) -> None:
    """Answer."""
    if scope["type"] != "http":
        return
    body = LARGE if scope["path"].startswith("/v1/large/") else SMALL
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
