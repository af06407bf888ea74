"""Which era and revision a message belongs to: a pure function over headers and message.

The rungs of `classify`, in order; the first that applies decides. The order of the modern checks
is that of the official servers (shape, match, version): a client that sends two different versions
must hear of the mismatch, even when neither is served.

    body is no message                            Rejection
    (1) array                                     legacy, if the header is absent or old enough
    (2) `_meta` names a protocol version          modern:
        (2a) shape of `_meta`                     -32602
        (2b) routing headers equal the body       -32020
        (2c) the version is served                -32022
    (3) header names no legacy revision           only `initialize`, notifications and responses
    (4) anything else                             legacy, at the header's revision
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import msgspec
from msgspec import UNSET, Struct, UnsetType

from mcpassport.errors import (
    HeaderMismatch,
    InvalidParams,
    InvalidRequest,
    McpassportError,
    UnsupportedVersion,
)
from mcpassport.limits import (
    HEADER_METHOD,
    HEADER_NAME,
    HEADER_PROTOCOL,
    LEGACY_REVISIONS,
    LEGACY_UNSTATED,
    MODERN_REVISIONS,
)
from mcpassport.protocol.jsonrpc import Bad, Batch, Message, Notification, Request, Response, Single

Era: TypeAlias = Literal["modern", "legacy"]

BATCH_REVISIONS: Final = ("2025-03-26", "2024-11-05")
KEY_VERSION: Final = "io.modelcontextprotocol/protocolVersion"
KEY_CAPABILITIES: Final = "io.modelcontextprotocol/clientCapabilities"
KEY_CLIENT: Final = "io.modelcontextprotocol/clientInfo"
UNREADABLE: Final = "params cannot be read: '_meta' must be an object, numbers must be in range."
_BASE64_OPEN: Final = "=?base64?"
_BASE64_CLOSE: Final = "?="


class Route(NamedTuple):
    """Where a message goes. `raw` marks an HTTP caller that is no MCP client (mcp-facts 4.3)."""

    era: Era
    revision: str
    message: Request | Notification | Response | Batch
    client: tuple[str, str] = ("", "")
    raw: bool = False


class Rejection(NamedTuple):
    """Refused before any method is looked at; always with the error's own HTTP status."""

    error: McpassportError
    id: bytes | None = None


class _Meta(Struct):
    version: Any = msgspec.field(name=KEY_VERSION, default=UNSET)
    capabilities: Any = msgspec.field(name=KEY_CAPABILITIES, default=UNSET)
    client: Any = msgspec.field(name=KEY_CLIENT, default=UNSET)


class _Params(Struct):
    meta: _Meta | UnsetType | None = msgspec.field(name="_meta", default=UNSET)
    name: Any = None


_decode_params = msgspec.json.Decoder(_Params).decode
_NO_PARAMS: Final = _Params()


def classify(headers: Mapping[str, str], message: Message) -> Route | Rejection:
    """Decide era and revision. Header names are lower case; repeated headers joined by a comma.

    A repeated routing header therefore equals no valid value and fails rung (2b).
    """
    if isinstance(message, Bad):
        return Rejection(message.error, message.id)
    stated = headers.get(HEADER_PROTOCOL)
    if isinstance(message, Batch):
        return _batch(stated, headers, message)
    if isinstance(message, Response):
        return Route("legacy", _legacy_revision(stated), message)
    params = _params(message)
    if isinstance(params, Rejection):
        return params
    if isinstance(params.meta, _Meta) and params.meta.version is not UNSET:
        return _modern(headers, message, params, params.meta)
    return _unclaimed(stated, headers, message)


def _batch(stated: str | None, headers: Mapping[str, str], batch: Batch) -> Route | Rejection:
    """(1) Arrays exist in the two oldest revisions only."""
    if stated is not None and stated not in BATCH_REVISIONS:
        return Rejection(
            InvalidRequest("Batches ended with revision 2025-03-26; send one message.")
        )
    if any(_claims(item) for item in batch.items):
        return Rejection(InvalidRequest("A modern request travels alone, not in a batch."))
    return Route("legacy", stated or LEGACY_UNSTATED, batch, raw=_is_raw(stated, headers))


