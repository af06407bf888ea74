"""The integration that the checks call: tools on records that the lab answers for.

Two resources with a tag each, and methods of every group, so that each kind of filter has something
to remove; one method maps its answer by an expression.
"""

from typing import Any, Final

INTEGRATION: Final = "evidenceprobe"
LIST: Final = f"list_all_{INTEGRATION}_records"
GET: Final = f"get_single_{INTEGRATION}_record_by_id"
CREATE: Final = f"create_a_{INTEGRATION}_record"
COUNT: Final = f"{INTEGRATION}_record_count"
LIST_NOTES: Final = f"list_all_{INTEGRATION}_notes"
CREATE_NOTE: Final = f"create_a_{INTEGRATION}_note"
TOOLS: Final = frozenset({LIST, GET, CREATE, COUNT, LIST_NOTES, CREATE_NOTE})
CALLS: Final = {
    LIST: {"search": "s"},
    GET: {"id": "r1"},
    CREATE: {"text": "t"},
    COUNT: {},
    LIST_NOTES: {},
    CREATE_NOTE: {"text": "t"},
}
"""Tool -> arguments that it takes."""
CREDENTIAL_KIND: Final = "bearer"
KEY_FILE: Final = "sandbox.key"
"""The master key that a sandbox made, and the mark of a folder that is its own."""
PROXY_SECRET: Final = "known-to-everybody-and-used-by-no-deployment"
"""With it the checks stand in for the TLS proxy of a sandbox."""
_RECORDS: Final = {
    "list": {"http": "GET", "path": "/records", "response_path": "data"},
    "get": {"http": "GET", "path": "/records/{{args.id}}"},
    "create": {"http": "POST", "path": "/records"},
    "count": {"http": "POST", "path": "/count", "response": '{"count": $number(body.count)}'},
}
_NOTES: Final = {
    "list": {"http": "GET", "path": "/notes", "response_path": "data"},
    "create": {"http": "POST", "path": "/notes"},
}


def probe(origin: str) -> dict[str, Any]:
    """Its content, with the API at that address."""
    return {
        "config": {
            "format": 1,
            "name": INTEGRATION,
            "label": "Evidence probe",
            "description": "Made up by the checks.",
            "base_url": origin,
            "credentials": [
                {"kind": CREDENTIAL_KIND, "fields": [{"name": "token", "label": "Access token"}]}
            ],
            "authorization": {"kind": "bearer"},
            "pagination": {"kind": "none"},
            "errors": "body.message",
            "resources": {
                "records": {"singular": "record", "tags": ["content"], "methods": _RECORDS},
                "notes": {"singular": "note", "tags": ["internal"], "methods": _NOTES},
            },
        },
        "documentation": [
            *(_record("records", method) for method in _RECORDS),
            *(_record("notes", method) for method in _NOTES),
        ],
    }


def _record(resource: str, method: str) -> dict[str, Any]:
    declared: dict[str, Any] = {}
    if method == "create":
        declared = {"body_schema": _object("text", "Text of the record.")}
    if method == "list":
        declared = {"query_schema": _object("search", "Text that the records hold.")}
    return {
        "resource": resource,
        "method": method,
        "title": f"{method.title()}: {resource}",
        "description": f"Handles ({method}) the {resource} that the checks made up for the lab.",
        "response_schema": _object("id", "Id of the record."),
        **declared,
    }


def _object(name: str, description: str) -> dict[str, Any]:
    properties = {name: {"type": "string", "description": description}}
    return {"type": "object", "properties": properties}
