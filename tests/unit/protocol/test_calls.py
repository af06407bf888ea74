"""Tool calls: the six hops, and what each failure leaves behind."""

import asyncio
from typing import Any

import msgspec
import pytest
from tests.support.calling import (
    MODERN,
    World,
    caller,
    legacy,
    legacy_headers,
    modern,
    modern_headers,
)

from mcpassport.errors import (
    AddressForbidden,
    InvalidArguments,
    ReauthorizationRequired,
    StoreUnavailable,
    UpstreamFailed,
    UpstreamRateLimited,
    UpstreamTimeout,
)
from mcpassport.records.calls import Outcome
from mcpassport.records.envelope import RateLimit
from mcpassport.records.tool import Filter

GET = "get_single_notes_note_by_id"
CREATE = "create_a_notes_note"
PARAMS = {"name": GET, "arguments": {"id": "1"}}
Posted = tuple[int, dict[str, str], Any]


async def call(world: World, params: dict[str, Any] = PARAMS, revision: str = MODERN) -> Posted:
    if revision == MODERN:
        body = modern("tools/call", params)
        headers = modern_headers("tools/call", str(params.get("name", "")))
    else:
        body, headers = legacy("tools/call", params), legacy_headers(revision)
    status, sent, answer = await world.post(body, headers)
    return status, sent, msgspec.json.decode(answer)


def envelope(answer: Any) -> dict[str, Any]:
    found: dict[str, Any] = answer["result"]["_meta"]["mcpassport/error"]
    return found


async def test_a_call_is_one_upstream_request_and_two_rows(world: World) -> None:
    """The tool is called once, and the answer is given after both rows are written."""
    status, _, answer = await call(world)
    assert status == 200
    assert world.upstream.calls == [(GET, {"id": "1"})]
    assert answer["result"]["structuredContent"] == {"id": "1", "text": "hi"}
    assert answer["result"]["content"] == [{"type": "text", "text": '{"id":"1","text":"hi"}'}]
    assert answer["result"]["resultType"] == "complete"
    intent, outcome = world.audit.written()
    assert (intent.phase, intent.tool, intent.resource, intent.method) == (
        "intent",
        GET,
        "notes",
        "get",
    )
    assert (intent.client_name, intent.protocol_version) == ("tester", MODERN)
    assert (outcome.outcome, outcome.upstream_status, outcome.upstream_ms) == ("ok", 200, 5)
    assert len(intent.tool_digest) == len(intent.surface_digest) == 64


@pytest.mark.parametrize(
    ("revision", "value", "structured"),
    [
        ("2025-03-26", b'{"a":1}', False),
        ("2025-06-18", b'{"a":1}', True),
        ("2025-11-25", b' {"a":1}', True),
        ("2025-11-25", b"[1]", False),
        ("2025-11-25", b'"text"', False),
        (MODERN, b"[1]", True),
        (MODERN, b"null", True),
    ],
)
async def test_structured_content_goes_to_those_who_can_read_it(
    world: World, revision: str, value: bytes, structured: bool
) -> None:
    """Objects from 2025-06-18 on, any value in the modern era, text for everybody."""
    world.upstream.outcome = Outcome(value=value, sent=True)
    _, _, answer = await call(world, revision=revision)
    result = answer["result"]
    assert ("structuredContent" in result) == structured
    if structured:
        assert result["structuredContent"] == msgspec.json.decode(value)
    assert msgspec.json.decode(result["content"][0]["text"]) == msgspec.json.decode(value)


@pytest.mark.parametrize("revision", ["2025-11-25", MODERN])
async def test_bad_arguments_are_a_tool_error_that_can_be_repaired(
    world: World, revision: str
) -> None:
    """The model reads which argument is wrong; nothing is sent; the refusal is in the audit."""
    params = {"name": GET, "arguments": {"id": "1", "extra": 1}}
    status, _, answer = await call(world, params, revision)
    assert status == 200
    result = answer["result"]
    assert result["isError"] is True
    assert "structuredContent" not in result
    assert "- /extra:" in result["content"][0]["text"]
    assert envelope(answer)["type"] == "invalid_arguments"
    assert world.upstream.calls == []
    (row,) = world.audit.written()
    assert (row.phase, row.reason, row.tool) == ("refusal", "invalid_arguments", GET)


@pytest.mark.parametrize("revision", ["2025-11-25", MODERN])
@pytest.mark.parametrize("name", ["no_such_tool", "delete_a_notes_note_by_id"])
async def test_hidden_tools_do_not_exist(world: World, revision: str, name: str) -> None:
    """A tool outside the surface is answered like one that never was, and is in the audit."""
    world.caller = caller(Filter(methods=("read",)))
    status, _, answer = await call(world, {"name": name, "arguments": {"id": "1"}}, revision)
    assert (status, answer["error"]["code"]) == (200, -32602)
    assert answer["error"]["data"]["type"] == "unknown_tool"
    assert world.upstream.calls == []
    (row,) = world.audit.written()
    assert (row.phase, row.reason, row.tool) == ("refusal", "unknown_tool", name)


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"name": 5},
        {"name": None},
        {"name": GET, "arguments": []},
        {"name": GET, "arguments": 1},
    ],
)
async def test_malformed_params_are_a_protocol_error(world: World, params: dict[str, Any]) -> None:
    """Without a name, or with arguments that are no object, there is no call to speak of."""
    for revision in ("2025-11-25", MODERN):
        _, _, answer = await call(world, params, revision)
        assert answer["error"]["code"] == -32602
    assert world.upstream.calls == []
    assert world.audit.phases() == ["refusal", "refusal"]


