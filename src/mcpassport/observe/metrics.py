"""Metrics of one worker process, in a registry of its own.

Labels come from closed lists (`words`) and from at most 200 names of integrations, so neither a
caller nor an upstream can make a series. Every sample carries `worker`, the process id: each worker
answers for itself.
"""

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Gauge,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.metrics_core import Metric

from mcpassport.observe.tallies import Count, Counts, Durations
from mcpassport.observe.words import (
    METHODS,
    OUTCOMES,
    REASONS,
    Names,
    http_class,
    known,
)

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
FAST_S: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.0)
"""Buckets of what happens on this machine."""
SLOW_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0)
"""Buckets of what waits for an upstream."""
OPERATIONS: Final = frozenset({"get_many", "write", "page", "lease", "purge", "outbox"})
JOBS_MAX: Final = 50


class _Labelled:
    """A registry's families with one more label on every sample."""

    def __init__(self, inner: CollectorRegistry, name: str, value: str) -> None:
        self._inner = inner
        self._more = {name: value}

    def collect(self) -> Iterable[Metric]:
        for family in self._inner.collect():
            family.samples = [
                sample._replace(labels={**sample.labels, **self._more}) for sample in family.samples
            ]
            yield family


class Metrics:
    """The families, and one method for each thing that is counted."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry(auto_describe=False)
        self._integrations = Names()
        self._jobs = Names(JOBS_MAX)
        ProcessCollector(registry=self.registry)
        self._traffic()
        self._parts()

    def _counter(self, name: str, text: str, *labels: str) -> Counts:
        return Counts(f"mcpassport_{name}", text, labels, self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"mcpassport_{name}", text, labels, registry=self.registry)

    def _now(self, name: str, text: str) -> Count:
        """What is under way."""
        count = Count()
        self._gauge(name, text).set_function(lambda: float(count.value))
        return count

    def _histogram(
        self, name: str, text: str, buckets: tuple[float, ...], *labels: str
    ) -> Durations:
        return Durations(f"mcpassport_{name}", text, labels, self.registry, bounds=buckets)

    def _traffic(self) -> None:
        self._requests = self._counter(
            *("requests", "JSON-RPC requests of admitted callers"),
            *("era", "rpc_method", "outcome", "http_class"),
        )
        self._request_s = self._histogram("request_seconds", "their duration", SLOW_S, "rpc_method")
        self.in_flight = self._now("requests_in_flight", "HTTP requests to MCP servers now")
        self._refusals = self._counter(
            "refusals", "requests of known tenants before a method", "reason"
        )
        self._strangers = self._counter("strangers", "requests that resolved to nobody", "reason")
        self._upstream = self._counter(
            *("upstream_requests", "requests to upstream APIs"),
            *("integration", "outcome", "http_class"),
        )
        self._upstream_s = self._histogram(
            "upstream_seconds", "their duration", SLOW_S, "integration"
        )
        self.upstream_in_flight = self._now(
            "upstream_requests_in_flight", "requests to upstream APIs now"
        )

    def _parts(self) -> None:
        self._audit_queue = self._gauge("audit_queue", "groups of audit rows that wait")
        self._audit_s = self._histogram(
            "audit_commit_seconds", "one commit of audit rows", FAST_S
        ).of()
        self._audit_failures = self._counter("audit_commit_failures", "commits that failed").of()
        self._store_s = self._histogram(
            "store_seconds", "one operation of the store", FAST_S, "operation"
        )
        self._store_failures = self._counter(
            "store_failures", "operations of the store that failed", "operation"
        )
        self._job_success = self._gauge(
            "job_last_success_timestamp_seconds", "in any process of this deployment", "job"
        )

    def request(self, era: str, method: str, outcome: str, status: int, *, seconds: float) -> None:
        """One JSON-RPC request was answered."""
        method = known(method, METHODS)
        self._requests.of(era, method, known(outcome, OUTCOMES), http_class(status)).inc()
        self._request_s.of(method).observe(seconds)

    def refused(self, reason: str) -> None:
        """A caller that we know was not served."""
        self._refusals.of(known(reason, REASONS)).inc()

    def stranger(self, reason: str) -> None:
        """A request resolved to nobody."""
        self._strangers.of(known(reason, REASONS)).inc()

    def upstream(
        self, integration: str, outcome: str, status: int | None, *, seconds: float
    ) -> None:
        """One try to reach an upstream ended; `ok` is any answer, whatever its status."""
        name = self._integrations.bounded(integration)
        self._upstream.of(name, known(outcome, OUTCOMES), http_class(status)).inc()
        self._upstream_s.of(name).observe(seconds)

    def committed(self, seconds: float, *, failed: bool) -> None:
        """One commit of audit rows."""
        self._audit_s.observe(seconds)
        if failed:
            self._audit_failures.inc()

    def stored(self, operation: str, seconds: float, *, failed: bool) -> None:
        """One operation of the store."""
        operation = known(operation, OPERATIONS)
        self._store_s.of(operation).observe(seconds)
        if failed:
            self._store_failures.of(operation).inc()

    def audit_queue(self, length: Callable[[], int]) -> None:
        """Where the length of the queue is read at each scrape."""
        self._audit_queue.set_function(lambda: float(length()))

    def jobs(self, successes: Mapping[str, float]) -> None:
        """When each job last succeeded, in seconds since 1970."""
        for name, at in successes.items():
            self._job_success.labels(self._jobs.bounded(name)).set(at)

    def text(self) -> bytes:
        """Everything, in the text format 0.0.4 of Prometheus."""
        labelled = _Labelled(self.registry, "worker", str(os.getpid()))
        return bytes(generate_latest(labelled))
