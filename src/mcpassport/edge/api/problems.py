"""Problem details (RFC 9457) for every failure of the management API.

The body is `{type, title, status, detail, problems?}` plus the error envelope's members. Never an
input value that pydantic saw, a stack, or a secret.
"""

from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from msgspec import to_builtins
from starlette.exceptions import HTTPException

from mcpassport.errors import (
    InternalError,
    InvalidInput,
    McpassportError,
    MethodNotAllowed,
    NoSuchObject,
    Problem,
    envelope_of,
    meaning_of,
)

MEDIA_TYPE = "application/problem+json"
ERROR_FLOOR = 400
_log = structlog.get_logger(__name__)


def status_of(error: McpassportError) -> int:
    """The HTTP status on this API; classes that answer 200 over MCP are 502 here."""
    status = meaning_of(type(error)).http_status
    return status if status >= ERROR_FLOOR else 502


def problem_body(error: McpassportError) -> dict[str, Any]:
    """The problem document of an error."""
    envelope = to_builtins(envelope_of(error))
    body = {
        "type": envelope.pop("type"),
        "title": meaning_of(type(error)).text,
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


def problem_response(error: McpassportError) -> JSONResponse:
    """The answer for an error, uncacheable."""
    headers = {"Cache-Control": "no-store"}
    if error.after_seconds is not None:
        headers["Retry-After"] = str(error.after_seconds)
    return JSONResponse(
        problem_body(error), status_code=status_of(error), headers=headers, media_type=MEDIA_TYPE
    )


def install(app: FastAPI) -> None:
    """Route every failure of the app through `problem_response`."""

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
    async def _http(_request: Request, error: HTTPException) -> JSONResponse:
        known: dict[int, McpassportError] = {
            404: NoSuchObject("No such route; see /openapi.json."),
            405: MethodNotAllowed("This HTTP method is not served here; see /openapi.json."),
        }
        return problem_response(known.get(error.status_code, InvalidInput()))

    @app.exception_handler(Exception)
    async def _unknown(_request: Request, error: Exception) -> JSONResponse:
        _log.error("management_fault", kind=type(error).__name__)
        return problem_response(InternalError())
