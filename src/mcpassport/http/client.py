"""The one outbound HTTP client: caps, address vetting, redaction, cancellation.

What `send` does, in this order; the numbers stand again at the code:

1. Read the URL as it will be sent; refuse user information, odd hosts, other schemes.
2. Refuse a method or header that could start a second request, and our own framing headers.
3. Wait at most a second for a turn (per host, per process).
4. Vet the address where the socket is made, and share connections within a credential (`pool`).
5. Join the secrets to the request, and send it once: no retry, redirect or cookie.
6. Read the body under a cap that counts decoded bytes; `follow` hands it on as it comes.
7. Abort a connection that cannot be used again: failure, timeout, cancellation, half a request.
8. Say by class what failed; nothing of the client's exceptions, which carry URLs, survives.
"""

import asyncio
import logging
import zlib
from collections.abc import Sequence
from io import BytesIO
from secrets import token_bytes
from typing import Final

from aiohttp import (
    ClientError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    InvalidURL,
    ThreadedResolver,
)
from aiohttp.abc import AbstractResolver
from multidict import CIMultiDict
from yarl import URL

from mcpassport.errors import (
    AddressForbidden,
    InternalError,
    MalformedUpstreamResponse,
    McpassportError,
    UnsendableRequest,
    UpstreamError,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from mcpassport.http.address import parse_private_hosts
from mcpassport.http.body import Body
from mcpassport.http.pool import (
    ATTEMPT,
    Attempt,
    Pool,
    TrackedRequest,
    partition_of,
    vetted_socket,
)
from mcpassport.http.request import vetted_headers, vetted_url
from mcpassport.http.turns import Bulkhead
from mcpassport.limits import LIMITS, Limits
from mcpassport.records.calls import Follower, OutboundRequest, OutboundResponse

MAX_HEADER_BYTES: Final = 8190
"""Of one response header, and of the status line."""
MAX_HEADERS: Final = 128
"""Response headers."""
KEEP_ALIVE_S: Final = 4.0
"""How long an idle connection is kept: less than the 5 s after which many servers close theirs,
since a request that meets the closing one is lost."""
WHOLE_BODY_BYTES: Final = 2**18
"""Request bodies up to this size are written in one go."""

_log = logging.getLogger(__name__)


class HttpClient:
    """Sends one request at a time per call, on pooled connections.

    `private_hosts` are `host:port` entries that may resolve to private or loopback addresses.
    `resolver` replaces the system's name lookup. Use it from one event loop.
    """

    def __init__(
        self,
        *,
        limits: Limits,
        private_hosts: Sequence[str] = (),
        user_agent: str,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._limits = limits
        self._private = parse_private_hosts(private_hosts)
        self._user_agent = user_agent
        self._resolver = resolver
        self._session: ClientSession | None = None
        self._partition_key = token_bytes(32)
        self._closed = False
        self._bulkhead = Bulkhead(limits)

    async def send(self, request: OutboundRequest) -> OutboundResponse:
        """The response, whatever its status.

        Raises an `UpstreamError` whose `sent` says whether the request may have left
        (`AddressForbidden`, `UnsendableRequest`, `UpstreamUnreachable`, `UpstreamTimeout`,
        `ResponseTooLarge`, `MalformedUpstreamResponse`), or `GatewayRateLimited`.
        """
        answer = await self._settle(request, None)
        if isinstance(answer, McpassportError):
            # (8) Raised here, outside any handler, so that it has no cause, context or frames
            # of the client.
            raise answer from None
        return answer

    async def follow(self, request: OutboundRequest, follower: Follower) -> OutboundResponse:
        """As `send`, with the body handed to the follower while it arrives, if it wants it.

        Of a followed response the body is empty. Raises what `send` raises, and what the follower
        raises.
        """
        answer = await self._settle(request, follower)
        if isinstance(answer, McpassportError):
            raise answer from None  # (8)
        return answer

    async def close(self) -> None:
        """Close every connection; later requests are refused."""
        self._closed = True
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _settle(
        self, request: OutboundRequest, follower: Follower | None
    ) -> OutboundResponse | McpassportError:
        attempt = Attempt()
        try:
            url = vetted_url(request)  # (1), (5)
            host = (str(url.raw_host).lower(), url.port or 0)
            attempt.private = host in self._private
            attempt.partition = partition_of(request, self._partition_key)
            headers = vetted_headers(request)  # (2), (5)
            await self._bulkhead.enter(host, request.tenant)  # (3)
            try:
                return await self._bounded(request, url, headers, attempt, follower)
            finally:
                self._bulkhead.leave(host, request.tenant)
        except Exception as exc:  # noqa: BLE001 - (8): whatever it is, its text must not leave
            return _failure(exc, attempt)

    async def _bounded(
        self,
        request: OutboundRequest,
        url: URL,
        headers: CIMultiDict[str],
        attempt: Attempt,
        follower: Follower | None,
    ) -> OutboundResponse:
        seconds = min(request.timeout_s, LIMITS["call_timeout_s"].ceiling)
        context = ATTEMPT.set(attempt)
        try:
            async with asyncio.timeout(seconds):
                return await self._exchange(request, url, headers, follower)
        finally:
            ATTEMPT.reset(context)
            attempt.abort()  # (7)

    async def _exchange(
        self,
        request: OutboundRequest,
        url: URL,
        headers: CIMultiDict[str],
        follower: Follower | None,
    ) -> OutboundResponse:
        cap = min(request.max_body, LIMITS["upstream_body_bytes"].ceiling)
        # The client writes large bytes in one go and warns of it; a stream it writes in pieces.
        large = request.body is not None and len(request.body) > WHOLE_BODY_BYTES
        data = BytesIO(request.body or b"") if large else request.body
        async with self._open().request(
            request.method, url, headers=headers, data=data, allow_redirects=False
        ) as response:
            body = Body(  # (6)
                cap, response.headers.get("Content-Encoding", "").strip().lower()
            )
            received = _headers_of(response)
            followed = follower is not None and follower.begin(response.status, received)
            while chunk := await response.content.readany():
                body.feed(chunk)
                if follower is not None and followed:
                    await follower.take(body.drain())
            return OutboundResponse(status=response.status, headers=received, body=body.finish())

    def _open(self) -> ClientSession:
        if self._closed:
            raise UpstreamUnreachable
        if self._session is None:
            connect = self._limits.connect_timeout_s
            self._session = ClientSession(
                connector=Pool(
                    socket_factory=vetted_socket,
                    resolver=self._resolver or ThreadedResolver(),
                    keepalive_timeout=KEEP_ALIVE_S,
                    limit=self._limits.in_flight_process,
                    limit_per_host=self._limits.in_flight_host,
                ),
                request_class=TrackedRequest,
                cookie_jar=DummyCookieJar(),
                trust_env=False,
                auto_decompress=False,
                headers={"User-Agent": self._user_agent},
                skip_auto_headers=("Content-Type",),
                timeout=ClientTimeout(total=None, connect=connect, sock_connect=connect),
                max_line_size=MAX_HEADER_BYTES,
                max_field_size=MAX_HEADER_BYTES,
                max_headers=MAX_HEADERS,
            )
            # (5) It would repeat idempotent requests when a kept-alive connection turns out to be
            # closed, and has no public switch for it; a middleware would cost each request more.
            assert hasattr(self._session, "_retry_connection")
            self._session._retry_connection = False  # noqa: SLF001
        return self._session


def _headers_of(response: ClientResponse) -> tuple[tuple[str, str], ...]:
    headers = [
        (name.decode("latin-1").lower(), value.decode("utf-8", "replace"))
        for name, value in response.raw_headers
    ]
    return tuple(headers)


_FAILURES: Final[tuple[tuple[type[Exception], type[UpstreamError]], ...]] = (
    (TimeoutError, UpstreamTimeout),
    (InvalidURL, AddressForbidden),
    (zlib.error, MalformedUpstreamResponse),
    (UnicodeError, UnsendableRequest),
    (ClientError, UpstreamUnreachable),
    (OSError, UpstreamUnreachable),
    (ValueError, AddressForbidden),
)
"""(8) What the client raises, by class, first match wins: `TimeoutError` is an `OSError`,
`InvalidURL` and `UnicodeError` are `ValueError`s, which yarl raises of a URL."""


def _failure(exc: Exception, attempt: Attempt) -> McpassportError:
    """(8) A fresh error that shares nothing with `exc` but its meaning."""
    if isinstance(exc, McpassportError):
        failure = type(exc)(exc.detail, after_seconds=exc.after_seconds)
    elif attempt.refused and not attempt.sent:
        failure = AddressForbidden()
    else:
        kind = next((ours for theirs, ours in _FAILURES if isinstance(exc, theirs)), InternalError)
        failure = kind()
        if kind is InternalError:
            _log.error("outbound request failed: %s", type(exc).__qualname__)
    if isinstance(failure, UpstreamError):
        failure.sent = attempt.sent
    return failure
