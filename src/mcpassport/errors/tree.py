"""The classes of the error tree. Classes hold no logic."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from mcpassport.records.envelope import RateLimit


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
        super().__init__(detail or (type(self).__doc__ or ""))
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


class MissingCapability(RequestError):
    """The tool needs a client capability that the request does not declare."""


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


class AccessTokenRequired(AccessError):
    """The server is found by its address, and the access token is missing or not valid here."""


class InsufficientScope(AccessError):
    """The access token does not reach this tool, or anything."""


class SwitchedOff(AccessError):
    """A kill switch of the vendor is off."""


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


class CredentialRefreshFailed(UpstreamError):
    """The account's token has run out, and the provider gave no new one for now."""


class GatewayError(McpassportError):
    """This deployment cannot serve the request now."""


class GatewayRateLimited(GatewayError):
    """One of our own limits is reached."""


class StoreUnavailable(GatewayError):
    """The store or the keys cannot be read."""


class AuditUnavailable(GatewayError):
    """The audit intent cannot be written, so nothing was sent."""


class CallCancelled(GatewayError):
    """The grant was ended or stopped while the call ran."""


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
