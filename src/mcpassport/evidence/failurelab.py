"""The integration of the failure run: the argument of a call chooses the fault of its answer."""

from typing import Any, Final

from mcpassport.evidence.claims.failures import HURRIED_TIMEOUT_S

INTEGRATION: Final = "failurelab"
_ONE: Final = {"http": "GET", "path": "/failures/{{args.id}}"}
_METER: Final = {
    "limit": "body.quota.limit",
    "reset": "body.quota.resets_at",
    "reset_unit": "epoch",
}
_METHODS: Final[dict[str, dict[str, Any]]] = {
    "list": {
        "http": "GET",
        "path": "/failures",
        "response_path": "data",
        "pagination": {"kind": "cursor", "cursor_path": "next", "cursor_param": "after"},
    },
    "get": _ONE,
    "hurried": {**_ONE, "timeout_s": HURRIED_TIMEOUT_S},
    "reporting": {**_ONE, "errors": "body.ok = false ? body.why"},
    "metered": {**_ONE, "rate_limit": _METER},
    "mapped": {**_ONE, "response": "body.count + 1"},
}
TOOLS: Final = {
    "list": f"list_all_{INTEGRATION}_failures",
    "get": f"get_single_{INTEGRATION}_failure_by_id",
    **{
        name: f"{INTEGRATION}_failure_{name}"
        for name in ("hurried", "reporting", "metered", "mapped")
    },
}


def content(origin: str) -> dict[str, Any]:
    """Its content, with the API at that address."""
    return {
        "config": {
            "format": 1,
            "name": INTEGRATION,
            "label": "Failure lab",
            "base_url": origin,
            "credentials": [{"kind": "bearer"}],
            "authorization": {"kind": "bearer"},
            "resources": {"failures": {"singular": "failure", "methods": _METHODS}},
        },
        "documentation": [_record(method) for method in _METHODS],
    }


def _record(method: str) -> dict[str, Any]:
    name = "failure" if method == "list" else "id"
    properties = {name: {"type": "string", "description": "Which failure the lab shows."}}
    part = "query_schema" if method == "list" else "path_schema"
    return {
        "resource": "failures",
        "method": method,
        "description": f"Asks the lab for an answer that fails ({method}).",
        part: {"type": "object", "properties": properties, "required": [name]},
    }
