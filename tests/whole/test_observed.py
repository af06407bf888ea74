"""Nothing that a caller or an upstream said shows up in metrics, spans or log lines."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind
from tests.support.calling import legacy, legacy_headers, modern, modern_headers
from tests.support.items import CREATE, GET, thing
from tests.support.lab import Lab, rule
from tests.support.scan import found_in
from tests.support.whole import Call, Met, World, ok, world

from mcpassport.observe.process import log_as_json
from mcpassport.observe.requests import Watch
from mcpassport.observe.tracing import Tracing

JOB = thing("job")
TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"
CANARIES = {
    kind: f"canary-{kind}-5f3c0f6d2b"
    for kind in (
        *("argument", "unknown", "result", "header", "answered", "failure", "method", "tool"),
        *(
            "progress",
            "picture",
            "client",
            "state",
            "baggage",
            "id",
            "agent",
            "revision",
            "stranger",
            "broken",
        ),
    )
}


@dataclass
class Observed:
    """A deployment with an SDK, and everything that leaves it sideways."""

    app: World
    exporter: InMemorySpanExporter
    capsys: pytest.CaptureFixture[str]
    logged: str = ""

    def spans(self) -> tuple[ReadableSpan, ...]:
        return self.exporter.get_finished_spans()

    def logs(self) -> str:
        captured = self.capsys.readouterr()
        self.logged += captured.out + captured.err
        return self.logged

    async def metrics(self) -> str:
        return (await self.app.house.send("GET", "/metrics")).body.decode()

    async def everything(self) -> bytes:
        spans = "".join(span.to_json() for span in self.spans())
        return (spans + self.logs() + await self.metrics()).encode()


@pytest.fixture
async def seen(
    tmp_path: Path, lab: Lab, capsys: pytest.CaptureFixture[str]
) -> AsyncIterator[Observed]:
    log_as_json()
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    async with world(tmp_path, lab, watch=Watch(tracing=Tracing(provider))) as app:
        yield Observed(app, exporter, capsys)
    provider.shutdown()
    structlog.reset_defaults()


def traced(method: str, params: dict[str, Any]) -> bytes:
    """A modern request with a trace context, its carriers holding canaries where they can."""
    return modern(
        method,
        params,
        traceparent=f"00-{TRACE}-{PARENT}-01",
        tracestate=f"vendor={CANARIES['state']}",
        baggage=f"user={CANARIES['baggage']}",
    )


async def canaries_everywhere(seen: Observed) -> None:
    """Calls that succeed, fail, are refused and are foreign, each with its own canary."""
    app, said = seen.app, CANARIES
    path, _ = app.address("path")
    answer = rule(
        "/*", json={"id": said["result"]}, headers=[["X-Answered", said["answered"]]], status=200
    )
    headers = {
        **modern_headers("tools/call"),
        "mcp-name": GET,
        "x-more": said["header"],
        "user-agent": said["agent"],
    }
    call = {"name": GET, "arguments": {"id": said["argument"]}}
    met = await app.post(path, traced("tools/call", call), headers, answer)
    assert met.response.status == 200
    assert said["argument"] in met.upstream[0].target
    assert all("trace" not in name.lower() for name, _ in met.upstream[0].headers)
    picture = rule("/*", said["picture"], headers=[["Content-Type", "image/png"]])
    await app.call(("path", "modern"), Call(GET, {"id": "1"}), picture)
    job = {"name": JOB, "arguments": {}}
    lines = f'{{"done":1,"said":"{said["progress"]}"}}\n'
    stream = rule("/*", lines, headers=[["Content-Type", "application/x-ndjson"]])
    body = modern("tools/call", job, progressToken=said["progress"])
    met = await app.post(path, body, {**headers, "mcp-name": JOB}, stream)
    assert met.response.body.count(said["progress"].encode()) == 2
    failing = rule("/*", said["failure"], status=500)
    await app.call(("path", "legacy"), Call(GET, {"id": said["argument"]}), failing)
    await app.call(("path", "legacy"), Call(CREATE, {said["unknown"]: said["unknown"]}), ok())
    await app.call(("path", "legacy"), Call(said["tool"]), ok())
    for body in (
        legacy(said["method"], id_=said["id"]),
        legacy("initialize", {"clientInfo": {"name": said["client"], "version": said["client"]}}),
        b"{" + said["broken"].encode(),
    ):
        await app.post(path, body, legacy_headers())
    odd = {**legacy_headers(), "mcp-protocol-version": said["revision"]}
    await app.post(path, legacy("tools/list"), odd)
    await app.house.mcp(f"/mcp/{said['stranger']}", legacy("tools/list"))


async def test_no_canary_shows_up_anywhere(seen: Observed) -> None:
    """Arguments, results, headers, errors, ids, names and tokens: none is found in any form."""
    await canaries_everywhere(seen)
    everything = await seen.everything()
    assert len(seen.spans()) >= 8
    assert "request_failed" in seen.logs()
    assert not found_in(everything, {*CANARIES.values(), *seen.app.secrets()})


async def test_the_search_finds_what_is_there(seen: Observed) -> None:
    """Control: a canary that is put on a span, in a log line or in a label is found."""
    tracer = seen.app.house.services.watch.tracing
    tracer.begin("ping", CANARIES["argument"], None).end()
    structlog.get_logger().info("planted", said=CANARIES["result"])
    seen.app.house.services.watch.metrics.upstream(CANARIES["header"], "ok", 200, seconds=0.1)
    planted = {CANARIES[name] for name in ("argument", "result", "header")}
    assert found_in(await seen.everything(), CANARIES.values()) == planted


async def called(seen: Observed, status: int) -> Met:
    path, _ = seen.app.address("path")
    headers = {**modern_headers("tools/call"), "mcp-name": GET}
    body = traced("tools/call", {"name": GET, "arguments": {"id": "1"}})
    return await seen.app.post(path, body, headers, rule("/*", json={}, status=status))


async def test_a_call_is_a_server_span_with_a_client_span_in_the_callers_trace(
    seen: Observed,
) -> None:
    """The spans hold these attributes and no other, and continue the caller's `traceparent`."""
    await called(seen, 200)
    client, server = seen.spans()
    assert (server.kind, server.name) == (SpanKind.SERVER, f"tools/call {GET}")
    assert server.parent is not None
    assert f"{server.parent.trace_id:032x}-{server.parent.span_id:016x}" == f"{TRACE}-{PARENT}"
    assert server.attributes == {
        "mcp.method.name": "tools/call",
        "mcp.protocol.version": "2026-07-28",
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": GET,
    }
    assert (client.kind, client.name) == (SpanKind.CLIENT, "GET")
    assert client.parent == server.context
    assert client.attributes == {
        "http.request.method": "GET",
        "server.address": seen.app.lab.host,
        "http.response.status_code": 200,
    }


