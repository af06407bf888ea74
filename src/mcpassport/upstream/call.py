"""One call of a tool: build, authorize, send, interpret; one request, or none.

1. build      everything that can be refused is refused here, before the network.
2. authorize  the credential joins, in members of the request that never show.
3. send       the only line that reaches the network, once.
4. interpret  status, rate limit, body, next cursor.
Every failure is an `Outcome` with an error; nothing is raised but cancellation.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from msgspec.structs import replace

from mcpassport.errors import McpassportError, ResponseTooLarge, UpstreamError
from mcpassport.expressions import Evaluator
from mcpassport.limits import Limits
from mcpassport.records.calls import CallScope, OutboundRequest, OutboundResponse, Outcome
from mcpassport.records.grants import Account
from mcpassport.records.masked import Secret
from mcpassport.records.sources import Clock
from mcpassport.records.tool import Tool
from mcpassport.upstream.auth.templates import apply_templates
from mcpassport.upstream.build import build, context_of, finish
from mcpassport.upstream.cursors import Cursors, Sealer
from mcpassport.upstream.outcome import (
    NOTE_REPEATED,
    Interpreter,
    Limited,
    Reading,
    failure_of,
    page_of,
    records_in,
)
from mcpassport.upstream.oversize import too_large
from mcpassport.upstream.paging.turn import Answer, Asked, Turn
from mcpassport.upstream.streams import Following, Listener, Streamer
from mcpassport.upstream.wiring import Wiring, Wirings

MASKED: Final = "****"
"""Stands for a secret in the plan of a call."""
NO_FACTS: Final = Limited(None, reached=False)
LIMIT: Final = "limit"
NEXT_CURSOR: Final = "next_cursor"


class Sender(Streamer, Protocol):
    """The part of the HTTP client that a call needs."""

    async def send(self, request: OutboundRequest, /) -> OutboundResponse:
        """The response, whatever its status; an `UpstreamError` if there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Prepared:
    """A call that is ready to be authorized."""

    wiring: Wiring
    request: OutboundRequest
    scope: CallScope
    asked: Asked
    url: str
    """Without a query."""


class Upstream:
    """Calls tools on behalf of accounts. Belongs to one event loop."""

    def __init__(
        self, *, http: Sender, evaluator: Evaluator, vault: Sealer, limits: Limits, clock: Clock
    ) -> None:
        self._http = http
        self._evaluator = evaluator
        self._vault = vault
        self._limits = limits
        self._clock = clock
        self._wirings = Wirings()
        self._interpreter = Interpreter(evaluator, limits)

    async def call(
        self,
        tool: Tool,
        arguments: dict[str, Any],
        account: Account,
        credential: Secret,
        key_version: int,
        listener: Listener | None = None,
    ) -> Outcome:
        """Call the tool with arguments that were checked against its schema.

        The error of an `Outcome` is any `McpassportError`; `sent` says whether the request may
        have reached the upstream. `listener` hears how far a streamed response is.
        """
        cursors = Cursors(self._vault, account, key_version)
        try:
            prepared = await self._prepare(tool, arguments, account, cursors)  # (1)
            request = _authorized(prepared, credential)  # (2)
        except McpassportError as error:
            return Outcome(error=error)
        streaming = prepared.wiring.streaming
        if streaming is not None:
            scope = prepared.scope
            following = Following(streaming, self._evaluator, self._limits, scope.args, listener)
            return await self._follow(prepared, request, cursors, following)
        return await self._send(prepared, request, cursors)

    async def plan(
        self, tool: Tool, arguments: dict[str, Any], account: Account, key_version: int
    ) -> OutboundRequest:
        """The request that a call would send, secrets masked. Raises what a call would report."""
        cursors = Cursors(self._vault, account, key_version)
        prepared = await self._prepare(tool, arguments, account, cursors)
        wiring = prepared.wiring
        names = (
            *wiring.authorization.headers(wiring.method.authorization),
            *wiring.secret_headers,
        )
        return replace(
            prepared.request,
            secret_headers=tuple((name, MASKED) for name in dict.fromkeys(names)),
            secret_query=tuple((name, MASKED) for name in wiring.secret_query_names),
        )

    async def _prepare(
        self, tool: Tool, arguments: dict[str, Any], account: Account, cursors: Cursors
    ) -> Prepared:
        wiring = self._wirings.of(tool)
        asked, scope = await _asked(wiring, arguments, account, cursors)
        asked = asked._replace(scope=scope, evaluator=self._evaluator)
        paging = wiring.method.pagination
        turn = await wiring.paging.ask(paging, asked) if wiring.is_list else Turn({})
        url, draft = await build(wiring, scope, turn, account, self._evaluator)
        request = finish(wiring, url, draft, turn, account, self._limits)
        return Prepared(wiring, request, scope, asked, url)

    async def _send(
        self, prepared: Prepared, request: OutboundRequest, cursors: Cursors
    ) -> Outcome:
        started = self._clock()
        sent = Outcome(sent=True, bytes_out=len(request.body or b""))
        try:
            response = await self._http.send(request)  # (3)
        except McpassportError as error:
            # Only the client knows whether anything left; a refusal of our own limits did not.
            left = isinstance(error, UpstreamError) and error.sent
            error = self._advised(prepared, error)
            elapsed = self._elapsed(started)
            return (
                replace(sent, error=error, sent=left, upstream_ms=elapsed)
                if left
                else Outcome(error=error, upstream_ms=elapsed)
            )
        answered = replace(
            sent,
            upstream_status=response.status,
            upstream_ms=self._elapsed(started),
            bytes_in=len(response.body),
        )
        return await self._interpret(prepared, response, cursors, answered)

    async def _follow(
        self, prepared: Prepared, request: OutboundRequest, cursors: Cursors, following: Following
    ) -> Outcome:
        """As `_send`, for a response that is read while it arrives."""
        started = self._clock()
        response = await following.follow(self._http, request)  # (3)
        answered = Outcome(
            sent=following.sent,
            upstream_status=following.status,
            upstream_ms=self._elapsed(started),
            bytes_out=len(request.body or b"") if following.sent else 0,
            bytes_in=following.received,
        )
        if isinstance(response, McpassportError):
            return _failed(answered, self._advised(prepared, response), NO_FACTS)
        outcome = await self._interpret(prepared, response, cursors, answered)
        return replace(outcome, notes=tuple(dict.fromkeys((*outcome.notes, *following.notes))))

    async def _interpret(
        self, prepared: Prepared, response: OutboundResponse, cursors: Cursors, outcome: Outcome
    ) -> Outcome:
        """(4) The outcome of a response; its error carries the status and the limit's facts."""
        wiring = prepared.wiring
        limited = await self._interpreter.limited(wiring, response, self._clock())
        outcome = replace(outcome, ratelimit=limited.facts, notes=limited.notes)
        try:
            failure = failure_of(response.status, limited)
            if failure is not None:
                if wiring.is_list and wiring.paging.past_end(prepared.asked, response):
                    return replace(outcome, value=page_of(b"[]", None))
                return _failed(outcome, failure, limited)
            reading = await self._interpreter.read(wiring, response, prepared.scope)
            value, notes = reading.value, (*limited.notes, *reading.notes)
            if wiring.is_list:
                value, repeated = await _page(prepared, response, reading, cursors)
                notes += (NOTE_REPEATED,) if repeated else ()
        except McpassportError as error:
            return _failed(outcome, self._advised(prepared, error), limited)
        return replace(outcome, value=value, content=reading.content, notes=notes)

    def _advised(self, prepared: Prepared, error: McpassportError) -> McpassportError:
        """The error; of one about size the caller learns how to ask for less."""
        if not isinstance(error, ResponseTooLarge) or error.detail is not None:
            return error
        return too_large(prepared.wiring, self._limits.upstream_body_bytes)

    def _elapsed(self, started: datetime) -> int:
        return max(0, round((self._clock() - started).total_seconds() * 1000))


