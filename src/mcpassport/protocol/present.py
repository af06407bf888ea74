"""Answers: results, errors on the right channel, and the headers that go with them.

The two-channel rule for rate limits (mcp-facts 4.3): MCP clients of the legacy era lose their
transport on an HTTP error status, so they read the envelope in a result with `isError`; everybody
else gets HTTP 429. A server's `rate_limit_errors` overrides it.
"""

from typing import Final

import msgspec

from mcpassport.errors import (
    InsufficientScope,
    InternalError,
    InvalidArguments,
    McpassportError,
    MissingCapability,
    RequestError,
    envelope_of,
    meaning_of,
)
from mcpassport.gate.oauth import Lacking, challenge
from mcpassport.protocol.exchange import Exchange, Header, Reply
from mcpassport.protocol.jsonrpc import answer, fault
from mcpassport.protocol.listing import STRUCTURED_SINCE, Offer
from mcpassport.records.envelope import Envelope, RateLimit

_encode = msgspec.json.Encoder().encode

KEY_ERROR: Final = "mcpassport/error"
KEY_NOTES: Final = "mcpassport/notes"
TOO_MANY: Final = 429
OK: Final = 200
MODERN_STATUSES: Final = (400, 404, TOO_MANY)
"""Statuses that a modern client reads together with the JSON-RPC error; all else travels in 200."""


def success(exchange: Exchange, offer: Offer, value: bytes, notes: tuple[str, ...]) -> bytes:
    """The result of a tool call. `value` is JSON text already decoded and checked upstream.

    The text block carries the JSON for models; `structuredContent` the same for programs, where
    the revision knows it: any value in the modern era, objects only before (mcp-facts 2.5).
    """
    parts = [b'{"content":[{"type":"text","text":', _encode(value.decode()), b"}]"]
    if is_structured(exchange, value):
        parts += (b',"structuredContent":', value)
    meta: dict[str, object] = {KEY_NOTES: notes} if notes else {}
    parts.append(closing(exchange, offer, meta))
    return b"".join(parts)


def is_structured(exchange: Exchange, value: bytes) -> bool:
    """Whether the caller can read that value as `structuredContent`."""
    return exchange.modern or (
        exchange.route.revision >= STRUCTURED_SINCE and value.lstrip().startswith(b"{")
    )


def failure(
    exchange: Exchange,
    offer: Offer | None,
    error: McpassportError,
    ratelimit: RateLimit | None = None,
) -> Reply:
    """What a failed tool call is answered with: a tool error, or a JSON-RPC error."""
    facts = error.ratelimit or ratelimit
    after = retry_after(error, facts)
    envelope = msgspec.structs.replace(
        envelope_of(error, exchange.entry.request_id),
        ratelimit=facts,
    )
    if after is not None:
        envelope = msgspec.structs.replace(
            envelope, retry=msgspec.structs.replace(envelope.retry, after_seconds=after)
        )
    headers = ratelimit_headers(facts, envelope.whose, after)
    headers = (*headers, *_challenges(exchange, error))
    status = call_status(exchange, error)
    if status != OK or _is_protocol_error(exchange, error):
        return _fault(exchange.request.id, error, status, envelope, headers)
    body = b'{"content":[{"type":"text","text":%b}],"isError":true%b' % (
        _encode(error_text(error, envelope)),
        closing(exchange, offer, {KEY_ERROR: envelope}),
    )
    return Reply(OK, headers, answer(exchange.request.id, body), envelope.type)


def _challenges(exchange: Exchange, error: McpassportError) -> tuple[tuple[bytes, bytes], ...]:
    oauth = exchange.caller.server.oauth
    if oauth is None or not isinstance(error, InsufficientScope):
        return ()
    return ((b"www-authenticate", challenge(Lacking("scope", oauth))),)


def call_status(exchange: Exchange, error: McpassportError) -> int:
    """The HTTP status that a failed tool call is answered with."""
    if exchange.channel is not None and exchange.channel.started:
        return OK
    if isinstance(error, InsufficientScope):
        return meaning_of(InsufficientScope).http_status  # of OAuth, whatever the revision
    if meaning_of(type(error)).http_status == TOO_MANY:
        return TOO_MANY if _speaks_429(exchange) else OK
    return status_of(error, modern=exchange.modern)


def status_of(error: McpassportError, *, modern: bool) -> int:
    """The HTTP status of a JSON-RPC error; legacy clients always get 200 (mcp-facts 2.4)."""
    status = meaning_of(type(error)).http_status
    return status if modern and status in MODERN_STATUSES else OK


