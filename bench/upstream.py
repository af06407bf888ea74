"""The benchmark's upstream: a granian app that answers every request with 1 KB of JSON."""

import json
from typing import Any

BODY = json.dumps({"id": "n_1", "title": "A note", "text": "x" * 950}).encode()
HEADERS = [
    (b"content-type", b"application/json"),
    (b"content-length", str(len(BODY)).encode()),
]


async def app(scope: Any, _receive: Any, send: Any) -> None:
    """Answer."""
    if scope["type"] != "http":
        return
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": BODY})