async def test_a_failure_is_told_by_its_type_on_both_spans(seen: Observed) -> None:
    """Neither span has an event, and the status has no text: an exception's text could be data."""
    await called(seen, 500)
    spans = seen.spans()
    assert [span.attributes["error.type"] for span in spans if span.attributes] == [
        *("500", "upstream_failed"),
    ]
    assert all(not span.events and not span.status.description for span in spans)
    assert all(not span.status.is_ok for span in spans)


async def test_a_failed_request_leaves_one_line(seen: Observed) -> None:
    """The line has the id of the answer and of the audit, and our own words."""
    met = await called(seen, 500)
    lines = [json.loads(line) for line in seen.logs().splitlines()]
    [line] = [line for line in lines if line["event"] == "request_failed"]
    assert line.pop("timestamp")
    assert line == {
        "event": "request_failed",
        "level": "info",
        "type": "upstream_failed",
        "http_class": "2xx",
        "rpc_method": "tools/call",
        "request_id": met.envelope()["request_id"],
    }


async def test_upstream_requests_are_counted_by_integration(seen: Observed) -> None:
    """An answer of any status is `ok`; what nobody answered has its error's type."""
    await called(seen, 500)
    text = await seen.metrics()
    counted = 'upstream_requests_total{http_class="5xx",integration="lab",outcome="ok",'
    assert f"mcpassport_{counted}" in text
    assert 'outcome="upstream_failed",rpc_method="tools/call"' in text
    assert "mcpassport_upstream_requests_in_flight{" in text


async def test_without_an_sdk_no_span_is_made(tmp_path: Path, lab: Lab) -> None:
    """The usual process has no SDK: tracing is off, calls go on."""
    async with world(tmp_path, lab) as app:
        assert not app.house.services.watch.tracing.enabled
        met = await app.call(("path", "legacy"), Call(GET, {"id": "1"}), ok())
        assert met.phases == ["intent", "outcome ok"]
