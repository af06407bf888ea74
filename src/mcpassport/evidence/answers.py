"""The integration whose tools answer more than JSON: blocks, a stream, a needed capability."""

from typing import Any, Final

from mcpassport.evidence.bench import Bench, Grant
from mcpassport.evidence.finding import CheckFailed
from mcpassport.evidence.probe import CREDENTIAL_KIND

NAME: Final = "evidenceanswers"
FETCH: Final = f"{NAME}_answer_fetch"
CARD: Final = f"{NAME}_answer_card"
ROWS: Final = f"list_all_{NAME}_answers"
FOLLOW: Final = f"{NAME}_answer_follow"
ASK: Final = f"{NAME}_answer_ask"
CAPABILITY: Final = "sampling"
_PUSHED: Final = (200, 201)
_METHODS: Final[dict[str, dict[str, Any]]] = {
    "fetch": {"http": "GET", "path": "/fetch"},
    "card": {
        "http": "GET",
        "path": "/card",
        "content": [
            {"type": "text", "value": "body.title"},
            {"type": "image", "value": "body.picture", "mime_type": "image/png"},
        ],
    },
    "list": {"http": "GET", "path": "/answers"},
    "follow": {
        "http": "GET",
        "path": "/follow",
        "stream": "ndjson",
        "progress": '{"progress": body.done, "message": body.said}',
    },
    "ask": {"http": "GET", "path": "/ask", "requires_client_capabilities": [CAPABILITY]},
}


async def grant_on_answers(bench: Bench) -> Grant:
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
            "credential_kind": CREDENTIAL_KIND,
            "credential": {"token": credential},
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
            "label": "Evidence answers",
            "description": "Made up by the checks.",
            "base_url": origin,
            "credentials": [
                {"kind": CREDENTIAL_KIND, "fields": [{"name": "token", "label": "Access token"}]}
            ],
            "authorization": {"kind": "bearer"},
            "resources": {"answers": {"singular": "answer", "methods": _METHODS}},
        },
        "documentation": [
            {
                "resource": "answers",
                "method": method,
                "title": f"{method.title()}: answers",
                "description": f"Answers ({method}) what the checks made up for the lab.",
            }
            for method in _METHODS
        ],
    }
