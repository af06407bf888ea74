"""An agent's side: the official Python SDK, 1.x or 2.x, unmodified, in its own environment.

Run by that environment's Python with `{url, headers, mode?, steps}` as JSON on standard input.
Steps run in one session: `{"op": "list"}`, `{"op": "call", "tool", "arguments"}`,
`{"op": "read_all", "tool", "arguments"}`. Prints one JSON document: the answers of the steps, or
how the connection was refused. Nothing of mcpassport is imported here.
"""

import asyncio
import contextlib
import json
import logging
import sys
from collections.abc import Callable
from typing import Any

import mcp
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client

PAGES_AT_MOST = 1000


class Sdk:
    """An open session: tools and results as the JSON of the protocol."""

    def __init__(self, client: Any) -> None:
        self._client = client

    async def tools(self) -> list[dict[str, Any]]:
        """Every tool, as listed."""
        tools = (await self._client.list_tools()).tools
        return [tool.model_dump(by_alias=True, mode="json") for tool in tools]

    async def call(self, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """One tool call: its error flag, text, kinds of blocks, structured content, progress."""
        steps: list[float] = []

        async def told(done: float, _total: float | None, _message: str | None) -> None:
            steps.append(done)

        result = await self._client.call_tool(tool, arguments, progress_callback=told)
        return answer_of(result) | {"progress": steps}


@contextlib.asynccontextmanager
async def session(url: str, headers: dict[str, str], mode: str | None) -> Any:
    """An open session of whichever generation is installed."""
    http = create_mcp_http_client(headers=headers)
    if hasattr(mcp, "Client"):
        transport = streamable_http_client(url, http_client=http)
        async with mcp.Client(transport, mode=mode or "auto") as client:
            yield Sdk(client)
        return
    async with (
        streamable_http_client(url, http_client=http) as (read, write, *_),
        mcp.ClientSession(read, write) as client,
    ):
        await client.initialize()
        yield Sdk(client)


def answer_of(given: Any) -> dict[str, Any]:
    """What a result of the SDK's type says, as a step's answer."""
    result = given.model_dump(by_alias=True, mode="json")
    texts = [block["text"] for block in result["content"] if block["type"] == "text"]
    return {
        "error": bool(result.get("isError")),
        "text": texts[0] if texts else "",
        "blocks": [block["type"] for block in result["content"]],
        "structured": result.get("structuredContent"),
        "meta": result.get("_meta"),
    }


async def read_all(client: Any, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Every record of a list tool, page by page, sending each cursor back unchanged."""
    records: list[Any] = []
    sizes: list[int] = []
    cursor: str | None = None
    for _ in range(PAGES_AT_MOST):
        given = arguments | ({} if cursor is None else {"next_cursor": cursor})
        answer: dict[str, Any] = await client.call(tool, given)
        if answer["error"]:
            return answer
        page = json.loads(answer["text"])
        records += page["result"]
        sizes.append(len(page["result"]))
        cursor = page["next_cursor"]
        if cursor is None:
            break
    return {"error": False, "records": records, "pages": sizes}


async def run_step(client: Any, step: dict[str, Any]) -> dict[str, Any]:
    """One step; a protocol error is an answer too."""
    try:
        if step["op"] == "list":
            return {"error": False, "tools": await client.tools()}
        if step["op"] == "read_all":
            return await read_all(client, step["tool"], step.get("arguments", {}))
        return dict(await client.call(step["tool"], step.get("arguments", {})))
    except Exception as error:  # noqa: BLE001 whatever the SDK raises is what the agent sees
        told = getattr(error, "data", None)
        return {"error": True, "raised": type(error).__name__, "text": str(error), "data": told}


def innermost(error: BaseException) -> BaseException:
    """The first plain exception inside nested exception groups."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


async def main(
    open_session: Callable[..., Any] = session, one_step: Callable[..., Any] = run_step
) -> dict[str, Any]:
    """Run the steps of standard input; another client brings its own session."""
    asked = json.load(sys.stdin)
    answers: list[dict[str, Any]] = []
    try:
        async with open_session(
            asked["url"], asked.get("headers", {}), asked.get("mode")
        ) as client:
            for step in asked["steps"]:
                answers.append(await one_step(client, step))  # noqa: PERF401 kept when a later step breaks the session
    except Exception as error:  # noqa: BLE001 whatever the SDK raises is what the agent sees
        cause = innermost(error)
        return {
            "answers": answers,
            "refused": {
                "raised": type(cause).__name__,
                "text": str(cause),
                "status": getattr(getattr(cause, "response", None), "status_code", None),
            },
        }
    return {"answers": answers, "refused": None}


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    json.dump(asyncio.run(main()), sys.stdout)
