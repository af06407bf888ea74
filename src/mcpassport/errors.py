"""The error tree, and one table that says what each class means on every channel.

    McpassportError
    ├── RequestError             the caller's request cannot be served as it stands
    │   ├── ParseError · InvalidRequest · InvalidParams · MethodNotFound · UnknownTool
    │   ├── HeaderMismatch · UnsupportedVersion · InvalidArguments
    │   └── MethodNotAllowed · NotAcceptable · UnsupportedMediaType · RequestTooLarge
    ├── AccessError              who is asking, and may they
    │   ├── NotFound · SecondFactorRequired · SecondFactorInvalid · OriginForbidden
    │   └── Unauthorized · Forbidden
    ├── ManagementError          the management API
    │   └── InvalidInput · UnknownFilter · EmptyFilter · Conflict · NoSuchObject
    ├── UpstreamError            the one request to the upstream API, or why it was not sent
    │   ├── AddressForbidden · UpstreamUnreachable · UpstreamTimeout · ResponseTooLarge
    │   ├── UpstreamRateLimited · UpstreamUnauthorized · UpstreamRejected · UpstreamFailed
    │   ├── UpstreamRedirect · UpstreamReportedError · MalformedUpstreamResponse
    │   └── UnsendableRequest · ReauthorizationRequired
    ├── GatewayError             this deployment cannot serve the request now
    │   ├── GatewayRateLimited · StoreUnavailable · AuditUnavailable · ResultWithheld
    │   └── ExpressionFailed · InternalError
    └── OperatorError            what the vendor's engineer wrote or runs is at fault
        └── InvalidSettings · InvalidIntegration · InvalidExpression · DataFolderError · UsageError

Classes hold no logic. A message never holds a secret, a stack, a URL or an upstream body.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from mcpassport.records.envelope import Envelope, RateLimit, Retry, Whose


class Problem(NamedTuple):
    """One thing that is wrong: where it stands, which rule it breaks, how to mend it."""

    where: str
    rule: str
    message: str
    mend: str = ""


class McpassportError(Exception):
    """Root of the tree. `detail` replaces the table's public text; it must be fit for strangers."""

    def __init__(
        self,
        detail: str | None = None,
        *,
        problems: tuple[Problem, ...] = (),
        upstream_status: int | None = None,
        ratelimit: RateLimit | None = None,
        after_seconds: int | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail or meaning_of(type(self)).text)
        self.detail = detail
        self.problems = problems
        self.upstream_status = upstream_status
        self.ratelimit = ratelimit
        self.after_seconds = after_seconds
        self.data = data


class RequestError(McpassportError):
    """The caller's request cannot be served as it stands."""


class ParseError(RequestError):
    """The body is not JSON."""


class InvalidRequest(RequestError):
    """The body is JSON but not a JSON-RPC request."""


class InvalidParams(RequestError):
    """`params` lacks what the method needs."""


class MethodNotFound(RequestError):
    """The JSON-RPC method is unknown or not offered."""


class UnknownTool(RequestError):
    """No tool of that name on this server."""


class HeaderMismatch(RequestError):
    """An MCP header is missing, doubled, malformed, or differs from the body."""


class UnsupportedVersion(RequestError):
    """The protocol revision is not served here."""


class InvalidArguments(RequestError):
    """The arguments of a tool call break its input schema."""


class MethodNotAllowed(RequestError):
    """The HTTP method is not served at this address."""


class NotAcceptable(RequestError):
    """`Accept` admits no format that we answer in."""


class UnsupportedMediaType(RequestError):
    """The body is not sent as JSON."""


class RequestTooLarge(RequestError):
    """The body is over the cap."""


class AccessError(McpassportError):
    """Who is asking, and may they."""


class NotFound(AccessError):
    """Unknown, revoked, suspended or expired: one identical answer."""


class SecondFactorRequired(AccessError):
    """The server demands a second factor and none came."""


class SecondFactorInvalid(AccessError):
    """A second factor came and does not hold."""


class OriginForbidden(AccessError):
    """`Origin` or `Host` is not on the list."""


class Unauthorized(AccessError):
    """The management API needs an API token."""


class Forbidden(AccessError):
    """The API token's role does not open this route."""


class ManagementError(McpassportError):
    """The management API cannot do what was asked."""


class InvalidInput(ManagementError):
    """The input of a management request is not valid."""


class UnknownFilter(ManagementError):
    """A filter names something that does not exist."""


class EmptyFilter(ManagementError):
    """The filters together match no tool."""


class Conflict(ManagementError):
    """Somebody else wrote first."""


class NoSuchObject(ManagementError):
    """No object of that id, or none that this principal may see."""


class UpstreamError(McpassportError):
    """The one request to the upstream API failed, or was not allowed to leave."""

    sent: bool = True
    """False when it is certain that nothing of the request left."""


class AddressForbidden(UpstreamError):
    """The upstream's address is private, loopback, link-local or metadata, or another host."""


class UpstreamUnreachable(UpstreamError):
    """No connection, or it broke before the response was complete."""


class UpstreamTimeout(UpstreamError):
    """The upstream did not finish in time."""


class ResponseTooLarge(UpstreamError):
    """The upstream's body is over the cap."""


class UpstreamRateLimited(UpstreamError):
    """The upstream answered that its rate limit is reached."""


class UpstreamUnauthorized(UpstreamError):
    """The upstream refused the account's credential."""


class UpstreamRejected(UpstreamError):
    """The upstream answered 4xx."""


class UpstreamFailed(UpstreamError):
    """The upstream answered 5xx."""


class UpstreamRedirect(UpstreamError):
    """The upstream answered with a redirect, which is never followed."""


class UpstreamReportedError(UpstreamError):
    """A 2xx whose body carries an error."""


class MalformedUpstreamResponse(UpstreamError):
    """The upstream's body is not what the integration says it is."""


class UnsendableRequest(UpstreamError):
    """A header or the method could not be sent safely, so nothing was."""


class ReauthorizationRequired(UpstreamError):
    """The account must be connected again."""


class GatewayError(McpassportError):
    """This deployment cannot serve the request now."""


class GatewayRateLimited(GatewayError):
    """One of our own limits is reached."""


class StoreUnavailable(GatewayError):
    """The store or the keys cannot be read."""


class AuditUnavailable(GatewayError):
    """The audit intent cannot be written, so nothing was sent."""


class ResultWithheld(GatewayError):
    """The request was sent; its result is withheld because it could not be recorded."""


class ExpressionFailed(GatewayError):
    """An expression of the integration failed on this input."""


class InternalError(GatewayError):
    """A fault of our own."""


class OperatorError(McpassportError):
    """What the vendor's engineer wrote or runs is at fault."""


class InvalidSettings(OperatorError):
    """Settings are missing or wrong."""


class InvalidIntegration(OperatorError):
    """An integration folder or document cannot be used."""


class InvalidExpression(OperatorError):
    """An expression or template does not compile."""


class DataFolderError(OperatorError):
    """The data folder or a key file cannot be used."""


class UsageError(OperatorError):
    """A command was given something it cannot work with."""


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
