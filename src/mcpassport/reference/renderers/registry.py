"""`server.json`: the entry of an MCP registry, in the format of 2025-12-11.

Its name is the deployment's host backwards and the integration, as a registry demands that the
publisher holds that domain. Every address it names has variables for what only a customer has.
"""

import json
import re
from typing import Any, Final

from yarl import URL

from mcpassport.reference.document import Document
from mcpassport.reference.prose import show

SCHEMA: Final = "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json"
LINE_MAX: Final = 100
"""Characters of title and description that the format admits."""
NAME_MAX: Final = 200
OURS: Final = "io.modelcontextprotocol.registry/publisher-provided"
_SECRET: Final = {"isRequired": True, "isSecret": True}


def render(document: Document) -> bytes:
    """The entry as indented JSON."""
    label = show(document.integration_label)
    reference = f"{document.deployment_url}/reference/{document.integration}"
    entry = {
        "$schema": SCHEMA,
        "name": name_of(document),
        "title": _line(label),
        "description": _line(f"{label} for AI agents: one scoped, expiring server per account"),
        "version": version_of(document),
        "websiteUrl": document.branding.canonical_url or reference,
        "remotes": _remotes(document.deployment_url),
        "_meta": {
            OURS: {
                "reference": f"{reference}.json",
                "catalogDigest": document.catalog_digest,
                "tools": document.tool_count,
                "protocolRevisions": document.protocol_revisions,
            }
        },
    }
    return (json.dumps(entry, indent=2, ensure_ascii=False) + "\n").encode()


def name_of(document: Document) -> str:
    """The host of the deployment backwards, and the integration."""
    host = URL(document.deployment_url).host or "localhost"
    parts = re.findall(r"[A-Za-z0-9-]+", host)
    return f"{'.'.join(reversed(parts))}/{document.integration}"[:NAME_MAX]


def version_of(document: Document) -> str:
    """The number of the release; a build without one sorts before every release."""
    if document.version[:1].isdigit():
        return document.version
    return f"0.0.0-{document.version}.{document.integration_version}"


def _remotes(address: str) -> list[dict[str, Any]]:
    token = {"description": "Server token, shown once when the server was created", **_SECRET}
    factor = {
        "name": "X-Api-Token",
        "description": "API token of the role factor, where the server demands one",
        "isRequired": False,
        "isSecret": True,
    }
    identifier = {"description": "Id of the MCP server; no secret", "isRequired": True}
    bearer = {
        "name": "Authorization",
        "value": "Bearer {server_token}",
        "variables": {"server_token": token},
        **_SECRET,
    }
    return [
        {
            "type": "streamable-http",
            "url": f"{address}/mcp/s/{{server_id}}",
            "variables": {"server_id": identifier},
            "headers": [bearer, factor],
        },
        {
            "type": "streamable-http",
            "url": f"{address}/mcp/{{server_token}}",
            "variables": {"server_token": token},
            "headers": [factor],
        },
    ]


def _line(text: str) -> str:
    line = " ".join(text.split()) or "MCP server"
    return line if len(line) <= LINE_MAX else f"{line[: LINE_MAX - 1]}…"
