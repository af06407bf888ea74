"""The HTTP client, counted and traced. It adds nothing to the request."""

from time import perf_counter
from typing import Final, Protocol
from urllib.parse import urlsplit

from mcpassport.errors import McpassportError, meaning_of
from mcpassport.observe.metrics import Metrics
from mcpassport.observe.tracing import Tracing, fail
from mcpassport.observe.words import OK, OTHER
from mcpassport.records.calls import OutboundRequest, OutboundResponse

CANCELLED: Final = "cancelled"
FIRST_ERROR_STATUS: Final = 400


class Sender(Protocol):
    """What is watched: the HTTP client."""

    async def send(self, request: OutboundRequest) -> OutboundResponse:
        """The response, whatever its status; an `UpstreamError` if there is none."""
        ...


class WatchedHttp:
    """A sender that counts, times and traces what another one sends."""

    def __init__(self, inner: Sender, metrics: Metrics, tracing: Tracing) -> None:
        self._inner = inner
        self._metrics = metrics
        self._tracing = tracing

    async def send(self, request: OutboundRequest) -> OutboundResponse:
        """As the sender within does."""
        if not self._tracing.enabled:
            return await self._counted(request)
        with self._tracing.upstream(request.method, urlsplit(request.url).hostname or "") as span:
            try:
                response = await self._counted(request)
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

    async def _counted(self, request: OutboundRequest) -> OutboundResponse:
        started, outcome, status = perf_counter(), OTHER, None
        self._metrics.upstream_in_flight.inc()
        try:
            response = await self._inner.send(request)
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
