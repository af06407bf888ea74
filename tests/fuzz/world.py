"""The composed app whose upstream is a recorder in this process, and what must hold of answers."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace
from tests.support.deployment import Deployment, deployment
from tests.support.items import items
from tests.support.whole import CREDENTIALS

from mcpassport.audit.chain import verify
from mcpassport.edge.refusals import NOT_FOUND
from mcpassport.limits import Limits
from mcpassport.records.audit import AuditRow
from mcpassport.records.calls import Follower, OutboundRequest, OutboundResponse

ORIGIN = "https://api.lab.example"
LIMITS = Limits(
    request_body_bytes=2**16,
    upstream_body_bytes=2**16,
    calls_per_10s=100_000,
    strangers_per_10s=100_000,
    in_flight_server=1_024,
    in_flight_tenant=4_096,
)
PIECE = 11
"""Bytes of a followed body that arrive at once."""
PYTHON_MAX_DIGITS = 4_300
STATUSES = {200, 202, 400, 403, 404, 405, 406, 413, 415, 429}
"""Every status that any input may be answered with. Never 500."""
ANSWER = OutboundResponse(
    status=200, headers=(("content-type", "application/json"),), body=b'{"id":"1","data":[]}'
)


@dataclass
class Attempted:
    """One input under way: what the upstream saw of it, and what it answers."""

    requests: list[OutboundRequest] = field(default_factory=list)
    response: OutboundResponse = ANSWER


UNDER_WAY: ContextVar[Attempted] = ContextVar("under_way")


class Recorder:
    """The upstream: notes each request for the input that caused it."""

    async def send(self, request: OutboundRequest, /) -> OutboundResponse:
        """The response that the input chose."""
        attempted = UNDER_WAY.get()
        attempted.requests.append(request)
        return attempted.response

    async def follow(self, request: OutboundRequest, follower: Follower) -> OutboundResponse:
        """The same, its body in pieces."""
        response = await self.send(request)
        if not follower.begin(response.status, response.headers):
            return response
        for start in range(0, len(response.body), PIECE):
            await follower.take(response.body[start : start + PIECE])
        return replace(response, body=b"")


@dataclass
class World:
    """A deployment with an account and a server, and the secrets that no answer may hold."""

    house: Deployment
    account: str
    server: dict[str, Any]
    dead: dict[str, Any]

    def secrets(self) -> tuple[bytes, ...]:
        """What no answer may hold."""
        return (CREDENTIALS["acme"].encode(), self.server["token"].encode())

    async def settled(self) -> None:
        """The chain is whole; every intent has one outcome; no fault of ours is in it."""
        await self.house.services.audit.flush()
        after, previous, open_intents = 0, bytes(32), 0
        while rows := await self.house.services.audit.rows("acme", after=after, limit=2_000):
            assert verify(rows, previous=previous, sequence=after + 1) is None
            for row in rows:
                read = msgspec.json.decode(row.body, type=AuditRow)
                assert read.outcome != "internal_error", read
                assert read.reason != "internal_error", read
                open_intents += {"intent": 1, "outcome": -1}.get(read.phase, 0)
            after, previous = rows[-1].sequence, rows[-1].hash
        assert open_intents == 0


@asynccontextmanager
async def world(folder: Path) -> AsyncIterator[World]:
    """A deployment in that folder; its audit does not wait for the disk."""
    async with deployment(folder, limits=LIMITS, audit_durability="process") as house:
        house.services.upstream._http = Recorder()
        await house.push(items(ORIGIN))
        credential = {"token": CREDENTIALS["acme"]}
        account = await house.account("acme", integration="lab", credential=credential)
        server, dead = await house.server(account), await house.server(account)
        await house.send("DELETE", f"/integrated-account/{account}/mcp/{dead['id']}")
        made = World(house, account, server, dead)
        yield made
        await made.settled()


def whole(digits: str) -> int:
    """An integer of any length; of one that Python refuses to read, nothing but that it is one."""
    return int(digits) if len(digits) < PYTHON_MAX_DIGITS else 0


def loaded(body: bytes, integer: Callable[[str], int] = int) -> Any:
    """Strict JSON in UTF-8; `ValueError` for anything else."""

    def refuse(name: str) -> Any:
        raise ValueError(name)

    return json.loads(body.decode("utf-8"), parse_constant=refuse, parse_int=integer)


def well_formed(status: int, body: bytes) -> Any:
    """The answer as JSON: JSON-RPC, a refusal with an envelope, the identical 404, or nothing."""
    assert status in STATUSES, (status, body)
    if status == 202:
        assert body == b""
        return None
    if body == NOT_FOUND.body:
        assert status == NOT_FOUND.status
        return None
    document = loaded(body)
    for message in document if isinstance(document, list) else [document]:
        _message(message)
    return document


def _message(message: Any) -> None:
    assert isinstance(message, dict)
    if "jsonrpc" not in message:
        assert message.keys() == {"error"}, message
        assert message["error"]["type"]
        return
    assert message["jsonrpc"] == "2.0"
    assert ("result" in message) != ("error" in message), message
    assert message.keys() <= {"jsonrpc", "id", "result", "error"}, message
    if "id" in message:
        assert isinstance(message["id"], str | int)
        assert not isinstance(message["id"], bool)
    else:
        assert "error" in message
