"""One POST body in, one answer out: parse, classify, dispatch.

`answer` never raises for anything a caller sends. Every refusal is in the audit before it is sent.
"""

from collections.abc import Callable, Mapping

import structlog

from mcpassport.audit.entry import Answered, Asked, Entry
from mcpassport.errors import (
    AuditUnavailable,
    GatewayRateLimited,
    InternalError,
    McpassportError,
    MethodNotFound,
    meaning_of,
)
from mcpassport.gate.running import Running
from mcpassport.limits import Limits
from mcpassport.observe.requests import Watch
from mcpassport.protocol.calls import Calls, asked_of, log_fault
from mcpassport.protocol.era import Rejection, Route, classify
from mcpassport.protocol.exchange import (
    CatalogSource,
    Channel,
    CredentialSource,
    Exchange,
    Reply,
    UpstreamCaller,
)
from mcpassport.protocol.jsonrpc import Bad, Batch, Notification, Request, Response, parse
from mcpassport.protocol.listing import Offers
from mcpassport.protocol.methods import LEGACY, MODERN, Services
from mcpassport.protocol.present import call_status, failure, rpc_fault, status_of
from mcpassport.records.grants import Caller

_log = structlog.get_logger(__name__)

Throttle = Callable[[Caller], int | None]
"""Charge one request to a caller's server: None, or seconds to wait when its bucket is empty."""

ACCEPTED = Reply(202, (), b"")


class Protocol:
    """MCP, both eras, over one POST."""

    def __init__(  # noqa: PLR0913 - the parts that it is made of
        self,
        *,
        versions: CatalogSource,
        accounts: CredentialSource,
        upstream: UpstreamCaller,
        limits: Limits,
        server_version: str,
        throttle: Throttle | None = None,
        watch: Watch | None = None,
        running: Running | None = None,
    ) -> None:
        calls = Calls(accounts, upstream, running)
        self._services = Services(versions, Offers(server_version), calls)
        self._limits = limits
        self._throttle = throttle
        self.watch = watch or Watch()

    async def answer(
        self,
        caller: Caller,
        headers: Mapping[str, str],
        body: bytes,
        entry: Entry,
        *,
        busy: int | None = None,
        channel: Channel | None = None,
    ) -> Reply:
        """Answer one admitted POST. Header names are lower case, repeated ones comma-joined.

        `busy`: seconds to wait, when there is no place in flight; then every request is told so,
        on the channel that its caller understands (mcp-facts 4.3). `channel`: where progress is
        told.
        """
        entry.bytes_in = len(body)
        message = parse(body, depth=self._limits.json_depth, batch=self._limits.batch_length)
        route = classify(headers, message)
        if isinstance(route, Rejection):
            rejected = await _reject(entry, route.id, route.error)
            self.watch.rejected(rejected, entry.request_id)
            return rejected
        if isinstance(route.message, Batch):
            return await self._batch(caller, headers, route, entry, busy)
        if isinstance(route.message, Request):
            exchange = Exchange(
                caller=caller,
                entry=entry,
                headers=headers,
                route=route,
                request=route.message,
                channel=channel,
            )
            return await self._request(exchange, busy)
        return await _accept(entry, route, route.message)

    async def _request(self, exchange: Exchange, busy: int | None) -> Reply:
        """Answer one request, watched."""
        request = exchange.request
        return await self.watch.request(
            exchange.route,
            request.method,
            request.params,
            exchange.entry.request_id,
            lambda: self._dispatch(exchange, busy),
        )

    async def _dispatch(self, exchange: Exchange, busy: int | None) -> Reply:
        """Charge and dispatch one request; whatever goes wrong becomes its answer."""
        wait = self._throttle(exchange.caller) if busy is None and self._throttle else busy
        if wait is not None:
            return _slow(exchange, wait)
        table = MODERN if exchange.modern else LEGACY
        handler = table.get(exchange.request.method)
        if handler is None:
            return await _refuse(exchange, MethodNotFound())
        try:
            return await handler(self._services, exchange)
        except McpassportError as error:
            return await _refuse(exchange, error)
        except Exception as error:  # noqa: BLE001 - the last line: no detail may leave
            log_fault(exchange, error)
            return await _refuse(exchange, InternalError())

    async def _batch(
        self,
        caller: Caller,
        headers: Mapping[str, str],
        route: Route,
        entry: Entry,
        busy: int | None,
    ) -> Reply:
        """Answer the messages one after the other; only requests and broken ones are answered."""
        assert isinstance(route.message, Batch)
        answers: list[bytes] = []
        for item in route.message.items:
            if isinstance(item, Request):
                exchange = Exchange(
                    caller=caller,
                    entry=entry,
                    headers=headers,
                    route=route,
                    request=item,
                    alone=False,
                )
                reply = await self._request(exchange, busy)
            else:
                reply = await _unasked(entry, route, item)
            if reply.body:
                answers.append(reply.body)
        return Reply(200, (), b"[%b]" % b",".join(answers)) if answers else ACCEPTED


def _slow(exchange: Exchange, wait: int) -> Reply:
    """Refuse for one of our limits; folded with a count, so that a flood cannot fill the audit."""
    error = GatewayRateLimited(after_seconds=wait)
    is_call = exchange.request.method == "tools/call"
    status = call_status(exchange, error) if is_call else status_of(error, modern=exchange.modern)
    exchange.entry.refuse_later(
        meaning_of(GatewayRateLimited).type,
        http_status=status,
        key=f"flood:{exchange.caller.server.id}",
    )
    if is_call:
        return failure(exchange, None, error)
    return rpc_fault(exchange.request.id, error, status, exchange.entry.request_id)


async def _unasked(entry: Entry, route: Route, item: Notification | Response | Bad) -> Reply:
    if isinstance(item, Bad):
        return await _recorded(entry, item.id, item.error, 200, Asked(rpc_method=""))
    return await _accept(entry, route, item)


async def _accept(entry: Entry, route: Route, message: Notification | Response) -> Reply:
    """202 for what needs no answer: it has no effect here, and is recorded like everything.

    When it cannot be recorded it is accepted all the same: nothing was done, and an error status
    would cost clients of the legacy era their transport (mcp-facts 4.2).
    """
    method = message.method if isinstance(message, Notification) else "response"
    name, version = route.client
    asked = Asked(
        rpc_method=method,
        client_name=name,
        client_version=version,
        protocol_version=route.revision,
    )
    try:
        await entry.served(asked, Answered(outcome="accepted", http_status=202))
    except AuditUnavailable as error:
        _log.error("audit_notification_lost", kind=type(error).__name__)
    return ACCEPTED


async def _refuse(exchange: Exchange, error: McpassportError) -> Reply:
    status = status_of(error, modern=exchange.modern)
    return await _recorded(exchange.entry, exchange.request.id, error, status, asked_of(exchange))


async def _reject(entry: Entry, message_id: bytes | None, error: McpassportError) -> Reply:
    return await _recorded(
        entry, message_id, error, meaning_of(type(error)).http_status, Asked(rpc_method="")
    )


async def _recorded(
    entry: Entry, message_id: bytes | None, error: McpassportError, status: int, asked: Asked
) -> Reply:
    """Record a refusal, then answer it; a refusal that cannot be recorded says so instead."""
    if not isinstance(error, AuditUnavailable):
        try:
            await entry.refuse(meaning_of(type(error)).type, http_status=status, asked=asked)
        except AuditUnavailable as unavailable:
            error, status = unavailable, 200
    return rpc_fault(message_id, error, status, entry.request_id)
