"""The integration that sends what needs care: a key in the query, forms, parts, files."""

from typing import Any, Final

NAME: Final = "evidencesent"
KEY: Final = "api_key"
"""The query value that carries the credential."""
FETCH: Final = f"{NAME}_thing_fetch"
FORM: Final = f"{NAME}_thing_form"
PARTS: Final = f"{NAME}_thing_parts"
FILE: Final = f"{NAME}_thing_file"
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


def content(origin: str) -> dict[str, Any]:
    """Its content, with the API at that address."""
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