async def _asked(
    wiring: Wiring, arguments: dict[str, Any], account: Account, cursors: Cursors
) -> tuple[Asked, CallScope]:
    """The page asked for, and what templates and expressions see: never a sealed cursor."""
    context = context_of(account)
    arguments = wiring.seen(arguments)
    inputs = {route.name: route.property for route in wiring.routes if route.part == "paging"}
    if not inputs:
        return Asked(None, None), CallScope(arguments, context)
    limit = arguments.get(inputs.get(LIMIT, LIMIT))
    name = inputs.get(NEXT_CURSOR, NEXT_CURSOR)
    cursor = arguments.get(name)
    if cursor is None or not wiring.paging.sealed:
        return Asked(limit, cursor), CallScope(arguments, context)
    others = _without(arguments, name)
    cursor = await cursors.open(wiring.cursor_scope, others, cursor)
    return Asked(limit, cursor), CallScope(others, context)


def _authorized(prepared: Prepared, credential: Secret) -> OutboundRequest:
    wiring = prepared.wiring
    applied = wiring.authorization.apply(wiring.method.authorization, credential)
    headers, query = applied.headers, applied.query
    if wiring.secret_headers or wiring.secret_query:
        scopes = {"args": prepared.scope.args, "context": prepared.scope.context}
        more = apply_templates(wiring.secret_headers, wiring.secret_query, scopes, credential)
        set_already = {name.lower() for name, _ in headers}
        headers += tuple(item for item in more.headers if item[0].lower() not in set_already)
        taken = {name for name, _ in query}
        query += tuple(item for item in more.query if item[0] not in taken)
    return replace(prepared.request, secret_headers=headers, secret_query=query)


async def _page(
    prepared: Prepared, response: OutboundResponse, reading: Reading, cursors: Cursors
) -> tuple[bytes, bool]:
    """The page, and whether its next cursor is the one it was asked with.

    Longer cycles cannot be seen from one call, and nothing is kept between calls.
    """
    wiring, records = prepared.wiring, reading.value or b"[]"
    answer = Answer(
        prepared.url,
        response,
        reading.body,
        records_in(records),
        reading.declares,
        reading.declared,
    )
    paging = wiring.method.pagination
    cursor: str | None = await wiring.paging.next(paging, prepared.asked, answer)
    repeated = cursor is not None and cursor == prepared.asked.cursor
    if cursor is not None and wiring.paging.sealed:
        others = _without(prepared.scope.args, NEXT_CURSOR)
        cursor = await cursors.seal(wiring.cursor_scope, others, cursor)
    return page_of(records, cursor), repeated


def _without(arguments: dict[str, Any], name: str) -> dict[str, Any]:
    return {other: value for other, value in arguments.items() if other != name}


def _failed(outcome: Outcome, error: McpassportError, limited: Limited) -> Outcome:
    error.upstream_status = outcome.upstream_status
    error.ratelimit = limited.facts
    return replace(outcome, error=error)
