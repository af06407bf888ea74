"""What an upstream response means.

In this order, the first that applies:

1. 429, or the integration's `is_limited`: the rate limit is reached.
2. 401: the credential was refused. 3xx: a redirect, never followed. Other 4xx: rejected. 5xx, or
   a status outside 200 to 599: failed. Nothing of such a body is shown.
3. An error that the integration finds in a 2xx (`errors`): its message, made harmless, is the only
   text of the upstream's that an error ever shows.
4. The body: checked JSON (`body.py`), then the response expression or path; of another media type,
   or where the integration says so, blocks (`content.py`).
5. A list is `{"result": [...], "next_cursor": …}`.
A body without an expression is passed on byte for byte; before an expression integers of 16 or
more digits become strings, and a note says so.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec

from mcpassport.errors import (
    MalformedUpstreamResponse,
    McpassportError,
    UpstreamError,
    UpstreamFailed,
    UpstreamRateLimited,
    UpstreamRedirect,
    UpstreamRejected,
    UpstreamReportedError,
    UpstreamUnauthorized,
)
from mcpassport.expressions import Evaluator, Expression, protect_integers
from mcpassport.limits import Limits
from mcpassport.records.calls import Block, CallScope, OutboundResponse
from mcpassport.records.envelope import RateLimit
from mcpassport.upstream import ratelimit
from mcpassport.upstream.body import (
    at_path,
    checked_json,
    json_of,
    json_or_null,
    length,
    members,
    scalar_text,
    text_as_json,
)
from mcpassport.upstream.content import (
    Content,
    body_for_expressions,
    by_media_type,
    checked_media,
    own_uri,
    within,
)
from mcpassport.upstream.scopes import NOTE_INTEGERS, harmless, scope_of
from mcpassport.upstream.wiring import Wiring

NOTE_REPEATED: Final = (
    "The upstream API gave back the cursor that it was asked with: the next page may be this one."
)
NOTE_RATE_LIMIT: Final = "The integration's rate-limit expressions failed on this answer."


class Limited(NamedTuple):
    """The rate-limit facts of a response, and whether it says that the limit is reached."""

    facts: RateLimit | None
    reached: bool
    notes: tuple[str, ...] = ()


class Reading(NamedTuple):
    """A successful response: of a list, `value` is the array and the rest tells of its paging."""

    value: bytes | None
    body: bytes
    notes: tuple[str, ...] = ()
    declares: bool = False
    declared: str | None = None
    content: tuple[Block, ...] = ()


class Interpreter:
    """Reads responses, within the limits on the nesting of JSON and the size of a body."""

    def __init__(self, evaluator: Evaluator, limits: Limits) -> None:
        self._evaluator = evaluator
        self._depth = limits.json_depth
        self._cap = limits.upstream_body_bytes

    async def limited(self, wiring: Wiring, response: OutboundResponse, now: datetime) -> Limited:
        """The rate-limit facts, from the integration's map or the common headers."""
        reached = response.status == 429  # noqa: PLR2004 - the status of RFC 6585
        mapping, expression = wiring.method.rate_limit, wiring.ratelimit
        if mapping is None or expression is None:
            return Limited(ratelimit.from_headers(response, now), reached)
        # A map that never names the body is spared it.
        seen = json_or_null(response, self._depth) if "body" in expression.source else b"null"
        try:
            result = await self._evaluator.evaluate(expression, scope_of(response, seen))
        except McpassportError:
            return Limited(ratelimit.from_headers(response, now), reached, (NOTE_RATE_LIMIT,))
        values = ratelimit.values_of(result)
        facts = ratelimit.from_map(values, mapping.reset_unit, response, now)
        return Limited(facts, reached or values.get("is_limited") is True)

    async def read(self, wiring: Wiring, response: OutboundResponse, called: CallScope) -> Reading:
        """The value of a 2xx, or its blocks.

        Raises:
            UpstreamReportedError: the integration finds an error in it.
            MalformedUpstreamResponse: it is not what the integration says it is.
            ResponseTooLarge: its blocks are over the cap.
            ExpressionFailed: an expression failed on it.
        """
        body = json_of(response, self._depth)
        if body is None or wiring.content is not None:
            return await self._in_blocks(wiring, response, body, called)
        if wiring.errors is not None:
            await self._raise_reported(wiring.errors, response, body)  # (3)
        return await self._mapped(wiring, response, body, called.args)

    async def _mapped(
        self,
        wiring: Wiring,
        response: OutboundResponse,
        body: bytes,
        arguments: Mapping[str, Any],
    ) -> Reading:
        """(4) What the response expression or path makes of a body that is JSON."""
        if wiring.response is not None:
            return await self._expressed(wiring, wiring.response, response, body, arguments)
        path = wiring.method.response_path
        found = body if path is None else at_path(body, path)
        if wiring.is_list:
            return Reading(as_array(found), body)
        return Reading(b"null" if found is None else found, body)

    async def _in_blocks(
        self, wiring: Wiring, response: OutboundResponse, body: bytes | None, called: CallScope
    ) -> Reading:
        """(4) A body that is not JSON (`body` is None), or one of which blocks are declared."""
        seen = body_for_expressions(response) if body is None else body
        if wiring.errors is not None:
            await self._raise_reported(wiring.errors, response, seen)  # (3)
        reading = Reading(None, seen)
        if wiring.maps_json:
            text = text_as_json(response) if body is None and wiring.response is not None else body
            if text is None:
                raise MalformedUpstreamResponse(
                    "The upstream API answered with something that is not JSON."
                )
            reading = await self._mapped(wiring, response, text, called.args)
        uri = own_uri(wiring.tool.name, wiring.path_values(called.args))
        if wiring.content is not None:
            return await self._declared(wiring.content, response, reading, called, uri)
        if wiring.maps_json:
            return reading
        block = by_media_type(response, uri)
        return reading._replace(content=within(iter((block,)), self._cap))

    async def _declared(
        self,
        content: Content,
        response: OutboundResponse,
        reading: Reading,
        called: CallScope,
        uri: str,
    ) -> Reading:
        safe, changed = protect_integers(reading.body)
        scope = scope_of(response, safe, called.args)
        result = await self._evaluator.evaluate(content.expression, scope)
        scopes = {"args": called.args, "context": called.context}
        made = content.blocks(result, checked_media(response), scopes, uri)
        notes = (*reading.notes, NOTE_INTEGERS) if changed else reading.notes
        return reading._replace(content=within(made, self._cap), notes=tuple(dict.fromkeys(notes)))

    async def _raise_reported(
        self, expression: Expression, response: OutboundResponse, body: bytes
    ) -> None:
        result = await self._evaluator.evaluate(expression, scope_of(response, body))
        said = None if result is None else msgspec.json.decode(result)
        if said is None or said is False or said == "":
            return
        message = said if isinstance(said, str) else ""
        raise UpstreamReportedError(harmless(message) or None)

    async def _expressed(
        self,
        wiring: Wiring,
        expression: Expression,
        response: OutboundResponse,
        body: bytes,
        arguments: Mapping[str, Any],
    ) -> Reading:
        safe, changed = protect_integers(body)
        scope = scope_of(response, safe, arguments)
        result = await self._evaluator.evaluate(expression, scope)
        notes = (NOTE_INTEGERS,) if changed else ()
        value = None if result is None else checked_json(result, self._depth)
        if not wiring.is_list:
            return Reading(b"null" if value is None else value, body, notes)
        page = None if value is None else members(value)
        if page is None or not page.keys() <= {"result", "next_cursor"}:
            raise MalformedUpstreamResponse
        declared = scalar_text(page.get("next_cursor"))
        return Reading(as_array(page.get("result")), body, notes, "next_cursor" in page, declared)


