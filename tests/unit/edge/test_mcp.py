"""The MCP endpoint: each step, what it answers, and where it is recorded."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from tests.support.asgi import Connection, Response, request
from tests.support.calling import (
    NOW,
    World,
    caller,
    counting_random,
    legacy,
    legacy_headers,
    modern,
    modern_headers,
)

from mcpassport.audit.edge import EdgeCounter
from mcpassport.edge.floods import Floods
from mcpassport.edge.mcp import McpEndpoint
from mcpassport.errors import NotFound, SecondFactorRequired, StoreUnavailable
from mcpassport.gate.admit import Refusal
from mcpassport.gate.presented import Presented
from mcpassport.limits import Limits
from mcpassport.records.grants import Caller

GET = "get_single_notes_note_by_id"
CALL = legacy("tools/call", {"name": GET, "arguments": {"id": "1"}})
JSON = {"content-type": "application/json"}
SAFETY = {
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


class Doorman:
    """A gate that knows three tokens."""

    def __init__(self) -> None:
        self.asked = 0
        self.broken: Exception | None = None

    async def admit(self, presented: Presented) -> Caller | Refusal:
        self.asked += 1
        if self.broken is not None:
            raise self.broken
        known: dict[str, Any] = {
            "tenant": "acme",
            "server": "srv_1",
            "account": "acc_1",
            "integration": "notes",
        }
        match presented.path_token:
            case "good":
                return caller()
            case "dead":
                return Refusal(error=NotFound(), reason="revoked", token_key="hash", **known)
            case "factor":
                error = SecondFactorRequired()
                return Refusal(error=error, reason="factor_missing", token_key="hash", **known)
        return Refusal(error=NotFound(), reason="unknown_token")


class House:
    """An endpoint with everything behind it."""

    def __init__(self, limits: Limits | None = None) -> None:
        limits = limits or Limits()
        self.world = World(limits)
        self.gate = Doorman()
        self.edge = EdgeCounter(self.world.audit, lambda: NOW)
        self.floods = Floods(limits, random=counting_random(), monotonic=lambda: 1000.0)
        self.world.throttle = self.floods.throttle
        self.endpoint = McpEndpoint(
            gate=self.gate,
            protocol=self.world.protocol,
            audit=self.world.log,
            edge=self.edge,
            floods=self.floods,
        )

    async def send(self, path: str = "/mcp/good", **options: Any) -> Response:
        options["headers"] = JSON | dict(options.get("headers", {}))
        options.setdefault("body", CALL)
        response = await request(self.endpoint, path, **options)
        assert response is not None
        for name, value in SAFETY.items():
            assert response.header(name) == value
        assert response.header("content-length") == str(len(response.body))
        return response

    async def strangers(self) -> list[tuple[str, str, int]]:
        await self.edge.flush()
        return [(c.reason, c.network, c.count) for c in self.world.audit.counts]


@pytest.fixture
async def build() -> AsyncIterator[Callable[..., Any]]:
    houses: list[House] = []

    async def build(**policy: Any) -> House:
        house = House(**policy)
        houses.append(house)
        await house.world.log.start()
        return house

    yield build
    for house in houses:
        house.world.audit.broken = False
        await house.world.log.close()


@pytest.fixture
async def house(build: Callable[..., Any]) -> House:
    made: House = await build()
    return made


async def test_a_call_passes_through(house: House) -> None:
    """An admitted call is answered as the protocol says, and is in the tenant's audit."""
    response = await house.send(headers=legacy_headers())
    assert response.status == 200
    assert response.header("content-type") == "application/json"
    assert response.json()["result"]["structuredContent"] == {"id": "1", "text": "hi"}
    assert house.world.audit.phases() == ["intent", "outcome"]
    assert house.world.audit.written()[0].bytes_in == len(CALL)
    assert await house.strangers() == []


async def test_a_notification_has_no_body(house: House) -> None:
    """202 without a body and without a content type."""
    response = await house.send(body=b'{"jsonrpc":"2.0","method":"notifications/initialized"}')
    assert (response.status, response.body) == (202, b"")
    assert response.header("content-type") is None


async def test_unknown_and_dead_tokens_get_the_same_answer(house: House) -> None:
    """Byte for byte and header for header the same; only the audit knows the difference."""
    answers = [
        await house.send(path)
        for path in ("/mcp/unknown", "/mcp/dead", "/mcp/s/anything", "/mcp/a/b", "/mcp/")
    ]
    assert {answer.status for answer in answers} == {404}
    assert {answer.body for answer in answers} == {b'{"error":{"type":"not_found"}}'}
    assert len({answer.headers for answer in answers}) == 1
    assert house.world.upstream.calls == []
    assert sorted(await house.strangers()) == [
        ("no_such_address", "192.0.2.0/24", 2),
        ("unknown_token", "192.0.2.0/24", 2),
    ]
    await house.world.log.flush()
    (row,) = house.world.audit.written()
    assert (row.phase, row.reason, row.server, row.http_status) == (
        "refusal",
        "revoked",
        "srv_1",
        404,
    )


