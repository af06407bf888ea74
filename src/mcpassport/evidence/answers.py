"""The integration whose tools answer more than JSON: blocks, a stream, a needed capability."""

from typing import Any, Final

from mcpassport.evidence.probe import CREDENTIAL_KIND

NAME: Final = "evidenceanswers"
FETCH: Final = f"{NAME}_answer_fetch"
CARD: Final = f"{NAME}_answer_card"
ROWS: Final = f"list_all_{NAME}_answers"
FOLLOW: Final = f"{NAME}_answer_follow"
ASK: Final = f"{NAME}_answer_ask"
CAPABILITY: Final = "sampling"
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


def content(origin: str) -> dict[str, Any]:
    """Its content, with the API at that address."""
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
