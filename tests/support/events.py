"""Server-sent events as a strict reader takes them."""

import json
from typing import Any

EVENT_MAX = 2**20
"""What official clients read at most of one event (mcp-facts 2.3)."""


def messages(body: bytes) -> list[dict[str, Any]]:
    """The JSON-RPC messages of a whole response; anything but events and comments fails."""
    found: list[dict[str, Any]] = []
    assert body.endswith(b"\n\n"), body[-80:]
    for block in body.removesuffix(b"\n\n").split(b"\n\n"):
        if block.startswith(b":"):
            assert b"\n" not in block
            continue
        assert len(block) + 2 < EVENT_MAX
        name, data = block.split(b"\n")
        assert name == b"event: message"
        message: dict[str, Any] = json.loads(data.removeprefix(b"data: ").decode())
        assert message["jsonrpc"] == "2.0"
        found.append(message)
    return found
