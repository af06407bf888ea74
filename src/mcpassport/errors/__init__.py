"""The error tree, and one table that says what each class means on every channel.

    McpassportError
    ├── RequestError             the caller's request cannot be served as it stands
    │   ├── ParseError · InvalidRequest · InvalidParams · MethodNotFound · UnknownTool
    │   ├── HeaderMismatch · UnsupportedVersion · MissingCapability · InvalidArguments
    │   └── MethodNotAllowed · NotAcceptable · UnsupportedMediaType · RequestTooLarge
    ├── AccessError              who is asking, and may they
    │   ├── NotFound · SecondFactorRequired · SecondFactorInvalid · SwitchedOff ·
    │   │   OriginForbidden
    │   └── Unauthorized · Forbidden
    ├── ManagementError          the management API
    │   └── InvalidInput · UnknownFilter · EmptyFilter · Conflict · NoSuchObject
    ├── UpstreamError            the one request to the upstream API, or why it was not sent
    │   ├── AddressForbidden · UpstreamUnreachable · UpstreamTimeout · ResponseTooLarge
    │   ├── UpstreamRateLimited · UpstreamUnauthorized · UpstreamRejected · UpstreamFailed
    │   ├── UpstreamRedirect · UpstreamReportedError · MalformedUpstreamResponse
    │   └── UnsendableRequest · ReauthorizationRequired · CredentialRefreshFailed
    ├── GatewayError             this deployment cannot serve the request now
    │   ├── GatewayRateLimited · StoreUnavailable · AuditUnavailable · ResultWithheld
    │   ├── CallCancelled
    │   └── ExpressionFailed · InternalError
    └── OperatorError            what the vendor's engineer wrote or runs is at fault
        └── InvalidSettings · InvalidIntegration · InvalidExpression · DataFolderError · UsageError

Classes hold no logic. A message never holds a secret, a stack, a URL or an upstream body.
"""

from mcpassport.errors.table import MEANINGS, Meaning, envelope_of, meaning_of
from mcpassport.errors.tree import (
    AccessError,
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
    GatewayError,
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
    ManagementError,
    McpassportError,
    MethodNotAllowed,
    MethodNotFound,
    MissingCapability,
    NoSuchObject,
    NotAcceptable,
    NotFound,
    OperatorError,
    OriginForbidden,
    ParseError,
    Problem,
    ReauthorizationRequired,
    RequestError,
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
    UpstreamError,
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

__all__ = [
    "MEANINGS",
    "AccessError",
    "AccessTokenRequired",
    "AddressForbidden",
    "AuditUnavailable",
    "CallCancelled",
    "Conflict",
    "CredentialRefreshFailed",
    "DataFolderError",
    "EmptyFilter",
    "ExpressionFailed",
    "Forbidden",
    "GatewayError",
    "GatewayRateLimited",
    "HeaderMismatch",
    "InsufficientScope",
    "InternalError",
    "InvalidArguments",
    "InvalidExpression",
    "InvalidInput",
    "InvalidIntegration",
    "InvalidParams",
    "InvalidRequest",
    "InvalidSettings",
    "MalformedUpstreamResponse",
    "ManagementError",
    "McpassportError",
    "Meaning",
    "MethodNotAllowed",
    "MethodNotFound",
    "MissingCapability",
    "NoSuchObject",
    "NotAcceptable",
    "NotFound",
    "OperatorError",
    "OriginForbidden",
    "ParseError",
    "Problem",
    "ReauthorizationRequired",
    "RequestError",
    "RequestTooLarge",
    "ResponseTooLarge",
    "ResultWithheld",
    "SecondFactorInvalid",
    "SecondFactorRequired",
    "StoreUnavailable",
    "SwitchedOff",
    "Unauthorized",
    "UnknownFilter",
    "UnknownTool",
    "UnsendableRequest",
    "UnsupportedMediaType",
    "UnsupportedVersion",
    "UpstreamError",
    "UpstreamFailed",
    "UpstreamRateLimited",
    "UpstreamRedirect",
    "UpstreamRejected",
    "UpstreamReportedError",
    "UpstreamTimeout",
    "UpstreamUnauthorized",
    "UpstreamUnreachable",
    "UsageError",
    "envelope_of",
    "meaning_of",
]
