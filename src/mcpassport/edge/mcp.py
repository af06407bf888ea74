"""The MCP endpoint: `/mcp/<token>` and `/mcp/s/<server-id>`, straight on ASGI.

The steps, in order; each can end the request:

    (1) address              not one of ours: the identical 404
    (2) method               only POST: 405 with `Allow`
    (3) noise                too much from a network that resolves to nobody: 429
    (4) admission            unknown and dead tokens: the identical 404; factors: 403
    (5) media types          415, 406
    (6) body                 413
    (7) a place in flight    without one the protocol says so in the caller's own terms
    (8) the protocol         and, per request, the calls per server

Host and Origin were checked before (`edge/middleware`). Steps (1) to (3) look at nothing that
depends on the token, so they cannot tell whether it exists. Nothing is parsed before (8).
A request that resolves to a tenant is in that tenant's audit; everything else is counted per
second, reason and network, and never awaited.
"""

import asyncio
from collections.abc import Mapping
from typing import Final, NamedTuple, Protocol

import structlog

from mcpassport.audit.edge import EdgeCounter
from mcpassport.audit.entry import Entry
from mcpassport.audit.log import AuditLog
from mcpassport.edge.asgi import (
    Answer,
    Receive,
    Scope,
    Send,
    accepts_json,
    headers_of,
    respond,
    sends_json,
)
from mcpassport.edge.bodies import Disconnected, discard, read_body, unless_gone
from mcpassport.edge.certificates import NO_CERTIFICATES, Certificates
from mcpassport.edge.clients import client_network
from mcpassport.edge.floods import Floods
from mcpassport.edge.presented import presented_by, secret_of
from mcpassport.edge.refusals import NOT_FOUND, challenging, refusal
from mcpassport.edge.streaming import EventStream
from mcpassport.errors import (
    AuditUnavailable,
    GatewayRateLimited,
    InternalError,
    InvalidRequest,
    McpassportError,
    MethodNotAllowed,
    NotAcceptable,
    NotFound,
    RequestTooLarge,
    StoreUnavailable,
    UnsupportedMediaType,
    meaning_of,
)
from mcpassport.gate.admit import Refusal
from mcpassport.gate.presented import Presented
from mcpassport.limits import (
    HEADER_METHOD,
    HEADER_PROTOCOL,
    MODERN_REVISIONS,
    Limits,
)
from mcpassport.protocol.endpoint import Protocol as McpProtocol
from mcpassport.records.grants import Caller

_log = structlog.get_logger(__name__)

RETRY_S: Final = 1
"""Advice when the store, the keys or the audit cannot be reached."""


class Admission(Protocol):
    """The gate, as this endpoint sees it."""

    async def admit(self, presented: Presented) -> Caller | Refusal:
        """Who is calling; a `McpassportError` when that cannot be decided."""
        ...


class _Visit(NamedTuple):
    receive: Receive
    headers: Mapping[str, str]
    presented: Presented
    network: str
    entry: Entry
    stream: EventStream


