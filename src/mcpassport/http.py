"""The one outbound HTTP client: caps, address vetting, redaction, cancellation.

What `send` does, in this order; the numbers stand again at the code:

1. Read the URL as it will be sent; refuse user information, odd hosts, other schemes.
2. Refuse a method or header that could start a second request, and our own framing headers.
3. Wait at most a second for a turn (per host, per process).
4. Vet the address where the socket is made: the address vetted is the address connected.
5. Join the secrets to the request, and send it once: no retry, redirect or cookie.
6. Read the body under a cap that counts decoded bytes.
7. On any other end (failure, timeout, cancellation) abort the connection at once.
8. Say by class what failed; nothing of the client's exceptions, which carry URLs, survives.
"""

import asyncio
import errno
import logging
import re
import socket
import zlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, urlencode

from aiohttp import (
    AddrInfoType,
    ClientError,
    ClientHandlerType,
    ClientOSError,
    ClientRequest,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    InvalidURL,
    ServerDisconnectedError,
    TCPConnector,
    ThreadedResolver,
)
from aiohttp.abc import AbstractResolver
from aiohttp.connector import Connection
from multidict import CIMultiDict
from yarl import URL

from mcpassport.errors import (
    AddressForbidden,
    GatewayRateLimited,
    InternalError,
    MalformedUpstreamResponse,
    McpassportError,
    ResponseTooLarge,
    UnsendableRequest,
    UpstreamError,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from mcpassport.http_address import HostPort, is_host, parse_private_hosts, refusal
from mcpassport.limits import LIMITS, Limits
from mcpassport.records.calls import OutboundRequest, OutboundResponse

TURN_WAIT_S: Final = 1.0
"""How long a request waits for a free connection slot before it is refused."""
MAX_HEADER_BYTES: Final = 8190
"""Of one response header, and of the status line."""
MAX_HEADERS: Final = 128
"""Response headers."""
MAX_GZIP_MEMBERS: Final = 64
"""Members of one gzip body; real ones have one."""

_URL: Final = re.compile(r"[A-Za-z0-9\-._~:/?\[\]@!$&'()*+,;=%]+")
_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_BAD_VALUE: Final = re.compile("[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")
_OURS: Final = frozenset(
    "accept-encoding connection content-length expect host keep-alive proxy-authorization "
    "proxy-connection te trailer transfer-encoding upgrade".split()
)
"""Headers that frame the message or name the server: never taken from a request."""
_PLAIN: Final = frozenset({"", "identity"})
_GZIP: Final = frozenset({"gzip", "x-gzip"})

_log = logging.getLogger(__name__)


@dataclass(slots=True, repr=False)
class _Attempt:
    """One `send`: what the hooks inside the client need to know, and what they saw."""

    private: bool
    refused: bool = False
    sent: bool = False
    transport: asyncio.Transport | None = None


_ATTEMPT: ContextVar[_Attempt] = ContextVar("mcpassport_attempt")
"""Tasks that the client starts for an attempt (happy eyeballs) inherit it."""


def _vetted_socket(info: AddrInfoType) -> socket.socket:
    """(4) A socket for that address, or `OSError`: the client knows how to take that."""
    family, kind, protocol, _, address = info
    attempt = _ATTEMPT.get(None)
    if attempt is None or refusal(str(address[0]), private=attempt.private) is not None:
        if attempt is not None:
            attempt.refused = True
        raise OSError(errno.EACCES, "address refused")
    return socket.socket(family, kind, protocol)


class _TrackedRequest(ClientRequest):
    """Remembers the connection that a request goes out on, so that it can be aborted."""

    async def send(self, conn: Connection) -> ClientResponse:
        """Send, noting the transport."""
        attempt = _ATTEMPT.get()
        attempt.sent = True
        attempt.transport = conn.transport
        return await super().send(conn)


async def _once(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    """(5) Turn the two failures that aiohttp answers with a second request into one it does not.

    It repeats idempotent requests when a kept-alive connection turns out to be closed
    (`ClientSession._request`); one tool call is one request.
    """
    try:
        return await handler(request)
    except (ClientOSError, ServerDisconnectedError) as exc:
        failure = _failure(exc)
    raise failure


class _Body:
    """(6) Collects a body and counts it twice: bytes received, bytes decoded; both are capped."""

    def __init__(self, cap: int, encoding: str) -> None:
        if encoding not in _PLAIN | _GZIP:
            raise MalformedUpstreamResponse("The upstream's content encoding was not asked for.")
        self._cap = cap
        self._received = 0
        self._decoded = bytearray()
        self._members = 1
        self._gzip = zlib.decompressobj(16 + zlib.MAX_WBITS) if encoding in _GZIP else None

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes; `ResponseTooLarge` at the first byte over the cap."""
        self._received += len(chunk)
        if self._received > self._cap:
            raise ResponseTooLarge
        if self._gzip is None:
            self._decoded += chunk
        else:
            self._inflate(self._gzip, chunk)

    def _inflate(self, gzip: "zlib._Decompress", chunk: bytes) -> None:
        while chunk:
            if gzip.eof:
                self._members += 1
                gzip = self._gzip = zlib.decompressobj(16 + zlib.MAX_WBITS)
            if self._members > MAX_GZIP_MEMBERS:
                raise MalformedUpstreamResponse
            # One byte more than fits: enough to know, and nothing is inflated beyond it.
            self._decoded += gzip.decompress(chunk, self._cap - len(self._decoded) + 1)
            if len(self._decoded) > self._cap:
                raise ResponseTooLarge
            chunk = gzip.unused_data or gzip.unconsumed_tail

    def finish(self) -> bytes:
        """The whole body; `UpstreamUnreachable` if a gzip stream stops short."""
        if self._gzip is not None and self._received and not self._gzip.eof:
            raise UpstreamUnreachable
        return bytes(self._decoded)


@dataclass(slots=True)
class _Lane:
    """The turns of one host, and how many requests hold or await one."""

    turns: asyncio.Semaphore
    users: int = 0


@dataclass(slots=True)
class _Bulkhead:
    """(3) At most so many requests at once per host and in all, so that one host starves no other."""

    per_host: int
    process: asyncio.Semaphore
    lanes: dict[HostPort, _Lane] = field(default_factory=dict)

    @asynccontextmanager
    async def turn(self, host: HostPort) -> AsyncIterator[None]:
        """Hold a turn; `GatewayRateLimited` if none is free within `TURN_WAIT_S`."""
        lane = self.lanes.get(host)
        if lane is None:
            lane = self.lanes[host] = _Lane(asyncio.Semaphore(self.per_host))
        lane.users += 1
        try:
            async with _held(lane.turns), _held(self.process):
                yield
        finally:
            lane.users -= 1
            if not lane.users:
                self.lanes.pop(host, None)


@asynccontextmanager
async def _held(turns: asyncio.Semaphore) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(TURN_WAIT_S if turns.locked() else None):
            await turns.acquire()
    except TimeoutError:
        raise GatewayRateLimited(after_seconds=1) from None
    try:
        yield
    finally:
        turns.release()


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
        self._closed = False
        self._bulkhead = _Bulkhead(
            limits.in_flight_host, asyncio.Semaphore(limits.in_flight_process)
        )

    async def send(self, request: OutboundRequest) -> OutboundResponse:
        """The response, whatever its status.

        Raises an `UpstreamError` whose `sent` says whether the request may have left
        (`AddressForbidden`, `UnsendableRequest`, `UpstreamUnreachable`, `UpstreamTimeout`,
        `ResponseTooLarge`, `MalformedUpstreamResponse`), or `GatewayRateLimited`.
        """
        answer = await self._settle(request)
        if isinstance(answer, McpassportError):
            # (8) Raised here, outside any handler, so that it has no cause, context or frames
            # of the client.
            raise answer from None
        return answer

    async def close(self) -> None:
        """Close every connection; later requests are refused."""
        self._closed = True
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _settle(self, request: OutboundRequest) -> OutboundResponse | McpassportError:
        attempt = _Attempt(private=False)
        try:
            url = _vetted_url(request)
            host = (str(url.raw_host).lower(), url.port or 0)
            attempt.private = host in self._private
            headers = _vetted_headers(request)
            async with self._bulkhead.turn(host):
                return await self._bounded(request, url, headers, attempt)
        except Exception as exc:  # noqa: BLE001 - (8): whatever it is, its text must not leave
            return _failure(exc, attempt)

    async def _bounded(
        self, request: OutboundRequest, url: URL, headers: CIMultiDict[str], attempt: _Attempt
    ) -> OutboundResponse:
        seconds = min(request.timeout_s, LIMITS["call_timeout_s"].ceiling)
        context = _ATTEMPT.set(attempt)
        whole = False
        try:
            async with asyncio.timeout(seconds):
                response = await self._exchange(request, url, headers)
            whole = True
            return response
        finally:
            _ATTEMPT.reset(context)
            if not whole and attempt.transport is not None:
                # (7) `close` would first deliver what is still buffered of the request.
                attempt.transport.abort()

    async def _exchange(
        self, request: OutboundRequest, url: URL, headers: CIMultiDict[str]
    ) -> OutboundResponse:
        cap = min(request.max_body, LIMITS["upstream_body_bytes"].ceiling)
        async with self._open().request(
            request.method, url, headers=headers, data=request.body, allow_redirects=False
        ) as response:
            body = _Body(cap, response.headers.get("Content-Encoding", "").strip().lower())
            async for chunk in response.content.iter_any():
                body.feed(chunk)
            return OutboundResponse(
                status=response.status,
                headers=tuple(
                    (name.decode("latin-1").lower(), value.decode("utf-8", "replace"))
                    for name, value in response.raw_headers
                ),
                body=body.finish(),
            )

    def _open(self) -> ClientSession:
        if self._closed:
            raise UpstreamUnreachable
        if self._session is None:
            connect = self._limits.connect_timeout_s
            self._session = ClientSession(
                connector=TCPConnector(
                    socket_factory=_vetted_socket,
                    resolver=self._resolver or ThreadedResolver(),
                    limit=self._limits.in_flight_process,
                    limit_per_host=self._limits.in_flight_host,
                ),
                request_class=_TrackedRequest,
                middlewares=(_once,),
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
        return self._session


def _vetted_url(request: OutboundRequest) -> URL:
    """(1) The URL with its secret query, judged as it was parsed, byte for byte as it came."""
    if _URL.fullmatch(request.url) is None:
        raise AddressForbidden("The upstream's address holds characters that no URL may hold.")
    text = request.url
    if request.secret_query:
        text += "&" if "?" in text else "?"
        text += urlencode(request.secret_query, quote_via=quote, safe="")
    url = URL(text, encoded=True)
    if url.scheme not in {"http", "https"} or url.user is not None or url.password is not None:
        raise AddressForbidden("The upstream's address is not a plain http or https address.")
    if not url.raw_host or not url.port or not is_host(url.raw_host):
        raise AddressForbidden("The upstream's host is not a name or a canonical address.")
    return url


def _vetted_headers(request: OutboundRequest) -> CIMultiDict[str]:
    """(2) The headers, secret ones joined (5); `UnsendableRequest` if one could do harm."""
    if _TOKEN.fullmatch(request.method) is None or request.method.upper() == "CONNECT":
        raise UnsendableRequest("The request's method is not one that may be sent.")
    headers = CIMultiDict((*request.headers, *request.secret_headers))
    for name, value in headers.items():
        if _TOKEN.fullmatch(name) is None or name.lower() in _OURS:
            raise UnsendableRequest("A request header's name is not one that may be set.")
        if _BAD_VALUE.search(value) is not None:
            raise UnsendableRequest("A request header's value holds a control character.")
    headers["Accept-Encoding"] = "gzip"
    return headers


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


def _failure(exc: Exception, attempt: _Attempt | None = None) -> McpassportError:
    """(8) A fresh error that shares nothing with `exc` but its meaning."""
    if isinstance(exc, McpassportError):
        failure = type(exc)(exc.detail, after_seconds=exc.after_seconds)
    elif attempt is not None and attempt.refused and not attempt.sent:
        failure = AddressForbidden()
    else:
        kind = next((ours for theirs, ours in _FAILURES if isinstance(exc, theirs)), InternalError)
        failure = kind()
        if kind is InternalError:
            _log.error("outbound request failed: %s", type(exc).__qualname__)
    if isinstance(failure, UpstreamError) and attempt is not None:
        failure.sent = attempt.sent
    return failure
