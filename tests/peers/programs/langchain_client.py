"""LangChain's adapters: what a model is given is what `ainvoke` of a loaded tool gives."""

import contextlib
from collections.abc import AsyncIterator
from importlib.metadata import version
from typing import Any

from langchain_mcp_adapters.callbacks import Callbacks
from langchain_mcp_adapters.client import MultiServerMCPClient
from langchain_mcp_adapters.tools import load_mcp_tools
from tests.peers.programs.steps import run


class Session:
    """The tools of one MCP session."""

    def __init__(self, session: Any, tools: list[Any], steps: list[float]) -> None:
        self._session = session
        self._tools = {tool.name: tool for tool in tools}
        self._steps = steps

    async def tools(self) -> list[dict[str, Any]]:
        """Every tool, as the model is told of it."""
        tools = await load_mcp_tools(self._session)
        return [{"name": tool.name, "inputSchema": tool.args_schema} for tool in tools]

    async def call(self, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """One tool call: the message that the model reads."""
        call = {"type": "tool_call", "id": "1", "name": tool, "args": arguments}
        self._steps.clear()
        message = await self._tools[tool].ainvoke(call)
        texts = [block["text"] for block in message.content if block["type"] == "text"]
        artifact = message.artifact or {}
        return {
            "error": message.status == "error",
            "text": texts[0] if texts else "",
            "blocks": [block["type"] for block in message.content],
            "structured": artifact.get("structured_content"),
            "meta": None,
            "progress": list(self._steps),
        }


@contextlib.asynccontextmanager
async def session(url: str, headers: dict[str, str], _mode: str) -> AsyncIterator[Session]:
    """An open session with its tools loaded."""
    steps: list[float] = []

    async def told(done: float, _total: float | None, _message: str | None, _where: Any) -> None:
        steps.append(done)

    callbacks = Callbacks(on_progress=told)
    server = {"transport": "streamable_http", "url": url, "headers": headers}
    async with MultiServerMCPClient({"api": server}, callbacks=callbacks).session("api") as opened:
        yield Session(opened, await load_mcp_tools(opened, callbacks=callbacks), steps)


if __name__ == "__main__":
    run(session, version("langchain-mcp-adapters"))