class McpEndpoint:
    """The ASGI callable under `/mcp/`."""

    def __init__(
        self,
        *,
        gate: Admission,
        protocol: McpProtocol,
        audit: AuditLog,
        edge: EdgeCounter,
        floods: Floods,
        certificates: Certificates = NO_CERTIFICATES,
    ) -> None:
        self._gate = gate
        self._protocol = protocol
        self._audit = audit
        self._edge = edge
        self._floods = floods
        self._watch = protocol.watch
        self._certificates = certificates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        headers = headers_of(scope["headers"])
        network = client_network(scope, headers, self._certificates.trusted)
        certificate = self._certificates.of(scope, headers)
        presented = presented_by(scope["path"], headers, certificate)
        refused = self._refuse_stranger(scope["method"], presented, network)
        if refused is not None or presented is None:
            await respond(send, refused or NOT_FOUND)
            return
        stream = EventStream(send)
        visit = _Visit(receive, headers, presented, network, self._audit.open(), stream)
        under_way = self._watch.metrics.in_flight
        under_way.inc()
        try:
            answer = await self._visit(visit)
            await stream.respond(answer)
        finally:
            under_way.dec()
            stream.abandon()

    def _refuse_stranger(
        self, method: str, presented: Presented | None, network: str
    ) -> Answer | None:
        """Steps (1) to (3); None when the request may go on to admission."""
        # (1) Address.
        if presented is None:
            return self._counted("no_such_address", network, NOT_FOUND)
        # (2) Method.
        if method != "POST":
            answer = refusal(MethodNotAllowed())._replace(headers=((b"allow", b"POST"),))
            return self._counted("method_not_allowed", network, answer)
        # (3) Noise.
        wait = self._floods.strangers.wait(network)
        if wait is not None and not self._floods.familiar.knows(secret_of(presented)):
            return self._counted("flood", network, refusal(GatewayRateLimited(after_seconds=wait)))
        return None

    async def _visit(self, visit: _Visit) -> Answer | None:
        """Steps (4) to (8); None when the caller went away. The entry is closed in any case."""
        closing = "unknown"
        try:
            return await self._admit(visit)
        except (Disconnected, asyncio.CancelledError) as error:
            closing = "cancelled"
            if isinstance(error, Disconnected):
                return None
            raise
        except Exception as error:  # noqa: BLE001 - the last line: no detail may leave
            _log.error(
                "internal_fault", kind=type(error).__name__, request_id=visit.entry.request_id
            )
            return refusal(InternalError(), visit.entry.request_id, 500)
        finally:
            await visit.entry.close(closing)

    async def _admit(self, visit: _Visit) -> Answer | None:
        # (4) Admission, before a byte of the body is looked at.
        try:
            admitted = await self._gate.admit(visit.presented)
        except McpassportError:  # the store, or the keys: who cannot be looked up stays outside
            error = StoreUnavailable(after_seconds=RETRY_S)
            return self._counted("store_unavailable", visit.network, refusal(error))
        if isinstance(admitted, Refusal):
            return await self._refused(visit, admitted)
        self._floods.familiar.remember(secret_of(visit.presented))
        visit.entry.admitted(admitted)
        try:
            return await self._serve(visit, admitted)
        except McpassportError as error:
            return await self._recorded(visit, error)

    async def _serve(self, visit: _Visit, caller: Caller) -> Answer | None:
        # (5) Media types.
        if not sends_json(visit.headers):
            raise UnsupportedMediaType
        if not accepts_json(visit.headers):
            raise NotAcceptable
        # (6) Body.
        limits = self._floods.limits_of(caller)
        body = await self._body(visit, caller, limits)
        # (7) A place in flight.
        flight, place = self._floods.in_flight, (caller.server.id, caller.tenant.id, limits)
        admitted = await flight.enter(*place)
        # (8) The protocol.
        try:
            busy = None if admitted else RETRY_S
            answering = self._protocol.answer(
                caller, visit.headers, body, visit.entry, busy=busy, channel=visit.stream
            )
            if _cancels(visit.headers):
                reply = await unless_gone(visit.receive, answering)
            else:
                reply = await answering
        finally:
            if admitted:
                flight.leave(*place)
        return Answer(reply.status, reply.body, reply.headers)

    async def _body(self, visit: _Visit, caller: Caller, limits: Limits) -> bytes:
        try:
            return await read_body(
                visit.receive,
                visit.headers,
                cap=limits.request_body_bytes,
                timeout_s=limits.call_timeout_s,
            )
        except RequestTooLarge:
            await discard(visit.receive)
            raise
        except TimeoutError:
            raise InvalidRequest("The body did not arrive in time.") from None
        except Disconnected:
            visit.entry.refuse_later("disconnected", http_status=0, key=f"gone:{caller.server.id}")
            self._watch.metrics.refused("disconnected")
            raise

    async def _refused(self, visit: _Visit, refused: Refusal) -> Answer:
        """A refusal by the gate: of a stranger, of a dead token, or for want of a factor."""
        meaning = meaning_of(type(refused.error))
        hidden = isinstance(refused.error, NotFound)
        if not refused.tenant or refused.lacking is not None:
            self._floods.strangers.take(visit.network)
        if not refused.tenant:
            answer = NOT_FOUND if hidden else refusal(refused.error)
            return self._counted(refused.reason, visit.network, answer)
        visit.entry.refused_known(
            refused.tenant, refused.server, refused.account, refused.integration
        )
        # Whoever holds a dead token, or a live one without its factor, cannot fill the audit:
        # dead ones, and too many of the others, are folded into one row a second with a count.
        # So are those without an access token: anybody may know the address.
        lacking = refused.lacking
        folded = hidden or lacking is not None
        if folded or self._floods.calls.take(f"refused:{refused.server}") is not None:
            visit.entry.refuse_later(
                refused.reason, http_status=meaning.http_status, key=refused.token_key
            )
            self._watch.metrics.refused(refused.reason)
            if hidden:
                return NOT_FOUND
            answer = refusal(refused.error, visit.entry.request_id)
            return answer if lacking is None else challenging(answer, lacking)
        return await self._recorded(visit, refused.error, refused.reason)

    def _counted(self, reason: str, network: str, answer: Answer) -> Answer:
        self._edge.count(reason, network)
        self._watch.metrics.stranger(reason)
        return answer

    async def _recorded(self, visit: _Visit, error: McpassportError, reason: str = "") -> Answer:
        """Refuse a caller we know, in the audit first."""
        meaning = meaning_of(type(error))
        entry, status = visit.entry, meaning.http_status
        self._watch.metrics.refused(reason or meaning.type)
        self._watch.failed(meaning.type, status, entry.request_id)
        try:
            await entry.refuse(reason or meaning.type, http_status=status)
        except AuditUnavailable:
            unavailable = AuditUnavailable(after_seconds=RETRY_S)
            return refusal(unavailable, entry.request_id, 503)
        return refusal(error, entry.request_id)


def _cancels(headers: Mapping[str, str]) -> bool:
    return (
        headers.get(HEADER_PROTOCOL) in MODERN_REVISIONS
        and headers.get(HEADER_METHOD) == "tools/call"
    )
