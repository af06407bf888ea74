"""`/openapi.json`: what this API says of itself, with every failure as a problem (RFC 9457)."""

from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse

from mcpassport.edge.api.strict import StrictRoute
from mcpassport.gate.oauth import WELL_KNOWN

router = APIRouter(prefix="/openapi.json", route_class=StrictRoute)

METADATA = f"{WELL_KNOWN}/mcp/s/{{server_id}}"
PUBLIC = frozenset({"/version", "/healthz", "/readyz", "/audit/key", "/leaked", METADATA})
"""Addresses that need no API token."""
PROBLEM = {
    "type": "object",
    "description": "RFC 9457 problem details with the members of the error envelope.",
    "required": ["type", "title", "status", "detail", "whose", "retry"],
    "properties": {
        "type": {"type": "string", "description": "stable name of the kind of error"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "what was wrong here, and how to mend it"},
        "whose": {"type": "string", "enum": ["caller", "upstream", "gateway"]},
        "retry": {
            "type": "object",
            "required": ["safe"],
            "properties": {
                "safe": {"type": "boolean"},
                "after_seconds": {"type": ["integer", "null"]},
            },
        },
        "upstream_status": {"type": "integer"},
        "problems": {
            "type": "array",
            "description": "every single thing that is wrong",
            "items": {
                "type": "object",
                "required": ["where", "rule", "message", "mend"],
                "properties": {
                    name: {"type": "string"} for name in ("where", "rule", "message", "mend")
                },
            },
        },
    },
}
_TEXTS = {
    "400": "The input is not valid.",
    "401": "An API token is needed.",
    "403": "The API token's role does not open this route.",
    "404": "No such object, or none that this API token may see.",
    "409": "Somebody else wrote first, or the object is in a state that forbids it.",
    "413": "The body is over the cap.",
    "415": "The body is not sent as application/json.",
    "429": "Requests from this network were refused too often.",
    "500": "A fault of this service.",
    "503": "The service cannot decide now.",
}


class DescribedApp(FastAPI):
    """An app whose description names the failures that it really answers with."""

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI 3.1 document, made once."""
        if self.openapi_schema is None:
            document = super().openapi()
            schemas = document["components"]["schemas"]
            for unused in ("HTTPValidationError", "ValidationError"):
                schemas.pop(unused, None)
            schemas["Problem"] = PROBLEM
            document["components"]["securitySchemes"] = {
                "api_token": {"type": "http", "scheme": "bearer", "description": "mcpp_api_…"}
            }
            for path, item in document["paths"].items():
                for method, operation in item.items():
                    _describe(path, method, operation)
            self.openapi_schema = document
        return self.openapi_schema


def _describe(path: str, method: str, operation: dict[str, Any]) -> None:
    operation["responses"].pop("422", None)
    statuses = {"400", "500", "503"}
    if path not in PUBLIC:
        operation["security"] = [{"api_token": []}]
        statuses |= {"401", "403", "429"}
    names_tenant = any(each["name"] == "tenant" for each in operation.get("parameters", []))
    if method != "get" or "{" in path or names_tenant:
        statuses |= {"404"}
    if method != "get":
        statuses |= {"409"}
    if "requestBody" in operation:
        statuses |= {"413", "415"}
    schema = {"$ref": "#/components/schemas/Problem"}
    if path == "/readyz":  # its 503 is a statement, not a problem
        statuses -= {"503"}
    for status in sorted(statuses):
        operation["responses"][status] = {
            "description": _TEXTS[status],
            "content": {"application/problem+json": {"schema": schema}},
        }


@router.get("", include_in_schema=False)
async def document(request: Request) -> JSONResponse:
    """The OpenAPI document of this API."""
    return JSONResponse(request.app.openapi())
