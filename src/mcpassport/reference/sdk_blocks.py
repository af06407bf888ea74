"""Blocks for SDKs and frameworks; `{{url}}` and `{{name}}` are filled in per deployment."""

from typing import Final

LANGCHAIN: Final = """\
import asyncio
import os

from langchain_mcp_adapters.client import MultiServerMCPClient

client = MultiServerMCPClient(
    {
        "{{name}}": {
            "transport": "streamable_http",
            "url": "{{url}}",
            "headers": {"Authorization": f"Bearer {os.environ['MCP_API_TOKEN']}"},
        }
    }
)
tools = asyncio.run(client.get_tools())  # give them to create_agent(...) or a LangGraph node
print([tool.name for tool in tools])
"""

AGENTS_SDK: Final = """\
import asyncio
import os

from agents import Agent
from agents.mcp import MCPServerStreamableHttp


async def main() -> None:
    headers = {"Authorization": f"Bearer {os.environ['MCP_API_TOKEN']}"}
    params = {"url": "{{url}}", "headers": headers}
    async with MCPServerStreamableHttp(params, name="{{name}}") as server:
        agent = Agent(name="Assistant", mcp_servers=[server])  # for Runner.run(agent, "…")
        print([tool.name for tool in await server.list_tools()], agent.name)


asyncio.run(main())
"""

PYTHON_1: Final = """\
import asyncio
import os

import httpx
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client


async def main() -> None:
    headers = {"Authorization": f"Bearer {os.environ['MCP_API_TOKEN']}"}
    async with (
        httpx.AsyncClient(headers=headers, timeout=130) as http,
        streamable_http_client("{{url}}", http_client=http) as (read, write, _),
        ClientSession(read, write) as session,
    ):
        await session.initialize()
        print([tool.name for tool in (await session.list_tools()).tools])


asyncio.run(main())
"""

PYTHON_2: Final = """\
import asyncio
import os

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client


async def main() -> None:
    headers = {"Authorization": f"Bearer {os.environ['MCP_API_TOKEN']}"}
    async with httpx2.AsyncClient(headers=headers, timeout=130) as http:
        async with Client(streamable_http_client("{{url}}", http_client=http)) as client:
            print([tool.name for tool in (await client.list_tools()).tools])


asyncio.run(main())
"""

TYPESCRIPT_1: Final = """\
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const transport = new StreamableHTTPClientTransport(new URL("{{url}}"), {
  requestInit: { headers: { Authorization: `Bearer ${process.env.MCP_API_TOKEN}` } },
});
const client = new Client({ name: "my-agent", version: "1.0.0" });
await client.connect(transport);
console.log((await client.listTools()).tools.map((tool) => tool.name));
await client.close();
"""

TYPESCRIPT_2: Final = """\
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";

const transport = new StreamableHTTPClientTransport(new URL("{{url}}"), {
  requestInit: { headers: { Authorization: `Bearer ${process.env.MCP_API_TOKEN}` } },
});
const client = new Client(
  { name: "my-agent", version: "1.0.0" },
  { versionNegotiation: { mode: "auto" } },
);
await client.connect(transport);
console.log((await client.listTools()).tools.map((tool) => tool.name));
await client.close();
"""
