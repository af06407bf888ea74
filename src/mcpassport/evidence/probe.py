"""The integration that the checks call: three tools on records that the lab answers for."""

from typing import Any, Final

INTEGRATION: Final = "evidenceprobe"
_METHODS: Final = {
    "list": {"http": "GET", "path": "/records", "response_path": "data"},
    "get": {"http": "GET", "path": "/records/{{args.id}}"},
    "create": {"http": "POST", "path": "/records"},
}


def probe(origin: str) -> dict[str, Any]:
    """Its content, with the API at that address."""
    resource = {
        "label": "Records",
        "singular": "record",
        "tags": ["content"],
        "methods": _METHODS,
    }
    return {
        "config": {
            "format": 1,
            "name": INTEGRATION,
            "label": "Evidence probe",
            "description": "Made up by the checks.",
            "base_url": origin,
            "credentials": [
                {"kind": "bearer", "fields": [{"name": "token", "label": "Access token"}]}
            ],
            "authorization": {"kind": "bearer"},
            "pagination": {"kind": "none"},
            "resources": {"records": resource},
        },
        "documentation": [_record(method) for method in _METHODS],
    }


def _record(method: str) -> dict[str, Any]:
    body = {"body_schema": _object("text", "Text of the record.")} if method == "create" else {}
    return {
        "resource": "records",
        "method": method,
        "title": f"{method.title()} a record",
        "description": f"Handles ({method}) records that the checks made up for the lab.",
        "response_schema": _object("id", "Id of the record."),
        **body,
    }


def _object(name: str, description: str) -> dict[str, Any]:
    properties = {name: {"type": "string", "description": description}}
    return {"type": "object", "properties": properties}