@pytest.mark.parametrize("absent", [{}, {"arguments": None}, {"arguments": {}}])
async def test_absent_arguments_are_none(world: World, absent: dict[str, Any]) -> None:
    """No `arguments`, null and an empty object are the same."""
    _, _, answer = await call(world, {"name": GET, **absent}, "2025-11-25")
    assert envelope(answer)["type"] == "invalid_arguments"
    assert "id" in answer["result"]["content"][0]["text"]


@pytest.mark.parametrize("error", [StoreUnavailable(), ReauthorizationRequired()])
async def test_without_a_credential_nothing_is_sent(world: World, error: Exception) -> None:
    """A credential that cannot be had is a tool error and a refusal."""
    world.credentials.error = error
    _, _, answer = await call(world)
    assert answer["result"]["isError"] is True
    assert world.upstream.calls == []
    assert world.audit.phases() == ["refusal"]


async def test_without_a_catalog_nothing_is_sent(world: World) -> None:
    """A store that cannot be read is a tool error that is safe to repeat."""
    world.catalogs.error = StoreUnavailable()
    status, _, answer = await call(world)
    assert status == 200
    assert envelope(answer)["retry"]["safe"] is True
    assert world.audit.phases() == ["refusal"]


@pytest.mark.parametrize("revision", ["2025-11-25", MODERN])
async def test_without_an_intent_nothing_is_sent(world: World, revision: str) -> None:
    """With the audit gone the call is refused as `audit_unavailable`, safe to repeat."""
    world.audit.broken = True
    status, _, answer = await call(world, PARAMS, revision)
    assert status == 200
    assert (envelope(answer)["type"], envelope(answer)["retry"]["safe"]) == (
        "audit_unavailable",
        True,
    )
    assert world.upstream.calls == []


async def test_without_an_outcome_the_result_is_withheld(world: World) -> None:
    """When the outcome cannot be written, the answer holds nothing of the result."""

    async def breaks() -> None:
        world.audit.broken = True

    world.upstream.during = breaks
    _, _, answer = await call(world)
    assert envelope(answer)["retry"]["safe"] is False
    assert "withheld" in envelope(answer)["message"]
    assert "hi" not in str(answer["result"]["content"]).replace("withheld", "").replace("this", "")
    assert len(world.upstream.calls) == 1


@pytest.mark.parametrize("revision", ["2025-11-25", MODERN])
@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (UpstreamFailed(upstream_status=502), "upstream_failed"),
        (UpstreamTimeout(), "upstream_timeout"),
        (AddressForbidden(), "address_forbidden"),
    ],
)
async def test_upstream_failures_are_tool_errors(
    world: World, revision: str, error: Exception, kind: str
) -> None:
    """HTTP 200, `isError`, the envelope, and an outcome row of that type; never a second try."""
    world.upstream.outcome = Outcome(error=error, sent=True, upstream_ms=9)
    status, _, answer = await call(world, PARAMS, revision)
    assert (status, answer["result"]["isError"], envelope(answer)["type"]) == (200, True, kind)
    assert len(world.upstream.calls) == 1
    assert [row.outcome for row in world.audit.written()] == ["", kind]


async def test_an_error_raised_while_building_is_an_outcome(world: World) -> None:
    """A request that could not be built after the intent leaves an outcome row all the same."""
    world.upstream.error = InvalidArguments("no '..' in a path")
    _, _, answer = await call(world)
    assert envelope(answer)["type"] == "invalid_arguments"
    assert [row.outcome for row in world.audit.written()] == ["", "invalid_arguments"]


@pytest.mark.parametrize("revision", ["2025-11-25", MODERN])
async def test_a_fault_of_ours_says_nothing(world: World, revision: str) -> None:
    """An unexpected exception is -32603 without detail, and an outcome."""
    world.upstream.error = RuntimeError("planted detail")
    status, _, answer = await call(world, PARAMS, revision)
    assert (status, answer["error"]["code"]) == (200, -32603)
    assert "planted" not in str(answer)
    assert [row.outcome for row in world.audit.written()] == ["", "internal_error"]


LIMITED = UpstreamRateLimited(
    upstream_status=429, ratelimit=RateLimit(limit=100, remaining=0, reset=30)
)
RATE_HEADERS = {
    "ratelimit-limit": "100",
    "ratelimit-remaining": "0",
    "ratelimit-reset": "30",
    "ratelimit-policy": '"upstream";q=100',
    "ratelimit": '"upstream";r=0;t=30',
    "retry-after": "30",
}