def failure_of(status: int, limited: Limited) -> UpstreamError | None:
    """The error that a status means (1, 2), or None for 2xx."""
    if limited.reached:
        facts = limited.facts or RateLimit()
        wait = facts.reset if facts.retry_after is None else facts.retry_after
        return UpstreamRateLimited(after_seconds=wait)
    if 200 <= status <= 299:  # noqa: PLR2004 - the classes of RFC 9110, section 15
        return None
    after = limited.facts.retry_after if limited.facts else None
    kinds = {3: UpstreamRedirect, 4: UpstreamRejected}
    kind: type[UpstreamError] = kinds.get(status // 100, UpstreamFailed)
    if status == 401:  # noqa: PLR2004 - the status of RFC 9110, 15.5.2
        kind = UpstreamUnauthorized
    return kind(after_seconds=after)


def as_array(text: bytes | None) -> bytes:
    """A list's records: nothing (or null) is `[]`, a single value `[value]`."""
    if text is None or text == b"null":
        return b"[]"
    return text if text.startswith(b"[") else b"[%b]" % text


def page_of(records: bytes, cursor: str | None) -> bytes:
    """The result of a list."""
    return b'{"result":%b,"next_cursor":%b}' % (records, msgspec.json.encode(cursor))


def records_in(records: bytes) -> int:
    """How many records a page holds."""
    return length(records)
