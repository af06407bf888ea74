"""The MCP server class of OpenAI's Agents SDK; no model is asked."""

import contextlib
from collections.abc import AsyncIterator
from importlib.metadata import version
from typing import Any

from agents.mcp import MCPServerStreamableHttp
from tests.peers.programs.steps import answer_of, run


class Session:
    """The connected server, as the SDK calls it."""

    def __init__(self, server: Any) -> None:
        self._server = server

    async def tools(self) -> list[dict[str, Any]]:
        """Every tool, as listed."""
        tools = await self._server.list_tools()
        return [tool.model_dump(by_alias=True, mode="json") for tool in tools]

    async def call(self, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """One tool call."""
        return answer_of(await self._server.call_tool(tool, arguments))


@contextlib.asynccontextmanager
async def session(url: str, headers: dict[str, str], _mode: str) -> AsyncIterator[Session]:
    """A connected server."""
    params = {"url": url, "headers": headers, "timeout": 30}
    async with MCPServerStreamableHttp(params, client_session_timeout_seconds=30) as server:
        yield Session(server)


if __name__ == "__main__":
    run(session, version("openai-agents"))
