"""Client configuration: exact blocks, generated from the published address."""

import json
import shlex
from collections.abc import Mapping
from typing import Any, Final

from mcpassport.reference.document import Code, Node
from mcpassport.reference.inputs import Context
from mcpassport.reference.sdk_blocks import (
    AGENTS_SDK,
    LANGCHAIN,
    PYTHON_1,
    PYTHON_2,
    TYPESCRIPT_1,
    TYPESCRIPT_2,
)
from mcpassport.reference.writing import callout, code, prose, subheading

_KEY = "mcpp_api_<token>"
FORMAT: Final = "format checked"
TRIED: Final[dict[str, str]] = {
    "claude_desktop_config.json": "mcp-remote 0.15.1",
    "langchain-mcp-adapters": "langchain-mcp-adapters 0.3.2",
    "openai-agents": "openai-agents 0.24.0",
    "mcp 1.x": "mcp 1.30.0",
    "mcp 2.x": "mcp 2.3.0",
    "@modelcontextprotocol/sdk 1.x": "@modelcontextprotocol/sdk 1.32.2",
    "@modelcontextprotocol/client 2.x": "@modelcontextprotocol/client 2.4.0",
    "List the tools": "curl",
    "Call a tool": "curl",
}
"""Blocks that the project's tests execute, by title, each with what ran it."""


def build(context: Context) -> tuple[Node, ...]:
    """One sub-heading per client; every block says how it is known to work."""
    url = f"{context.inputs.facts.public_url}/mcp/<token>"
    name = context.inputs.integration.name
    return (
        *context.claims("CLI-01"),
        callout(
            "Replace `<token>` with what was shown at creation; a server URL is a secret and "
            "belongs where passwords do."
        ),
        prose(
            "`executed`: the project's own tests ran the block as it is printed, secrets filled "
            "in, with the program named, against a server that demands both layers. "
            "`format checked`: the block has the form that the client's documentation asks for; "
            "the client itself cannot be started by a test."
        ),
        prose(
            "Leave the API token out for a server that does not demand one. A client that cannot "
            "send a header of its own reaches only servers without the second factor."
        ),
        *_claude(name, url),
        *_chatgpt(),
        *_editors(name, url),
        *_frameworks(name, url),
        *_sdks(url),
        subheading("curl"),
        _block("List the tools", "sh", _curl(url, {"method": "tools/list"})),
        _block(
            "Call a tool", "sh", _curl(url, {"method": "tools/call", "params": _example(context)})
        ),
    )


def _block(title: str, language: str, text: str) -> Code:
    ran = TRIED.get(title)
    return code(title, language, text, f"executed with {ran}" if ran else FORMAT)


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _claude(name: str, url: str) -> tuple[Node, ...]:
    bridge = ["-y", "mcp-remote", url, "--transport", "http-only"]
    header = ["--header", "X-Api-Token:${MCP_API_TOKEN}"]
    desktop = {
        "command": "npx",
        "args": [*bridge, *header],
        "env": {"MCP_API_TOKEN": _KEY},
    }
    add = f"claude mcp add --transport http {name} '{url}'"
    return (
        subheading("Claude (connector)"),
        prose(
            "Settings, Connectors, Add custom connector: paste the server URL and leave the OAuth "
            "fields empty. A connector takes a URL, so use a server without the second factor."
        ),
        subheading("Claude Desktop"),
        prose(
            "The configuration file starts local commands, so a bridge from stdio to HTTP is "
            "needed; an entry holds `command`, never `url`."
        ),
        _block("claude_desktop_config.json", "json", _json({"mcpServers": {name: desktop}})),
        subheading("Claude Code"),
        _block("URL token", "sh", add),
        _block(
            "URL token and API token", "sh", f"{add} \\\n  --header 'Authorization: Bearer {_KEY}'"
        ),
    )


def _chatgpt() -> tuple[Node, ...]:
    return (
        subheading("ChatGPT"),
        prose(
            "Settings, Apps & Connectors, Advanced, developer mode: create a connector, paste the "
            "server URL, and choose no authentication. ChatGPT offers OAuth or none, so use a "
            "server without the second factor."
        ),
    )


def _editors(name: str, url: str) -> tuple[Node, ...]:
    cursor = {"url": url, "headers": {"Authorization": "Bearer ${env:MCP_API_TOKEN}"}}
    prompt = {
        "type": "promptString",
        "id": "mcp-api-token",
        "description": "API token of the second factor",
        "password": True,
    }
    vscode = {
        "type": "http",
        "url": url,
        "headers": {"Authorization": "Bearer ${input:mcp-api-token}"},
    }
    return (
        subheading("Cursor"),
        _block("~/.cursor/mcp.json", "json", _json({"mcpServers": {name: cursor}})),
        subheading("VS Code"),
        _block(".vscode/mcp.json", "json", _json({"inputs": [prompt], "servers": {name: vscode}})),
    )


def _frameworks(name: str, url: str) -> tuple[Node, ...]:
    return (
        subheading("LangGraph / LangChain"),
        _block("langchain-mcp-adapters", "python", _fill(LANGCHAIN, name, url)),
        subheading("OpenAI Agents SDK"),
        _block("openai-agents", "python", _fill(AGENTS_SDK, name, url)),
    )


def _sdks(url: str) -> tuple[Node, ...]:
    return (
        subheading("Python SDK"),
        _block("mcp 1.x", "python", _fill(PYTHON_1, "", url)),
        _block("mcp 2.x", "python", _fill(PYTHON_2, "", url)),
        subheading("TypeScript SDK"),
        _block("@modelcontextprotocol/sdk 1.x", "js", _fill(TYPESCRIPT_1, "", url)),
        _block("@modelcontextprotocol/client 2.x", "js", _fill(TYPESCRIPT_2, "", url)),
    )


def _fill(sample: str, name: str, url: str) -> str:
    return sample.replace("{{name}}", name).replace("{{url}}", url)


def _curl(url: str, request: Mapping[str, Any]) -> str:
    return "\n".join(
        (
            f"curl -sS -i '{url}' \\",
            "  -H 'Content-Type: application/json' \\",
            f"  -H 'Authorization: Bearer {_KEY}' \\",
            f"  -d {shlex.quote(json.dumps({'jsonrpc': '2.0', 'id': 1, **request}))}",
        )
    )


def _example(context: Context) -> dict[str, Any]:
    """A call that changes nothing, if the catalog has one; required arguments to be filled in."""
    tools = context.inputs.catalog.tools
    if not tools:
        return {"name": "<tool>", "arguments": {}}
    tool = min(
        tools,
        key=lambda each: (
            bool(each.method.requires_client_capabilities),
            not each.annotations.read_only,
            len(each.input_schema.get("required", ())),
            each.name,
        ),
    )
    required = tool.input_schema.get("required", ())
    return {"name": tool.name, "arguments": {name: f"<{name}>" for name in required}}
