"""One table: what each class of error means on every channel."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from mcpassport.errors.tree import (
    AccessTokenRequired,
    AddressForbidden,
    AuditUnavailable,
    CallCancelled,
    Conflict,
    CredentialRefreshFailed,
    DataFolderError,
    EmptyFilter,
    ExpressionFailed,
    Forbidden,
    GatewayRateLimited,
    HeaderMismatch,
    InsufficientScope,
    InternalError,
    InvalidArguments,
    InvalidExpression,
    InvalidInput,
    InvalidIntegration,
    InvalidParams,
    InvalidRequest,
    InvalidSettings,
    MalformedUpstreamResponse,
    McpassportError,
    MethodNotAllowed,
    MethodNotFound,
    MissingCapability,
    NoSuchObject,
    NotAcceptable,
    NotFound,
    OriginForbidden,
    ParseError,
    ReauthorizationRequired,
    RequestTooLarge,
    ResponseTooLarge,
    ResultWithheld,
    SecondFactorInvalid,
    SecondFactorRequired,
    StoreUnavailable,
    SwitchedOff,
    Unauthorized,
    UnknownFilter,
    UnknownTool,
    UnsendableRequest,
    UnsupportedMediaType,
    UnsupportedVersion,
    UpstreamFailed,
    UpstreamRateLimited,
    UpstreamRedirect,
    UpstreamRejected,
    UpstreamReportedError,
    UpstreamTimeout,
    UpstreamUnauthorized,
    UpstreamUnreachable,
    UsageError,
)
from mcpassport.records.envelope import Envelope, Retry, Whose


class Meaning(NamedTuple):
    """What a class of error means: HTTP status, JSON-RPC code, envelope type, public text."""

    http_status: int
    code: int
    type: str
    text: str
    whose: Whose
    retry_safe: bool = False


_TABLE: dict[type[McpassportError], Meaning] = {
    ParseError: Meaning(400, -32700, "parse_error", "The body is not valid JSON.", "caller"),
    InvalidRequest: Meaning(
        400, -32600, "invalid_request", "The body is not a JSON-RPC request.", "caller"
    ),
    InvalidParams: Meaning(
        400, -32602, "invalid_params", "The parameters of the request are not valid.", "caller"
    ),
    MethodNotFound: Meaning(
        404, -32601, "method_not_found", "This method is not offered.", "caller"
    ),
    UnknownTool: Meaning(
        200, -32602, "unknown_tool", "No tool of that name on this server.", "caller"
    ),
    HeaderMismatch: Meaning(
        400, -32020, "header_mismatch", "An MCP header does not match the body.", "caller"
    ),
    UnsupportedVersion: Meaning(
        400, -32022, "unsupported_version", "This protocol revision is not served.", "caller"
    ),
    MissingCapability: Meaning(
        400, -32021, "missing_capability", "The tool needs a client capability.", "caller"
    ),
    InvalidArguments: Meaning(
        200, -32602, "invalid_arguments", "The arguments break the tool's input schema.", "caller"
    ),
    MethodNotAllowed: Meaning(
        405, -32600, "method_not_allowed", "Use POST at this address.", "caller"
    ),
    NotAcceptable: Meaning(
        406, -32600, "not_acceptable", "Accept application/json to get an answer.", "caller"
    ),
    UnsupportedMediaType: Meaning(
        415, -32600, "unsupported_media_type", "Send the body as application/json.", "caller"
    ),
    RequestTooLarge: Meaning(
        413, -32600, "request_too_large", "The body is larger than this server reads.", "caller"
    ),
    NotFound: Meaning(404, -32600, "not_found", "Not found.", "caller"),
    SecondFactorRequired: Meaning(
        403, -32600, "second_factor_required", "This server needs a second factor.", "caller"
    ),
    SecondFactorInvalid: Meaning(
        403, -32600, "second_factor_invalid", "The second factor is not valid here.", "caller"
    ),
    AccessTokenRequired: Meaning(
        401, -32600, "access_token_required", "This server needs a valid access token.", "caller"
    ),
    InsufficientScope: Meaning(
        403, -32600, "insufficient_scope", "The access token's scopes do not reach this.", "caller"
    ),
    SwitchedOff: Meaning(
        503,
        -32603,
        "switched_off",
        "The vendor has stopped calls here for now; nothing was sent.",
        "gateway",
        retry_safe=True,
    ),
    OriginForbidden: Meaning(
        403, -32600, "origin_forbidden", "This Origin or Host is not allowed.", "caller"
    ),
    Unauthorized: Meaning(
        401, -32600, "unauthorized", "Send an API token as 'Authorization: Bearer …'.", "caller"
    ),
    Forbidden: Meaning(
        403, -32600, "forbidden", "This API token's role does not open this route.", "caller"
    ),
    InvalidInput: Meaning(400, -32602, "invalid_input", "The input is not valid.", "caller"),
    UnknownFilter: Meaning(
        400, -32602, "unknown_filter", "A filter names something that does not exist.", "caller"
    ),
    EmptyFilter: Meaning(
        400, -32602, "empty_filter", "The filters together match no tool.", "caller"
    ),
    Conflict: Meaning(
        409, -32600, "conflict", "The object changed meanwhile; read it and try again.", "caller"
    ),
    NoSuchObject: Meaning(404, -32600, "no_such_object", "No such object.", "caller"),
    AddressForbidden: Meaning(
        200, -32603, "address_forbidden", "The upstream's address is not allowed.", "gateway"
    ),
    UpstreamUnreachable: Meaning(
        200, -32603, "upstream_unreachable", "The upstream API could not be reached.", "upstream"
    ),
    UpstreamTimeout: Meaning(
        200, -32603, "upstream_timeout", "The upstream API did not answer in time.", "upstream"
    ),
    ResponseTooLarge: Meaning(
        200,
        -32603,
        "response_too_large",
        "The upstream's answer is over the size cap; ask for fewer records or fields.",
        "upstream",
    ),
    UpstreamRateLimited: Meaning(
        429, 429, "rate_limited", "The upstream API's rate limit is reached.", "upstream", True
    ),
    UpstreamUnauthorized: Meaning(
        200,
        -32603,
        "upstream_unauthorized",
        "The upstream API refused the account's credential.",
        "upstream",
    ),
    UpstreamRejected: Meaning(
        200, -32603, "upstream_rejected", "The upstream API rejected the request.", "upstream"
    ),
    UpstreamFailed: Meaning(200, -32603, "upstream_failed", "The upstream API failed.", "upstream"),
    UpstreamRedirect: Meaning(
        200,
        -32603,
        "upstream_redirect",
        "The upstream API answered with a redirect, which is never followed.",
        "upstream",
    ),
    UpstreamReportedError: Meaning(
        200, -32603, "upstream_reported_error", "The upstream API reported an error.", "upstream"
    ),
    MalformedUpstreamResponse: Meaning(
        200,
        -32603,
        "malformed_upstream_response",
        "The upstream API's answer is not what its description says.",
        "upstream",
    ),
    UnsendableRequest: Meaning(
        200,
        -32603,
        "unsendable_request",
        "The request could not be formed safely, so nothing was sent.",
        "gateway",
    ),
    ReauthorizationRequired: Meaning(
        200,
        -32603,
        "reauthorization_required",
        "The account must be connected again by its owner.",
        "gateway",
    ),
    CredentialRefreshFailed: Meaning(
        200,
        -32603,
        "credential_refresh_failed",
        "The account's access token has run out, and its provider gave no new one for now.",
        "upstream",
        True,
    ),
    GatewayRateLimited: Meaning(
        429, 429, "gateway_rate_limited", "Too many requests at this server.", "gateway", True
    ),
    StoreUnavailable: Meaning(
        503,
        -32603,
        "store_unavailable",
        "The service cannot decide now; nothing was sent.",
        "gateway",
        True,
    ),
    AuditUnavailable: Meaning(
        200,
        -32603,
        "audit_unavailable",
        "The call could not be recorded, so nothing was sent.",
        "gateway",
        True,
    ),
    ResultWithheld: Meaning(
        200,
        -32603,
        "audit_unavailable",
        "The request was sent; its result is withheld because it could not be recorded.",
        "gateway",
    ),
    CallCancelled: Meaning(
        200,
        -32603,
        "cancelled",
        "This server was ended or stopped while the call ran; the upstream may have acted on it.",
        "gateway",
    ),
    ExpressionFailed: Meaning(
        200, -32603, "expression_failed", "An expression of the integration failed.", "gateway"
    ),
    InternalError: Meaning(200, -32603, "internal_error", "A fault of this service.", "gateway"),
    InvalidSettings: Meaning(
        500, -32603, "invalid_settings", "The settings are not valid.", "gateway"
    ),
    InvalidIntegration: Meaning(
        400, -32602, "invalid_integration", "The integration has problems.", "caller"
    ),
    InvalidExpression: Meaning(
        400, -32602, "invalid_expression", "An expression does not compile.", "caller"
    ),
    DataFolderError: Meaning(
        500, -32603, "data_folder", "The data folder cannot be used.", "gateway"
    ),
    UsageError: Meaning(400, -32602, "usage", "The command cannot work with this.", "caller"),
}

MEANINGS: Mapping[type[McpassportError], Meaning] = MappingProxyType(_TABLE)
"""Every concrete class; a test compares it with the tree."""


def meaning_of(kind: type[McpassportError]) -> Meaning:
    """The table's row for that class, or of the nearest class above it that has one."""
    return next((_TABLE[base] for base in kind.__mro__ if base in _TABLE), _TABLE[InternalError])


def envelope_of(error: McpassportError, request_id: str | None = None) -> Envelope:
    """The envelope that callers see of that error."""
    meaning = meaning_of(type(error))
    return Envelope(
        type=meaning.type,
        message=error.detail or meaning.text,
        whose=meaning.whose,
        upstream_status=error.upstream_status,
        retry=Retry(safe=meaning.retry_safe, after_seconds=error.after_seconds),
        ratelimit=error.ratelimit,
        request_id=request_id,
    )
