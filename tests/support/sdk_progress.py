"""Calls one tool with the official Python SDK, 1.x or 2.x, and prints progress and blocks.

Run by that SDK's own environment with `{url, mode, tool, arguments}` as JSON on standard input.
"""

import asyncio
import json
import logging
import sys
from typing import Any

import mcp
from mcp.client.streamable_http import streamable_http_client


async def called(client: Any, asked: dict[str, Any]) -> dict[str, Any]:
    """The notifications in order, and the result as the SDK read it."""
    heard: list[list[Any]] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        heard.append([progress, total, message])

    result = await client.call_tool(asked["tool"], asked["arguments"], progress_callback=hear)
    return {"progress": heard, "result": result.model_dump(by_alias=True, mode="json")}


async def main() -> dict[str, Any]:
    """One session, one call."""
    asked = json.load(sys.stdin)
    if hasattr(mcp, "Client"):
        transport = streamable_http_client(asked["url"])
        async with mcp.Client(transport, mode=asked["mode"]) as client:
            return await called(client, asked)
    async with (
        streamable_http_client(asked["url"]) as (read, write, *_),
        mcp.ClientSession(read, write) as session,
    ):
        await session.initialize()
        return await called(session, asked)


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    json.dump(asyncio.run(main()), sys.stdout)
