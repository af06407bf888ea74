"""What an upstream response means.

In this order, the first that applies:

1. 429, or the integration's `is_limited`: the rate limit is reached.
2. 401: the credential was refused. 3xx: a redirect, never followed. Other 4xx: rejected. 5xx, or
   a status outside 200 to 599: failed. Nothing of such a body is shown.
3. An error that the integration finds in a 2xx (`errors`): its message, made harmless, is the only
   text of the upstream's that an error ever shows.
4. The body: checked JSON (`body.py`), then the response expression or path.
5. A list is `{"result": [...], "next_cursor": …}`.
A body without an expression is passed on byte for byte; before an expression integers of 16 or
more digits become strings, and a note says so.
"""

import re
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
from mcpassport.records.calls import OutboundResponse
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
)
from mcpassport.upstream.wiring import Wiring

MESSAGE_MAX_CHARS: Final = 500
NOTE_INTEGERS: Final = "Integers of 16 or more digits in this answer are given as strings."
NOTE_REPEATED: Final = (
    "The upstream API gave back the cursor that it was asked with: the next page may be this one."
)
NOTE_RATE_LIMIT: Final = "The integration's rate-limit expressions failed on this answer."

_CONTROL: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]+"
)
_HIDDEN_HEADERS: Final = frozenset({"set-cookie", "set-cookie2", "www-authenticate"})


class Limited(NamedTuple):
    """The rate-limit facts of a response, and whether it says that the limit is reached."""

    facts: RateLimit | None
    reached: bool
    notes: tuple[str, ...] = ()


class Reading(NamedTuple):
    """A successful response: of a list, `value` is the array and the rest tells of its paging."""

    value: bytes
    body: bytes
    notes: tuple[str, ...] = ()
    declares: bool = False
    declared: str | None = None


class Interpreter:
    """Reads responses. `depth` is the limit on the nesting of JSON."""

    def __init__(self, evaluator: Evaluator, depth: int) -> None:
        self._evaluator = evaluator
        self._depth = depth

    async def limited(self, wiring: Wiring, response: OutboundResponse, now: datetime) -> Limited:
        """The rate-limit facts, from the integration's map or the common headers."""
        reached = response.status == 429  # noqa: PLR2004 - the status of RFC 6585
        mapping, expression = wiring.method.rate_limit, wiring.ratelimit
        if mapping is None or expression is None:
            return Limited(ratelimit.from_headers(response, now), reached)
        # A map that never names the body is spared it.
        seen = json_or_null(response, self._depth) if "body" in expression.source else b"null"
        try:
            result = await self._evaluator.evaluate(expression, _scope(response, seen))
        except McpassportError:
            return Limited(ratelimit.from_headers(response, now), reached, (NOTE_RATE_LIMIT,))
        values = ratelimit.values_of(result)
        facts = ratelimit.from_map(values, mapping.reset_unit, response, now)
        return Limited(facts, reached or values.get("is_limited") is True)

    async def read(
        self, wiring: Wiring, response: OutboundResponse, arguments: Mapping[str, Any]
    ) -> Reading:
        """The value of a 2xx.

        Raises:
            UpstreamReportedError: the integration finds an error in it.
            MalformedUpstreamResponse: it is not what the integration says it is.
            ExpressionFailed: an expression failed on it.
        """
        body = json_of(response, self._depth)
        if wiring.errors is not None:
            await self._raise_reported(wiring.errors, response, body)  # (3)
        if wiring.response is not None:
            return await self._expressed(wiring, wiring.response, response, body, arguments)
        path = wiring.method.response_path
        found = body if path is None else at_path(body, path)
        if wiring.is_list:
            return Reading(as_array(found), body)
        return Reading(b"null" if found is None else found, body)

    async def _raise_reported(
        self, expression: Expression, response: OutboundResponse, body: bytes
    ) -> None:
        result = await self._evaluator.evaluate(expression, _scope(response, body))
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
        scope = _scope(response, safe, arguments)
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


def harmless(message: str) -> str:
    """The text without control and direction characters, at most 500 characters long."""
    text = " ".join(_CONTROL.sub(" ", message[: MESSAGE_MAX_CHARS * 4]).split())
    return text if len(text) <= MESSAGE_MAX_CHARS else text[: MESSAGE_MAX_CHARS - 1] + "…"


def _scope(
    response: OutboundResponse, body: bytes, arguments: Mapping[str, Any] | None = None
) -> bytes:
    """The scope of an expression; `body` is JSON text and goes in as it is."""
    headers: dict[str, str] = {}
    for name, value in response.headers:
        if name not in _HIDDEN_HEADERS:
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
    scope = b'{"status":%d,"headers":%b,"body":%b' % (
        response.status,
        msgspec.json.encode(headers),
        body,
    )
    if arguments is None:
        return scope + b"}"
    return scope + b',"args":%b}' % msgspec.json.encode(arguments)
