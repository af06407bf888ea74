"""Every error type and the members of its envelope, as tables."""

from mcpassport.errors import (
    MEANINGS,
    AuditUnavailable,
    Forbidden,
    InternalError,
    InvalidArguments,
    InvalidExpression,
    InvalidIntegration,
    ManagementError,
    McpassportError,
    MethodNotAllowed,
    OperatorError,
    RequestTooLarge,
    StoreUnavailable,
    Unauthorized,
    UnsupportedMediaType,
)
from mcpassport.reference.document import Table
from mcpassport.reference.writing import table

_BOTH = (
    AuditUnavailable,
    InternalError,
    InvalidArguments,
    MethodNotAllowed,
    RequestTooLarge,
    StoreUnavailable,
    UnsupportedMediaType,
)
_PUSHED = (InvalidExpression, InvalidIntegration)


def envelope_table() -> Table:
    """What the members of an error envelope mean."""
    rows = (
        ("`type`", "Stable name, one of the table below"),
        ("`message`", "What is wrong and how to mend it"),
        ("`whose`", "`caller`, `upstream` or `gateway`"),
        ("`upstream_status`", "HTTP status of the upstream API, or null"),
        ("`retry`", "`safe`: may the same call be repeated; `after_seconds`: how long to wait"),
        ("`ratelimit`", "`limit`, `remaining`, `reset` in seconds, or null"),
        ("`request_id`", "Names the audit rows of the request; null where there are none"),
    )
    return table("Members of the error envelope", ("Member", "Meaning"), rows)


def types_table() -> Table:
    """Every class of error, from the table that the running code uses."""
    rows = {
        (
            f"`{meaning.type}`",
            _where(kind),
            str(meaning.http_status),
            str(meaning.code),
            meaning.whose,
            "yes" if meaning.retry_safe else "no",
            meaning.text,
        ): None
        for kind, meaning in MEANINGS.items()
    }
    columns = ("Type", "Seen at", "HTTP", "Code", "Whose", "Retry safe", "Meaning")
    return table("Error types", columns, rows)


def _where(kind: type[McpassportError]) -> str:
    if issubclass(kind, _BOTH):
        return "MCP, management API"
    if issubclass(kind, _PUSHED):
        return "management API, command line"
    if issubclass(kind, OperatorError):
        return "command line"
    management = issubclass(kind, (ManagementError, Unauthorized, Forbidden))
    return "management API" if management else "MCP"
