"""Progress of a call, told to its caller while it runs (mcp-facts 1.4, 1.5).

1. Only a caller that gave a token and takes events is told, about a tool that says how far it is.
2. `progress` grows with each notification; what does not is left out.
3. `message` is left out for revisions that do not know it (mcp-facts 2.5).
4. None is sent once the outcome is known: `settle` comes before the audit's outcome row.
5. An answer that travels as an event is smaller than 1 MiB, which is all that clients read.
"""

from typing import Final

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from mcpassport.errors import InvalidParams, ResponseTooLarge
from mcpassport.limits import SSE_EVENT_BYTES
from mcpassport.protocol.accept import takes_events
from mcpassport.protocol.exchange import Channel, Exchange
from mcpassport.protocol.jsonrpc import read_id
from mcpassport.records.calls import Progress
from mcpassport.records.tool import Tool

TOKEN_MAX_BYTES: Final = 1_024
MESSAGE_SINCE: Final = "2025-03-26"
FRAME_BYTES: Final = 64
"""More than frames an event."""

_encode = msgspec.json.Encoder().encode


class _Meta(Struct):
    token: Raw | UnsetType = msgspec.field(name="progressToken", default=UNSET)


class _Params(Struct):
    meta: _Meta | UnsetType | None = msgspec.field(name="_meta", default=UNSET)


_decode_params = msgspec.json.Decoder(_Params).decode


class Teller:
    """Tells one caller how far its call is."""

    def __init__(self, token: bytes, channel: Channel, *, with_message: bool) -> None:
        self._token = token
        self._channel = channel
        self._with_message = with_message
        self._last: float | None = None
        channel.open()

    def heard(self, progress: Progress) -> None:
        """Pass a report on, if it is further than the last (2)."""
        if self._last is not None and progress.progress <= self._last:
            return
        self._last = progress.progress
        parts = [b'"progressToken":%b,"progress":%b' % (self._token, _encode(progress.progress))]
        if progress.total is not None:
            parts.append(b'"total":%b' % _encode(progress.total))
        if progress.message is not None and self._with_message:  # (3)
            parts.append(b'"message":%b' % _encode(progress.message))
        self._channel.tell(
            b'{"jsonrpc":"2.0","method":"notifications/progress","params":{%b}}' % b",".join(parts)
        )

    def settle(self) -> bool:
        """End the notifications (4); whether the answer travels as an event (5)."""
        self._channel.settle()
        return self._channel.started


def teller_of(exchange: Exchange, tool: Tool) -> Teller | None:
    """Who tells this caller of this tool's progress, if anybody does (1).

    Raises:
        InvalidParams: the token is neither text nor an integer, or too long.
    """
    channel = exchange.channel
    if channel is None or tool.method.progress is None:
        return None
    token = _token(exchange.request.params)
    if token is None or not takes_events(exchange.headers):
        return None
    known = exchange.modern or exchange.route.revision >= MESSAGE_SINCE
    return Teller(token, channel, with_message=known)


def too_large_for_an_event(size: int) -> ResponseTooLarge | None:
    """The error of an answer of so many bytes that cannot travel as an event (5)."""
    if size + FRAME_BYTES < SSE_EVENT_BYTES:
        return None
    return ResponseTooLarge(
        "The answer is over 1 MiB, the most that a call with progress can give. Ask for less, or "
        "call without a progress token."
    )


def _token(params: bytes | None) -> bytes | None:
    meta = _decode_params(params or b"{}").meta
    if not isinstance(meta, _Meta) or isinstance(meta.token, UnsetType):
        return None
    raw = bytes(meta.token)
    if raw.strip() == b"null":
        return None
    token = read_id(raw)
    if token is None or len(token) > TOKEN_MAX_BYTES:
        raise InvalidParams(
            "'params._meta.progressToken' must be text or an integer, and no longer than "
            f"{TOKEN_MAX_BYTES:,} bytes."
        )
    return token