def _modern(
    headers: Mapping[str, str], message: Request | Notification, params: _Params, meta: _Meta
) -> Route | Rejection:
    """(2) The message claims a revision of its own."""
    route = Route("modern", str(meta.version), message, _client(meta.client))
    if isinstance(message, Notification):
        return route  # header rules for notifications are not defined: be lenient
    # (2a) Shape of `_meta`.
    problem = _meta_problem(meta)
    if problem is not None:
        return Rejection(InvalidParams(problem), message.id)
    # (2b) Headers equal the body, so that whoever routed by headers was not deceived.
    problem = _header_problem(headers, message, params, route.revision)
    if problem is not None:
        return Rejection(HeaderMismatch(problem), message.id)
    # (2c) The version is served.
    if route.revision not in MODERN_REVISIONS:
        data = {"supported": list(MODERN_REVISIONS), "requested": route.revision}
        return Rejection(UnsupportedVersion(data=data), message.id)
    return route


def _unclaimed(
    stated: str | None, headers: Mapping[str, str], message: Request | Notification
) -> Route | Rejection:
    """(3) and (4): no claim in the body."""
    route = Route("legacy", _legacy_revision(stated), message, raw=_is_raw(stated, headers))
    unknown = stated is not None and stated not in LEGACY_REVISIONS
    if unknown and isinstance(message, Request) and message.method != "initialize":
        served = ", ".join(MODERN_REVISIONS + LEGACY_REVISIONS)
        return Rejection(
            InvalidParams(
                f"The header names revision {stated!r} but params._meta lacks {KEY_VERSION!r}. "
                f"Served revisions: {served}."
            ),
            message.id,
        )
    return route


def _params(message: Request | Notification) -> _Params | Rejection:
    if message.params is None:
        return _NO_PARAMS
    try:
        return _decode_params(message.params)
    except msgspec.DecodeError:
        if isinstance(message, Notification):
            return _NO_PARAMS
        return Rejection(InvalidParams(UNREADABLE), message.id)


def _claims(item: Single) -> bool:
    if not isinstance(item, Request | Notification):
        return False
    params = _params(item)
    return (
        isinstance(params, _Params)
        and isinstance(params.meta, _Meta)
        and params.meta.version is not UNSET
    )


def _meta_problem(meta: _Meta) -> str | None:
    if not isinstance(meta.version, str):
        return f"params._meta[{KEY_VERSION!r}] must be text."
    if not isinstance(meta.capabilities, dict):
        return f"params._meta[{KEY_CAPABILITIES!r}] must be an object; it may be empty."
    return None


def _header_problem(
    headers: Mapping[str, str], message: Request, params: _Params, revision: str
) -> str | None:
    if headers.get(HEADER_PROTOCOL) != revision:
        return "MCP-Protocol-Version must be sent once and equal the version in params._meta."
    if headers.get(HEADER_METHOD) != message.method:
        return "Mcp-Method must be sent once and equal the method in the body."
    if message.method == "tools/call" and isinstance(params.name, str):
        sent = headers.get(HEADER_NAME)
        if sent is None or plain_header(sent) != params.name:
            return "Mcp-Name must be sent once and equal the tool name in the body."
    return None


def plain_header(value: str) -> str | None:
    """A header value out of its Base64 sentinel form; None when the sentinel is malformed.

    A value that lacks the prefix or the suffix is literal (spec: basic/transports).
    """
    if not (value.startswith(_BASE64_OPEN) and value.endswith(_BASE64_CLOSE)):
        return value
    inner = value[len(_BASE64_OPEN) : -len(_BASE64_CLOSE)]
    try:
        return base64.b64decode(inner, validate=True).decode()
    except (binascii.Error, ValueError):
        return None


def _client(value: Any) -> tuple[str, str]:
    if not isinstance(value, dict):
        return ("", "")
    name, version = value.get("name"), value.get("version")
    return (name if isinstance(name, str) else "", version if isinstance(version, str) else "")


def _legacy_revision(stated: str | None) -> str:
    return stated if stated in LEGACY_REVISIONS else LEGACY_UNSTATED


def _is_raw(stated: str | None, headers: Mapping[str, str]) -> bool:
    return stated is None and "text/event-stream" not in headers.get("accept", "").lower()