@pytest.mark.parametrize(
    ("override", "who", "as_status"),
    [
        ("auto", "modern", True),
        ("auto", "legacy", False),
        ("auto", "raw", True),
        ("http_429", "legacy", True),
        ("tool_error", "modern", False),
        ("tool_error", "raw", False),
    ],
)
async def test_a_rate_limit_travels_on_the_channel_of_the_caller(
    world: World, override: Any, who: str, as_status: bool
) -> None:
    """429 for modern and plain HTTP callers, a tool error for legacy clients, facts on both."""
    world.caller = caller(rate_limit_errors=override)
    world.upstream.outcome = Outcome(error=LIMITED, upstream_status=429, sent=True)
    body, headers = {
        "modern": (modern("tools/call", PARAMS), modern_headers("tools/call", GET)),
        "legacy": (legacy("tools/call", PARAMS), legacy_headers()),
        "raw": (legacy("tools/call", PARAMS), {"accept": "application/json"}),
    }[who]
    status, sent, raw = await world.post(body, headers)
    answer = msgspec.json.decode(raw)
    assert sent == RATE_HEADERS
    if as_status:
        assert (status, answer["error"]["code"], answer["id"]) == (429, 429, 1)
        assert answer["error"]["message"].endswith("Wait 30 seconds before another call.")
        facts = answer["error"]["data"]
    else:
        assert (status, answer["result"]["isError"]) == (200, True)
        facts = envelope(answer)
    assert (facts["type"], facts["whose"], facts["upstream_status"]) == (
        "rate_limited",
        "upstream",
        429,
    )
    assert facts["ratelimit"] == {"limit": 100, "remaining": 0, "reset": 30}
    assert facts["retry"] == {"safe": True, "after_seconds": 30}
    assert world.audit.written()[-1].http_status == status


async def test_rate_limit_facts_travel_with_success(world: World) -> None:
    """The headers come with every answer whose upstream stated its limits; none is made up."""
    world.upstream.outcome = Outcome(
        value=b"{}", sent=True, ratelimit=RateLimit(limit=100, remaining=99)
    )
    _, sent, _ = await call(world)
    assert sent == {
        "ratelimit-limit": "100",
        "ratelimit-remaining": "99",
        "ratelimit-policy": '"upstream";q=100',
        "ratelimit": '"upstream";r=99',
    }


async def test_notes_travel_in_meta(world: World) -> None:
    """What the call wants to add is beside the result, not in it."""
    world.upstream.outcome = Outcome(value=b"{}", sent=True, notes=("limit lowered to 100",))
    for revision in ("2025-11-25", MODERN):
        _, _, answer = await call(world, PARAMS, revision)
        assert answer["result"]["_meta"]["mcpassport/notes"] == ["limit lowered to 100"]


async def test_a_cancelled_call_leaves_an_outcome(world: World) -> None:
    """A call cut off while the upstream works is given an outcome, never left open."""
    started = asyncio.Event()

    async def forever() -> None:
        started.set()
        await asyncio.Event().wait()

    world.upstream.during = forever
    task = asyncio.create_task(call(world))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [(r.phase, r.outcome) for r in world.audit.written()] == [
        ("intent", ""),
        ("outcome", "unknown"),
    ]


async def test_mirrored_arguments_must_equal_their_headers(world: World) -> None:
    """A header that a schema asks for must be sent by modern callers, and equal the argument."""
    catalog = world.catalogs.only
    schema = {
        "type": "object",
        "properties": {
            "text": {"type": "string", "x-mcp-header": "Text"},
            "n": {"type": "integer", "x-mcp-header": "N"},
            "on": {"type": "boolean", "x-mcp-header": "On"},
        },
    }
    tools = tuple(
        msgspec.structs.replace(t, input_schema=schema, visible=bytes(32))
        if t.name == CREATE
        else t
        for t in catalog.tools
    )
    world.catalogs.only = msgspec.structs.replace(catalog, tools=tools, digest=b"other")
    body = modern("tools/call", {"name": CREATE, "arguments": {"text": "ü", "n": 42, "on": True}})
    right = {"mcp-param-text": "=?base64?w7w=?=", "mcp-param-n": "42.0", "mcp-param-on": "true"}
    for change, code in (
        ({}, None),
        ({"mcp-param-text": "u"}, -32020),
        ({"mcp-param-n": "43"}, -32020),
        ({"mcp-param-n": "x"}, -32020),
        ({"mcp-param-on": "True"}, -32020),
        ({"mcp-param-text": "=?base64?!?="}, -32020),
    ):
        headers = modern_headers("tools/call", CREATE) | right | change
        status, _, raw = await world.post(body, headers)
        answer = msgspec.json.decode(raw)
        assert answer.get("error", {}).get("code") == code, change
        assert status == (400 if code else 200)
    assert [row.reason for row in world.audit.written()][-5:] == ["header_mismatch"] * 5
    bare = modern("tools/call", {"name": CREATE, "arguments": {"text": None}})
    status, _, _ = await world.post(bare, modern_headers("tools/call", CREATE))
    assert status == 200
