"""The caller's trace context: taken when it is well formed, else a trace of its own."""

import asyncio
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from mcpassport.errors import UpstreamTimeout
from mcpassport.observe.http import WatchedHttp
from mcpassport.observe.metrics import Metrics
from mcpassport.observe.tracing import Tracing, parent_of
from mcpassport.records.calls import Follower, OutboundRequest, OutboundResponse

GOOD = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
FOLLOWER = cast("Follower", object())
ASKED = OutboundRequest(
    method="GET", url="https://api.example.test/secret/path?q=secret", integration="notes"
)


def found(value: Any) -> trace.SpanContext:
    params = msgspec.json.encode({"_meta": {"traceparent": value}})
    return trace.get_current_span(parent_of(params)).get_span_context()


def test_a_well_formed_traceparent_is_the_parent() -> None:
    """Ids and the flag are the caller's, and the parent counts as remote."""
    context = found(GOOD)
    assert (f"{context.trace_id:032x}", f"{context.span_id:016x}") == tuple(GOOD.split("-")[1:3])
    assert context.is_remote
    assert context.trace_flags.sampled


@given(st.one_of(st.text(), st.integers(), st.none(), st.lists(st.text()), st.just(GOOD.upper())))
def test_anything_else_is_no_parent(value: Any) -> None:
    """Whatever stands there, nothing is raised and the trace is our own."""
    assert not found(value).is_valid


@pytest.mark.parametrize("params", [None, b"[]", b'{"_meta":"traceparent"}', b'{"traceparent":1}'])
def test_params_without_a_context_are_no_parent(params: bytes | None) -> None:
    """Odd params are for the protocol to refuse, not for tracing to trip over."""
    assert not trace.get_current_span(parent_of(params)).get_span_context().is_valid


class Failing:
    """A client that cannot send."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    async def send(self, request: OutboundRequest) -> OutboundResponse:
        assert request is ASKED
        raise self._error

    async def follow(self, request: OutboundRequest, follower: Follower) -> OutboundResponse:
        assert follower is FOLLOWER
        return await self.send(request)


@pytest.mark.parametrize("way", ["send", "follow"])
@pytest.mark.parametrize(
    ("error", "kind", "outcome"),
    [
        (UpstreamTimeout(), "upstream_timeout", "upstream_timeout"),
        (asyncio.CancelledError(), "cancelled", "other"),
    ],
)
async def test_a_request_without_an_answer_is_told_by_class(
    error: BaseException, kind: str, outcome: str, way: str
) -> None:
    """Span and counter say what failed; the error goes on unchanged; nothing stays in flight."""
    exporter, provider, metrics = InMemorySpanExporter(), TracerProvider(), Metrics()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    watched = WatchedHttp(Failing(error), metrics, Tracing(provider))
    with pytest.raises(type(error)):
        await (watched.send(ASKED) if way == "send" else watched.follow(ASKED, FOLLOWER))
    [span] = exporter.get_finished_spans()
    assert span.attributes == {
        "http.request.method": "GET",
        "server.address": "api.example.test",
        "error.type": kind,
    }
    text = metrics.text().decode()
    assert f'{{http_class="none",integration="notes",outcome="{outcome}"' in text
    [line] = [line for line in text.splitlines() if "upstream_requests_in_flight{" in line]
    assert line.endswith(" 0.0")
    provider.shutdown()