async def test_a_dead_token_is_recorded_once_a_second(house: House) -> None:
    """A dead token cannot fill its tenant's audit: repeats are a count."""
    for _ in range(5):
        await house.send("/mcp/dead")
    assert house.world.audit.phases() == []
    await house.world.log.flush()
    assert [row.count for row in house.world.audit.written()] == [5]


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT", "OPTIONS", "HEAD"])
async def test_other_methods_tell_nothing(house: House, method: str) -> None:
    """405 with `Allow`, the same for every token, before anybody is asked."""
    answers = [await house.send(p, method=method) for p in ("/mcp/good", "/mcp/unknown")]
    assert answers[0] == answers[1]
    assert answers[0].status == 405
    assert answers[0].header("allow") == "POST"
    assert answers[0].json()["error"]["type"] == "method_not_allowed"
    assert house.gate.asked == 0
    assert await house.strangers() == [("method_not_allowed", "192.0.2.0/24", 2)]


async def test_a_missing_factor_is_told_and_recorded(house: House) -> None:
    """403 with the envelope, no challenge, and a refusal row of its own."""
    response = await house.send("/mcp/factor")
    assert response.status == 403
    error = response.json()["error"]
    assert error["type"] == "second_factor_required"
    assert response.header("www-authenticate") is None
    (row,) = house.world.audit.written()
    assert (row.reason, row.request_id) == ("factor_missing", error["request_id"])


async def test_a_flood_without_the_factor_cannot_fill_the_audit(build: Callable[..., Any]) -> None:
    """Beyond the server's bucket such refusals are counted, and the server itself stays open."""
    house: House = await build(limits=Limits(calls_per_10s=2))
    for _ in range(6):
        assert (await house.send("/mcp/factor")).status == 403
    await house.world.log.flush()
    assert sorted(row.count for row in house.world.audit.written()) == [1, 1, 4]
    assert (await house.send()).status == 200


async def test_a_gone_store_refuses(house: House) -> None:
    """Who cannot be looked up is not admitted: 503 with `Retry-After`, nothing sent."""
    house.gate.broken = StoreUnavailable()
    response = await house.send()
    assert (response.status, response.header("retry-after")) == (503, "1")
    assert response.json()["error"]["type"] == "store_unavailable"
    assert house.world.upstream.calls == []


async def test_a_fault_says_nothing(house: House) -> None:
    """An unexpected exception is a 500 without detail."""
    house.gate.broken = RuntimeError("planted detail")
    response = await house.send()
    assert response.status == 500
    assert b"planted" not in response.body


@pytest.mark.parametrize(
    ("headers", "status", "reason"),
    [
        ({"content-type": "text/plain"}, 415, "unsupported_media_type"),
        ({"accept": "text/html"}, 406, "not_acceptable"),
        ({"content-length": "99999999"}, 413, "request_too_large"),
    ],
)
async def test_what_cannot_be_read_is_refused_on_record(
    house: House, headers: dict[str, str], status: int, reason: str
) -> None:
    """Refusals of a known caller before parsing are an envelope and an audit row."""
    response = await house.send(headers=headers)
    assert response.status == status
    assert response.json()["error"]["type"] == reason
    assert "jsonrpc" not in response.json()
    (row,) = house.world.audit.written()
    assert (row.phase, row.reason, row.tenant) == ("refusal", reason, "acme")
    house.world.audit.broken = True
    assert (await house.send(headers=headers)).status == 503


