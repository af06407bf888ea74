"""FastMCP's client."""

import contextlib
from collections.abc import AsyncIterator
from importlib.metadata import version
from typing import Any

import fastmcp
from fastmcp.client.transports import StreamableHttpTransport
from tests.peers.programs.steps import answer_of, run


class Session:
    """The client as the steps want it; `call_tool_mcp` is its call without an exception."""

    def __init__(self, client: Any) -> None:
        self._client = client

    async def tools(self) -> list[dict[str, Any]]:
        """Every tool, as listed."""
        tools = await self._client.list_tools()
        return [tool.model_dump(by_alias=True, mode="json") for tool in tools]

    async def call(self, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """One tool call."""
        steps: list[float] = []

        async def told(done: float, _total: float | None, _message: str | None) -> None:
            steps.append(done)

        result = await self._client.call_tool_mcp(tool, arguments, progress_handler=told)
        return answer_of(result) | {"progress": steps}


@contextlib.asynccontextmanager
async def session(url: str, headers: dict[str, str], mode: str) -> AsyncIterator[Session]:
    """An open session."""
    transport = StreamableHttpTransport(url, headers=headers)
    async with fastmcp.Client(transport, mode=mode) as client:
        yield Session(client)


if __name__ == "__main__":
    run(session, version("fastmcp"))
