"""The HTTP client, counted and traced. It adds nothing to the request."""

from collections.abc import Awaitable, Callable
from functools import partial
from time import perf_counter
from typing import Final, Protocol, TypeAlias
from urllib.parse import urlsplit

from mcpassport.errors import McpassportError, meaning_of
from mcpassport.observe.metrics import Metrics
from mcpassport.observe.tracing import Tracing, fail
from mcpassport.observe.words import OK, OTHER
from mcpassport.records.calls import Follower, OutboundRequest, OutboundResponse

_Sending: TypeAlias = Callable[[OutboundRequest], Awaitable[OutboundResponse]]

CANCELLED: Final = "cancelled"
FIRST_ERROR_STATUS: Final = 400


class Sender(Protocol):
    """What is watched: the HTTP client."""

    async def send(self, request: OutboundRequest) -> OutboundResponse:
        """The response, whatever its status; an `UpstreamError` if there is none."""
        ...

    async def follow(self, request: OutboundRequest, follower: Follower) -> OutboundResponse:
        """The same, with the body handed to the follower while it arrives."""
        ...


class WatchedHttp:
    """A sender that counts, times and traces what another one sends."""

    def __init__(self, inner: Sender, metrics: Metrics, tracing: Tracing) -> None:
        self._inner = inner
        self._metrics = metrics
        self._tracing = tracing

    async def send(self, request: OutboundRequest) -> OutboundResponse:
        """As the sender within does."""
        return await self._watched(request, self._inner.send)

    async def follow(self, request: OutboundRequest, follower: Follower) -> OutboundResponse:
        """As the sender within does; it is over when the body is."""
        return await self._watched(request, partial(self._inner.follow, follower=follower))

    async def _watched(self, request: OutboundRequest, sending: _Sending) -> OutboundResponse:
        if not self._tracing.enabled:
            return await self._counted(request, sending)
        with self._tracing.upstream(request.method, urlsplit(request.url).hostname or "") as span:
            try:
                response = await self._counted(request, sending)
            except McpassportError as error:
                fail(span, meaning_of(type(error)).type)
                raise
            except BaseException:
                fail(span, CANCELLED)
                raise
            span.set_attribute("http.response.status_code", response.status)
            if response.status >= FIRST_ERROR_STATUS:
                fail(span, str(response.status))
            return response

    async def _counted(self, request: OutboundRequest, sending: _Sending) -> OutboundResponse:
        started, outcome, status = perf_counter(), OTHER, None
        self._metrics.upstream_in_flight.inc()
        try:
            response = await sending(request)
            outcome, status = OK, response.status
        except McpassportError as error:
            outcome = meaning_of(type(error)).type
            raise
        else:
            return response
        finally:
            self._metrics.upstream_in_flight.dec()
            elapsed = perf_counter() - started
            self._metrics.upstream(request.integration, outcome, status, seconds=elapsed)