async def test_a_body_that_is_too_large_is_read_before_it_is_refused(
    build: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the connection would be reset, and its sender never see the refusal; up to a bound."""
    house: House = await build(limits=Limits(request_body_bytes=10))
    connection = Connection([b"0123456789"] * 5)
    assert (await house.send(body=connection)).status == 413
    assert connection.chunks == []
    monkeypatch.setattr("mcpassport.edge.bodies.DISCARDED_BYTES", 25)
    connection = Connection([b"0123456789"] * 9)
    assert (await house.send(body=connection)).status == 413
    assert len(connection.chunks) == 4, "two to see that it is too large, three more"


async def test_a_server_has_so_many_calls_in_ten_seconds(build: Callable[..., Any]) -> None:
    """Beyond its bucket a server answers 429 as the gateway's own, counted in the audit."""
    house: House = await build(limits=Limits(calls_per_10s=3))
    statuses = [(await house.send()).status for _ in range(3)]
    limited = await house.send()
    assert statuses == [200, 200, 200]
    assert limited.status == 429
    assert int(limited.header("retry-after") or 0) >= 1
    assert limited.json()["error"]["code"] == 429
    envelope = limited.json()["error"]["data"]
    assert (envelope["type"], envelope["whose"]) == ("gateway_rate_limited", "gateway")
    await house.world.log.flush()
    assert house.world.audit.written()[-1].reason == "gateway_rate_limited"


async def test_a_batch_is_no_way_around_the_bucket(build: Callable[..., Any]) -> None:
    """Each call of a batch is charged; the ones too many are tool errors inside HTTP 200."""
    house: House = await build(limits=Limits(calls_per_10s=3))
    response = await house.send(body=b"[" + b",".join([CALL] * 5) + b"]")
    assert response.status == 200
    results = [item["result"] for item in response.json()]
    assert ["isError" in result for result in results] == [False] * 3 + [True] * 2
    assert len(house.world.upstream.calls) == 3
    await house.world.log.flush()
    phases = house.world.audit.phases()
    assert (phases.count("intent"), phases.count("outcome")) == (3, 3)
    assert house.world.audit.written()[-1].count == 2, "refusals of a flood are one row"


async def test_a_legacy_client_keeps_its_transport_when_it_is_limited(
    build: Callable[..., Any],
) -> None:
    """Our own limit reaches an SDK of the legacy era as a tool error inside HTTP 200."""
    house: House = await build(limits=Limits(calls_per_10s=1))
    headers = {"accept": "application/json, text/event-stream"}
    assert (await house.send(headers=headers)).status == 200
    limited = await house.send(headers=headers)
    assert limited.status == 200
    assert limited.json()["result"]["isError"] is True
    assert int(limited.header("retry-after") or 0) >= 1


async def test_in_flight_places_are_given_back(build: Callable[..., Any]) -> None:
    """A full server answers 429; places come back, also after a fault."""
    house: House = await build(limits=Limits(in_flight_server=1, place_wait_ms=10))
    started, release = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        started.set()
        await release.wait()

    house.world.upstream.during = wait
    first = asyncio.create_task(house.send())
    await started.wait()
    assert (await house.send()).status == 429
    release.set()
    assert (await first).status == 200
    house.world.upstream.error = RuntimeError()
    assert (await house.send()).status == 200
    house.world.upstream.error = None
    assert (await house.send()).status == 200
    assert house.floods.in_flight.idle


async def test_noise_is_stopped_before_anybody_is_asked(build: Callable[..., Any]) -> None:
    """A network of strangers gets 429 without a look-up; a token admitted lately still passes."""
    house: House = await build(limits=Limits(strangers_per_10s=3))
    assert (await house.send()).status == 200
    statuses = [(await house.send("/mcp/guess")).status for _ in range(5)]
    assert statuses == [404, 404, 404, 429, 429]
    assert house.gate.asked == 4
    assert (await house.send("/mcp/factor")).status == 429
    assert (await house.send()).status == 200
    assert (await house.send("/mcp/guess", client="198.51.100.1")).status == 404
    assert ("flood", "192.0.2.0/24", 3) in await house.strangers()


async def _hang_up(house: House, body: bytes, headers: dict[str, str]) -> Response | None:
    """Call, and hang up while the upstream works; it finishes when it is not cancelled."""
    connection = Connection([body])
    release = asyncio.Event()

    async def wait() -> None:
        connection.hung_up.set()
        asyncio.get_running_loop().call_later(0.02, release.set)
        await release.wait()

    house.world.upstream.during = wait
    return await request(house.endpoint, "/mcp/good", headers=JSON | headers, body=connection)


async def test_a_modern_caller_cancels_by_hanging_up(house: House) -> None:
    """The upstream call is cancelled, nothing is answered, and the outcome says so."""
    body = modern("tools/call", {"name": GET, "arguments": {"id": "1"}})
    assert await _hang_up(house, body, modern_headers("tools/call", GET)) is None
    assert [(r.phase, r.outcome) for r in house.world.audit.written()] == [
        ("intent", ""),
        ("outcome", "cancelled"),
    ]
    assert house.floods.in_flight.idle


async def test_a_legacy_caller_does_not_cancel_by_hanging_up(house: House) -> None:
    """The work of a legacy call runs on to its end."""
    response = await _hang_up(house, CALL, legacy_headers())
    assert response is not None
    assert [r.outcome for r in house.world.audit.written()] == ["", "ok"]


async def test_a_caller_who_leaves_before_the_body_is_recorded(house: House) -> None:
    """Nothing is answered; the tenant's audit has a refusal without a status."""
    connection = Connection([])
    connection.hung_up.set()
    response = await request(house.endpoint, "/mcp/good", headers=JSON, body=connection)
    assert response is None
    await house.world.log.flush()
    (row,) = house.world.audit.written()
    assert (row.reason, row.http_status) == ("disconnected", None)


async def test_no_answer_and_no_row_holds_the_token(house: House) -> None:
    """The secret in the address shows nowhere."""
    response = await house.send("/mcp/planted-secret")
    assert "planted-secret" not in str(response)
    await house.world.log.flush()
    await house.edge.flush()
    assert "planted-secret" not in str(house.world.audit.chains) + str(house.world.audit.counts)
