"""The integration that sends what needs care: a key in the query, forms, parts, files."""

from typing import Any, Final

from mcpassport.evidence.bench import Bench, Grant
from mcpassport.evidence.finding import CheckFailed

NAME: Final = "evidencesent"
KEY: Final = "api_key"
"""The query value that carries the credential."""
FETCH: Final = f"{NAME}_thing_fetch"
FORM: Final = f"{NAME}_thing_form"
PARTS: Final = f"{NAME}_thing_parts"
FILE: Final = f"{NAME}_thing_file"
_PUSHED: Final = (200, 201)
_METHODS: Final[dict[str, dict[str, Any]]] = {
    "fetch": {"http": "GET", "path": "/fetch"},
    "form": {"http": "POST", "path": "/form", "body_format": "form"},
    "parts": {"http": "POST", "path": "/parts", "body_format": "multipart"},
    "file": {"http": "POST", "path": "/file", "body_format": "multipart"},
}
_ANY: Final = {"type": "object", "properties": {}, "additionalProperties": True}
_UPLOAD: Final = {
    "type": "object",
    "properties": {
        "file": {
            "type": "object",
            "properties": {
                "data": {"type": "string", "contentEncoding": "base64"},
                "filename": {"type": "string"},
                "content_type": {"type": "string"},
            },
        }
    },
}
_SCHEMAS: Final[dict[str, dict[str, Any]]] = {
    "fetch": {"query_schema": _ANY},
    "form": {"body_schema": _ANY},
    "parts": {"body_schema": _ANY},
    "file": {"body_schema": _UPLOAD},
}


async def grant_on_sent(bench: Bench) -> Grant:
    """A new tenant, with an account and a server on this integration."""
    pushed = await bench.manage("POST", "/integration", _content(bench.lab.origin))
    if pushed.status not in _PUSHED:
        raise CheckFailed(f"POST /integration answered {pushed.status}")
    tenant, credential = await bench.tenant(), bench.canary("credential")
    account = await bench.create(
        "/integrated-account",
        {
            "tenant": tenant,
            "integration": NAME,
            "name": f"account of {tenant}",
            "credential_kind": "api_key",
            "credential": {"key": credential},
        },
    )
    path = f"/integrated-account/{account['id']}/mcp"
    server = await bench.create(path, {"name": f"server of {tenant}", "config": {}})
    return Grant(tenant, account["id"], server["id"], server["token"], credential)


def _content(origin: str) -> dict[str, Any]:
    return {
        "config": {
            "format": 1,
            "name": NAME,
            "label": "Evidence sent",
            "description": "Made up by the checks.",
            "base_url": origin,
            "credentials": [{"kind": "api_key"}],
            "authorization": {"kind": "query", "name": KEY},
            "resources": {"things": {"singular": "thing", "methods": _METHODS}},
        },
        "documentation": [
            {
                "resource": "things",
                "method": method,
                "title": f"{method.title()}: things",
                "description": f"Sends ({method}) what the checks made up for the lab.",
                **_SCHEMAS[method],
            }
            for method in _METHODS
        ],
    }