def rpc_fault(
    message_id: bytes | None, error: McpassportError, status: int, request_id: str
) -> Reply:
    """A JSON-RPC error; `data` is the envelope, or what the specification wants there."""
    envelope = envelope_of(error, request_id)
    headers = ratelimit_headers(None, envelope.whose, error.after_seconds)
    return _fault(message_id, error, status, envelope, headers)


def error_text(error: McpassportError, envelope: Envelope) -> str:
    """What the model reads: what failed, where, and what to do about it."""
    lines = [f"{envelope.type}: {envelope.message}"]
    for problem in error.problems:
        mend = f" {problem.mend}" if problem.mend else ""
        lines.append(f"- {problem.where or '/'}: {problem.message}{mend}")
    if envelope.upstream_status is not None:
        lines.append(f"The upstream API answered with status {envelope.upstream_status}.")
    lines.append(_advice(error, envelope))
    lines.append(f"Request id: {envelope.request_id}")
    return "\n".join(lines)


def ratelimit_headers(
    facts: RateLimit | None, policy: str, after: int | None = None
) -> tuple[Header, ...]:
    """Rate-limit facts in both dialects (draft-ietf-httpapi-ratelimit-headers, -03 and -10)."""
    headers: list[Header] = []
    if facts is not None:
        for name, value in (
            (b"ratelimit-limit", facts.limit),
            (b"ratelimit-remaining", facts.remaining),
            (b"ratelimit-reset", facts.reset),
        ):
            if value is not None:
                headers.append((name, b"%d" % value))
        if facts.limit is not None:
            headers.append((b"ratelimit-policy", b'"%b";q=%d' % (policy.encode(), facts.limit)))
        if facts.remaining is not None:
            reset = b"" if facts.reset is None else b";t=%d" % facts.reset
            headers.append(
                (b"ratelimit", b'"%b";r=%d%b' % (policy.encode(), facts.remaining, reset))
            )
        after = facts.retry_after if after is None else after
    if after is not None:
        headers.append((b"retry-after", b"%d" % after))
    return tuple(headers)


def retry_after(error: McpassportError, facts: RateLimit | None) -> int | None:
    """Seconds to wait after this error, from the best source there is."""
    if error.after_seconds is not None:
        return error.after_seconds
    if facts is None:
        return None
    if facts.retry_after is not None:
        return facts.retry_after
    limited = meaning_of(type(error)).http_status == TOO_MANY
    return facts.reset if limited else None


def closing(exchange: Exchange, offer: Offer | None, meta: dict[str, object]) -> bytes:
    """What ends a result: its kind, and members of `_meta` beside who serves."""
    kind = b',"resultType":"complete"' if exchange.modern else b""
    own = _encode(meta)[1:-1] if meta else b""
    if exchange.modern and offer is not None:
        inner = offer.meta + (b"," + own if own else b"")
        return b'%b,"_meta":{%b}}' % (kind, inner)
    return b'%b,"_meta":{%b}}' % (kind, own) if own else kind + b"}"


def _fault(
    message_id: bytes | None,
    error: McpassportError,
    status: int,
    envelope: Envelope,
    headers: tuple[Header, ...],
) -> Reply:
    # Many hosts hand on the message of a JSON-RPC error and nothing else: it must be enough.
    message = f"{envelope.message} {_wait(envelope)}".rstrip()
    data = envelope if error.data is None else error.data
    body = fault(message_id, meaning_of(type(error)).code, message, data)
    return Reply(status, headers, body, envelope.type)


def _is_protocol_error(exchange: Exchange, error: McpassportError) -> bool:
    """Whether the model cannot do anything about it: the host reads it, not the model."""
    if isinstance(error, InternalError):
        return True
    if isinstance(error, MissingCapability):
        return exchange.modern  # the legacy era has no code for it
    return isinstance(error, RequestError) and not isinstance(error, InvalidArguments)


def _speaks_429(exchange: Exchange) -> bool:
    if not exchange.alone:
        return False
    wanted = exchange.caller.server.rate_limit_errors
    if wanted != "auto":
        return wanted == "http_429"
    return exchange.modern or exchange.route.raw


def _advice(error: McpassportError, envelope: Envelope) -> str:
    if isinstance(error, InvalidArguments):
        return "Nothing was sent. Mend the arguments and call again."
    if envelope.retry.after_seconds is not None:
        return _wait(envelope)
    if envelope.retry.safe:
        return "Repeating the same call is safe."
    return "No call is repeated automatically."


def _wait(envelope: Envelope) -> str:
    seconds = envelope.retry.after_seconds
    if seconds is None:
        return ""
    return f"Wait {seconds} {'second' if seconds == 1 else 'seconds'} before another call."
