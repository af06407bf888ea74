"""Problem details (RFC 9457) for every failure of the management API.

The body is `{type, title, status, detail, problems?}` plus the error envelope's members. Never an
input value that pydantic saw, a stack, or a secret.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from msgspec import to_builtins
from starlette.exceptions import HTTPException

from mcpassport.errors import (
    InternalError,
    InvalidInput,
    McpassportError,
    MethodNotAllowed,
    NoSuchObject,
    Problem,
    Unauthorized,
    envelope_of,
    meaning_of,
)
from mcpassport.records.envelope import Whose

MEDIA_TYPE = "application/problem+json"
ERROR_FLOOR = 400
TITLES: Mapping[type[McpassportError], str] = MappingProxyType(
    {MethodNotAllowed: "This HTTP method is not served at this address."}
)
"""Where the table's text speaks of the MCP endpoint."""
_BY_FAULT: Mapping[Whose, int] = MappingProxyType({"caller": 400, "upstream": 502, "gateway": 500})
_log = structlog.get_logger(__name__)


def status_of(error: McpassportError) -> int:
    """The HTTP status on this API; classes that answer 200 over MCP go by whose fault it is."""
    meaning = meaning_of(type(error))
    return meaning.http_status if meaning.http_status >= ERROR_FLOOR else _BY_FAULT[meaning.whose]


def problem_body(error: McpassportError) -> dict[str, Any]:
    """The problem document of an error."""
    envelope = to_builtins(envelope_of(error))
    body = {
        "type": envelope.pop("type"),
        "title": TITLES.get(type(error), meaning_of(type(error)).text),
        "status": status_of(error),
        "detail": envelope.pop("message"),
        "whose": envelope["whose"],
        "retry": envelope["retry"],
    }
    if error.problems:
        body["problems"] = [problem._asdict() for problem in error.problems]
    if error.upstream_status is not None:
        body["upstream_status"] = error.upstream_status
    return body


def problem_response(error: McpassportError, allow: str = "") -> JSONResponse:
    """The answer for an error, uncacheable; `allow` lists the methods of the address (RFC 9110)."""
    headers = {"Cache-Control": "no-store"}
    if error.after_seconds is not None:
        headers["Retry-After"] = str(error.after_seconds)
    if isinstance(error, Unauthorized):
        headers["WWW-Authenticate"] = "Bearer"
    if allow:
        headers["Allow"] = allow
    return JSONResponse(
        problem_body(error), status_code=status_of(error), headers=headers, media_type=MEDIA_TYPE
    )


def install(app: FastAPI, routes: Sequence[APIRoute]) -> None:
    """Route every failure of the app through `problem_response`; `routes` are what it serves."""

    @app.exception_handler(McpassportError)
    async def _known(_request: Request, error: McpassportError) -> JSONResponse:
        return problem_response(error)

    @app.exception_handler(RequestValidationError)
    async def _invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        return problem_response(
            InvalidInput(
                "The input is not valid; see problems.",
                problems=tuple(
                    Problem(".".join(str(part) for part in item["loc"]), item["type"], item["msg"])
                    for item in error.errors()
                ),
            )
        )

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> JSONResponse:
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            return problem_response(
                MethodNotAllowed("This HTTP method is not served here; see /openapi.json."),
                _allowed(routes, request.url.path),
            )
        if error.status_code == HTTPStatus.NOT_FOUND:
            return problem_response(NoSuchObject("No such route; see /openapi.json."))
        return problem_response(InvalidInput())

    @app.exception_handler(Exception)
    async def _unknown(_request: Request, error: Exception) -> JSONResponse:
        _log.error("management_fault", kind=type(error).__name__)
        return problem_response(InternalError())


def _allowed(routes: Sequence[APIRoute], path: str) -> str:
    """Every method of an address; the router itself names those of the first route that fits."""
    fitting = [route for route in routes if route.path_regex.match(path)]
    return ", ".join(sorted({method for route in fitting for method in route.methods or ()}))
