"""The endpoint beside tool calls: handshakes, refusals, batches, and an audit that is gone."""

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

from mcpassport.errors import StoreUnavailable
from mcpassport.records.grants import Caller

HARMLESS = [
    (legacy("initialize", {"protocolVersion": "2025-06-18"}), {}),
    (legacy("ping"), legacy_headers()),
    (legacy("tools/list"), legacy_headers()),
    (modern("tools/list"), modern_headers("tools/list")),
    (modern("server/discover"), modern_headers("server/discover")),
]


async def answer(world: World, body: bytes, headers: dict[str, str]) -> tuple[int, Any]:
    status, _, sent = await world.post(body, headers)
    return status, msgspec.json.decode(sent) if sent else None


@pytest.mark.parametrize(("body", "headers"), HARMLESS)
async def test_every_request_is_in_the_audit(
    world: World, body: bytes, headers: dict[str, str]
) -> None:
    """Also requests without a side effect leave an intent and an outcome, and never go upstream."""
    status, _ = await answer(world, body, headers)
    assert status == 200
    assert world.audit.phases() == ["intent", "outcome"]
    assert world.upstream.calls == []


@pytest.mark.parametrize(("body", "headers"), HARMLESS)
async def test_without_an_audit_nothing_is_told(
    world: World, body: bytes, headers: dict[str, str]
) -> None:
    """When the rows cannot be written the answer is `audit_unavailable` in HTTP 200."""
    world.audit.broken = True
    status, sent = await answer(world, body, headers)
    assert status == 200
    assert sent["error"]["code"] == -32603
    assert sent["error"]["data"]["type"] == "audit_unavailable"


@pytest.mark.parametrize(("body", "headers"), HARMLESS[2:])
async def test_without_a_store_the_answer_is_an_error_in_http_200(
    world: World, body: bytes, headers: dict[str, str]
) -> None:
    """After parsing, a store that is gone is a JSON-RPC error that clients can read."""
    world.catalogs.error = StoreUnavailable()
    status, sent = await answer(world, body, headers)
    assert (status, sent["error"]["code"], sent["id"]) == (200, -32603, 1)
    assert sent["error"]["data"]["type"] == "store_unavailable"
    assert world.audit.phases() == ["refusal"]


async def test_a_handshake_records_client_and_revision(world: World) -> None:
    """`initialize` records who the client says it is, and the revision that was agreed."""
    info = {"name": "desk", "version": "4.2"}
    params = {"protocolVersion": "2025-06-18", "clientInfo": info}
    await answer(world, legacy("initialize", params), {})
    row = world.audit.written()[0]
    assert (row.client_name, row.client_version) == ("desk", "4.2")
    assert row.protocol_version == "2025-06-18"


@pytest.mark.parametrize(
    "params", [None, {}, {"protocolVersion": 7}, {"clientInfo": "x"}, {"protocolVersion": []}]
)
async def test_a_poor_handshake_is_answered(world: World, params: Any) -> None:
    """Whatever `initialize` brings, it is answered with our newest legacy revision."""
    _, sent = await answer(world, legacy("initialize", params), {})
    assert sent["result"]["protocolVersion"] == "2025-11-25"
    broken = b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"clientInfo":1e999}}'
    _, sent = await answer(world, broken, {})
    assert sent["result"]["protocolVersion"] == "2025-11-25"


async def test_a_fault_of_ours_is_told_without_detail(world: World) -> None:
    """An unexpected exception becomes -32603; its text stays inside."""
    world.catalogs.error = RuntimeError("planted detail")
    for body, headers in HARMLESS[2:]:
        status, sent = await answer(world, body, headers)
        assert (status, sent["error"]["code"]) == (200, -32603)
        assert "planted" not in str(sent)
    assert {row.reason for row in world.audit.written()} == {"internal_error"}


async def test_a_notification_is_accepted_even_unrecorded(world: World) -> None:
    """Nothing is done for a notification, so an audit that is gone does not break its sender."""
    world.audit.broken = True
    body = b'{"jsonrpc":"2.0","method":"notifications/initialized"}'
    assert await answer(world, body, legacy_headers()) == (202, None)


async def test_a_refusal_that_cannot_be_recorded_says_so(world: World) -> None:
    """Refusals are recorded like everything; without the audit the reason is the audit."""
    world.audit.broken = True
    status, sent = await answer(world, b"nonsense", {})
    assert status == 200
    assert sent["error"]["data"]["type"] == "audit_unavailable"


async def test_a_batch_is_charged_call_by_call(world: World) -> None:
    """Beyond the bucket a request of a batch is refused by itself, on the channel of its kind."""
    charged: list[str] = []

    def throttle(charging: Caller) -> int | None:
        charged.append(charging.server.id)
        return 3 if len(charged) > 2 else None

    world.throttle = throttle
    call = legacy("tools/call", {"name": "nope"})
    batch = b"[" + b",".join([legacy("ping"), legacy("ping"), legacy("ping"), call]) + b"]"
    status, sent = await answer(world, batch, {})
    assert status == 200
    assert charged == ["srv_1"] * 4
    assert [item.get("result") for item in sent[:2]] == [{}, {}]
    assert sent[2]["error"]["code"] == 429
    assert sent[2]["error"]["data"]["retry"] == {"safe": True, "after_seconds": 3}
    assert sent[3]["result"]["isError"] is True


async def test_the_cap_of_a_batch_holds(world: World) -> None:
    """A batch over the cap is refused whole."""
    batch = b"[" + b",".join([legacy("ping")] * 51) + b"]"
    status, sent = await answer(world, batch, {})
    assert (status, sent["error"]["code"]) == (400, -32600)


async def test_modern_methods_need_no_session(world: World) -> None:
    """Session headers of old clients are ignored, and none is ever sent."""
    headers = modern_headers("tools/list") | {"mcp-session-id": "x", "last-event-id": "1"}
    status, sent, _ = await world.post(modern("tools/list"), headers)
    assert (status, sent) == (200, {})
    assert MODERN in str(world.audit.written()[0].protocol_version)
