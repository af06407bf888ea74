"""Whatever arrives, the answer is JSON-RPC or nothing, and nothing goes upstream by accident."""

import asyncio
import json
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.calling import MODERN, World

from mcpassport.limits import LEGACY_REVISIONS

TEXT = st.text(max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
METHODS = st.sampled_from(
    ["initialize", "ping", "tools/list", "tools/call", "server/discover", "notifications/x"]
)
META = st.dictionaries(
    st.sampled_from(
        [
            "io.modelcontextprotocol/protocolVersion",
            "io.modelcontextprotocol/clientCapabilities",
            "io.modelcontextprotocol/clientInfo",
        ]
    ),
    st.sampled_from([MODERN, "2025-11-25", {}, {"name": 1}]) | JSON,
)
PARAMS = st.fixed_dictionaries(
    {},
    optional={
        "_meta": META | JSON,
        "name": TEXT | JSON,
        "arguments": JSON,
        "cursor": JSON,
        "protocolVersion": JSON,
        "clientInfo": JSON,
    },
)
MESSAGE = st.fixed_dictionaries(
    {"jsonrpc": st.sampled_from(["2.0", "2.0", "2.0", "1.0", 2])},
    optional={"id": JSON, "method": METHODS | JSON, "params": PARAMS | JSON, "result": JSON},
)


def encoded(value: Any) -> bytes:
    return json.dumps(value).encode()


def claimed(method: str, params: Any) -> bytes:
    meta = {
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": meta}}
    return encoded(message)


BODIES = (
    st.binary(max_size=100)
    | (MESSAGE | st.lists(MESSAGE | JSON, max_size=4)).map(encoded)
    | st.builds(claimed, METHODS, PARAMS)
)
HEADERS = st.dictionaries(
    st.sampled_from(["mcp-protocol-version", "mcp-method", "mcp-name", "accept"]),
    st.sampled_from([MODERN, *LEGACY_REVISIONS, "tools/call", "tools/list", "x", "*/*"]) | TEXT,
)


def well_formed(answer: Any) -> bool:
    return (
        isinstance(answer, dict)
        and answer["jsonrpc"] == "2.0"
        and ("result" in answer) != ("error" in answer)
        and ("id" not in answer or isinstance(answer["id"], str | int))
        and ("id" in answer or "error" in answer)
    )


async def exchange(body: bytes, headers: dict[str, str]) -> None:
    world = World(strict_output=True)
    await world.log.start()
    try:
        status, _, answer = await world.post(body, headers)
    finally:
        await world.log.close()
    assert not world.upstream.calls
    phases = world.audit.phases()
    assert phases
    assert phases.count("intent") == phases.count("outcome")
    if status == 202:
        assert answer == b""
        return
    assert status in {200, 400, 404}
    decoded = msgspec.json.decode(answer)
    assert all(map(well_formed, decoded if isinstance(decoded, list) else [decoded]))
    assert not any(b"internal_error" in row.body for row in world.audit.chains["acme"])


@settings(max_examples=400, deadline=None)
@given(BODIES, HEADERS)
def test_any_body_has_a_proper_answer(body: bytes, headers: dict[str, str]) -> None:
    """Any bytes under any headers: never an exception, never an internal fault, never upstream."""
    asyncio.run(exchange(body, headers))
