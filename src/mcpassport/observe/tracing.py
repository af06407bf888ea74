"""Spans by the OpenTelemetry conventions for MCP and HTTP; nothing at all without an SDK.

An attribute holds our own words, a name of a tool that is offered, or a host: no argument, result,
header, token, URL, client's id or text of an error. Of the caller's trace context only
`traceparent` is taken; `tracestate` and `baggage` could carry data. None of it goes upstream.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import msgspec
from msgspec import Struct
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import ProxyTracerProvider, Span, SpanKind, StatusCode, TracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from mcpassport import __version__
from mcpassport.observe.words import METHODS, OTHER, known

TRACEPARENT: Final = "traceparent"
_PROPAGATOR: Final = TraceContextTextMapPropagator()
_NOWHERE: Final = Context()
"""Without a parent a request begins a trace of its own."""


class _Meta(Struct):
    traceparent: Any = None


class _Params(Struct):
    meta: _Meta | None = msgspec.field(name="_meta", default=None)


_decode = msgspec.json.Decoder(_Params).decode


def parent_of(params: bytes | None) -> Context:
    """The caller's span from `params._meta.traceparent` (W3C Trace Context, 3.2)."""
    if params is None or b"traceparent" not in params:
        return _NOWHERE
    try:
        meta = _decode(params).meta
    except msgspec.DecodeError:
        return _NOWHERE
    value = meta.traceparent if meta is not None else None
    if not isinstance(value, str):
        return _NOWHERE
    return _PROPAGATOR.extract({TRACEPARENT: value}, context=_NOWHERE)


class Tracing:
    """Makes the spans. `provider` absent: the one that the process is configured with."""

    def __init__(self, provider: TracerProvider | None = None) -> None:
        chosen = provider or trace.get_tracer_provider()
        self.enabled = not isinstance(chosen, ProxyTracerProvider)
        self._tracer = trace.get_tracer("mcpassport", __version__, tracer_provider=chosen)

    def begin(self, method: str, revision: str, params: bytes | None) -> Span:
        """The SERVER span of one JSON-RPC request; to be ended by the caller."""
        name = known(method, METHODS)
        attributes = {"mcp.method.name": name, "mcp.protocol.version": revision}
        if name == "tools/call":
            attributes["gen_ai.operation.name"] = "execute_tool"
        return self._tracer.start_span(
            name, parent_of(params), SpanKind.SERVER, attributes=attributes
        )

    @contextmanager
    def upstream(self, method: str, host: str) -> Iterator[Span]:
        """The CLIENT span of one upstream request."""
        attributes = {"http.request.method": method, "server.address": host}
        with self._tracer.start_as_current_span(
            method,
            kind=SpanKind.CLIENT,
            attributes=attributes,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            yield span


def fail(span: Span, kind: str) -> None:
    """Mark the span as failed, by the type of the error only."""
    span.set_attribute("error.type", kind or OTHER)
    span.set_status(StatusCode.ERROR)


def name_tool(name: str) -> None:
    """Say on the current span which tool is called; only for tools that are offered."""
    span = trace.get_current_span()
    if span.is_recording():
        span.set_attribute("gen_ai.tool.name", name)
        span.update_name(f"tools/call {name}")
