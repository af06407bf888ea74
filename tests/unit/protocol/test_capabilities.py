"""Tools that need a client capability: who may call them, and what the others are told."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from tests.support.calling import (
    MODERN,
    World,
    legacy,
    legacy_headers,
    modern,
    modern_headers,
)

from mcpassport.limits import LEGACY_REVISIONS
from mcpassport.protocol.capabilities import as_object
from mcpassport.protocol.era import KEY_CAPABILITIES

GET = "get_single_notes_note_by_id"
NEEDED = ("sampling", "elicitation.url", "extensions.io.example/ui", "elicitation.form")
ALL: dict[str, Any] = {
    "sampling": {},
    "elicitation": {"url": {}, "form": {}},
    "extensions": {"io.example/ui": {}},
}


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """A world whose reading tool needs much."""
    world = World(get_method={"requires_client_capabilities": NEEDED})
    await world.log.start()
    yield world
    await world.log.close()


async def call(world: World, declared: Any, arguments: Any = None) -> tuple[int, Any]:
    params = {"name": GET, "arguments": arguments or {"id": "1"}}
    body = modern("tools/call", params, **{KEY_CAPABILITIES: declared})
    status, _, answer = await world.post(body, modern_headers("tools/call", GET))
    return status, msgspec.json.decode(answer)


async def test_who_declares_it_may_call(world: World) -> None:
    """With every capability, and more, the call goes through."""
    status, answer = await call(world, {**ALL, "roots": {}})
    assert (status, "result" in answer) == (200, True)
    assert len(world.upstream.calls) == 1


@pytest.mark.parametrize(
    ("declared", "missing"),
    [
        ({}, {"sampling": {}, "elicitation": {"url": {}, "form": {}},
              "extensions": {"io.example/ui": {}}}),
        ({**ALL, "sampling": None}, {"sampling": {}}),
        ({**ALL, "sampling": True}, {"sampling": {}}),
        ({**ALL, "elicitation": {"form": {}}}, {"elicitation": {"url": {}}}),
        ({**ALL, "elicitation": {"url": {}}}, {"elicitation": {"form": {}}}),
        ({**ALL, "elicitation": {}}, {"elicitation": {"url": {}}}),
        ({**ALL, "extensions": {"io.example": {}}}, {"extensions": {"io.example/ui": {}}}),
    ],
)  # fmt: skip
async def test_what_is_missing_is_named_as_an_object(
    world: World, declared: Any, missing: dict[str, Any]
) -> None:
    """HTTP 400 and -32021 with a ClientCapabilities object; nothing is sent, one refusal row."""
    status, answer = await call(world, declared, {"wrong": 1})
    assert (status, answer["error"]["code"]) == (400, -32021)
    assert answer["error"]["data"] == {"requiredCapabilities": missing}
    assert answer["id"] == 1
    assert world.upstream.calls == []
    (row,) = world.audit.written()
    assert (row.phase, row.reason, row.http_status) == ("refusal", "missing_capability", 400)
    assert row.tool == GET


@pytest.mark.parametrize("revision", LEGACY_REVISIONS)
async def test_of_an_older_client_nobody_can_know(world: World, revision: str) -> None:
    """It is told so in a tool error, with HTTP 200; the tool stays in the list."""
    params = {"name": GET, "arguments": {"id": "1"}}
    status, _, raw = await world.post(legacy("tools/call", params), legacy_headers(revision))
    result = msgspec.json.decode(raw)["result"]
    assert (status, result["isError"]) == (200, True)
    assert result["_meta"]["mcpassport/error"]["type"] == "missing_capability"
    assert "sampling" in result["content"][0]["text"]
    assert MODERN in result["content"][0]["text"]
    assert world.upstream.calls == []
    assert world.audit.phases() == ["refusal"]
    _, _, raw = await world.post(legacy("tools/list"), legacy_headers(revision))
    assert GET in [tool["name"] for tool in msgspec.json.decode(raw)["result"]["tools"]]


def test_names_become_one_object() -> None:
    """Parts of one capability stand side by side."""
    assert as_object(NEEDED) == ALL
