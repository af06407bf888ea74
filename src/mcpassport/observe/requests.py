"""One JSON-RPC request, watched from its dispatch to its answer: metrics, span, log line."""

from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Final, Protocol, TypeVar

import structlog
from opentelemetry import trace
from opentelemetry.trace import Span

from mcpassport.observe.metrics import Metrics
from mcpassport.observe.tracing import Tracing, fail
from mcpassport.observe.words import METHODS, OK, OTHER, http_class, known

_log = structlog.get_logger(__name__)

FOLDED: Final = "gateway_rate_limited"
"""Counted but not logged: a flood must not fill the log."""


class Answered(Protocol):
    """What came of a request."""

    @property
    def status(self) -> int:
        """HTTP status."""
        ...

    @property
    def outcome(self) -> str:
        """`ok`, or the type of the error."""
        ...


class Seen(Protocol):
    """What is known of a request before it is answered."""

    @property
    def era(self) -> str:
        """`modern` or `legacy`."""
        ...

    @property
    def revision(self) -> str:
        """The protocol revision."""
        ...


A = TypeVar("A", bound=Answered)


class Watch:
    """Watches the requests of admitted callers."""

    def __init__(self, metrics: Metrics | None = None, tracing: Tracing | None = None) -> None:
        self.metrics = metrics or Metrics()
        self.tracing = tracing or Tracing()

    async def request(
        self,
        route: Seen,
        method: str,
        params: bytes | None,
        request_id: str,
        answering: Callable[[], Awaitable[A]],
    ) -> A:
        """The answer; counted, timed, traced, and logged when it is a failure."""
        started = perf_counter()
        if self.tracing.enabled:
            span = self.tracing.begin(method, route.revision, params)
            answer = await _within(span, answering)
        else:
            answer = await answering()
        self.metrics.request(
            *(route.era, method, answer.outcome, answer.status),
            seconds=perf_counter() - started,
        )
        if answer.outcome != OK:
            self.failed(answer.outcome, answer.status, request_id, method)
        return answer

    def rejected(self, answer: Answered, request_id: str) -> None:
        """A body that is no request of any era."""
        self.metrics.refused(answer.outcome)
        self.failed(answer.outcome, answer.status, request_id)

    def failed(self, outcome: str, status: int, request_id: str, method: str = "") -> None:
        """One line for a failed request: our own words and its id, nothing else."""
        if outcome != FOLDED:
            _log.info(
                "request_failed",
                type=outcome,
                http_class=http_class(status),
                request_id=request_id,
                rpc_method=known(method, METHODS) if method else "",
            )


async def _within(span: Span, answering: Callable[[], Awaitable[A]]) -> A:
    """Answer with the span as the current one, and end it whatever happens."""
    with trace.use_span(
        span, end_on_exit=True, record_exception=False, set_status_on_exception=False
    ):
        try:
            answer = await answering()
        except BaseException:
            fail(span, OTHER)
            raise
        if answer.outcome != OK:
            fail(span, answer.outcome)
        return answer
