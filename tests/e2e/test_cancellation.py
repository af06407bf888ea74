"""A caller that leaves a real server: the modern era cancels its call, the legacy one does not."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from tests.support.calling import legacy, legacy_headers, modern, modern_headers
from tests.support.events import messages
from tests.support.items import GET, thing
from tests.support.lab import Lab, rule, running_lab
from tests.support.serving import Served, served, until

from mcpassport.records.audit import AuditRow

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("cancellation")]

JOB = thing("job")
CHUNKED = [["Content-Type", "application/x-ndjson"], ["Transfer-Encoding", "chunked"]]
STEPS = b'{"done":1}\n{"done":2}\n{"done":3,"result":{"id":"x"}}\n'
SOON_S = 20
HELD: dict[str, dict[str, Any]] = {
    "json": rule("/*", json={"id": "1"}, fault={"kind": "delay", "seconds": 600}),
    "body": rule("/*", json={"id": "1"}, fault={"kind": "delay", "seconds": 600, "before": "body"}),
    "events": rule(
        "/*", STEPS, headers=CHUNKED, fault={"kind": "paced", "pieces": 1, "then": "stall"}
    ),
}
"""An upstream that never answers: at all, no body, or no more than its first event."""
SLOW: dict[str, dict[str, Any]] = {
    "json": rule("/*", json={"id": "1"}, fault={"kind": "delay", "seconds": 1.5}),
    "body": rule("/*", json={"id": "1"}, fault={"kind": "delay", "seconds": 1.5, "before": "body"}),
    "events": rule("/*", STEPS, headers=CHUNKED, fault={"kind": "paced", "seconds": 0.7}),
}
"""One that takes its time."""


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """The upstream."""
    with running_lab() as running:
        yield running


def request_of(kind: str, era: str) -> tuple[bytes, dict[str, str]]:
    """One call of the tool that the kind is about, with a token if it streams."""
    tool, arguments = (JOB, {}) if kind == "events" else (GET, {"id": "1"})
    params: dict[str, Any] = {"name": tool, "arguments": arguments}
    meta = {"progressToken": "t"} if kind == "events" else {}
    if era == "modern":
        body, headers = modern("tools/call", params, **meta), modern_headers("tools/call", tool)
    else:
        body, headers = legacy("tools/call", params | {"_meta": meta}), legacy_headers()
    return body, headers | {"content-type": "application/json"}


async def leave(house: Served, lab: Lab, kind: str, era: str) -> None:
    """Call, and close the connection once the upstream has the request, or an event has come."""
    body, headers = request_of(kind, era)
    async with aiohttp.ClientSession() as session:
        posting = asyncio.create_task(session.post(house.address, data=body, headers=headers))
        await asyncio.to_thread(lab.wait_for)
        if kind == "events":
            response = await posting
            assert response.headers["content-type"] == "text/event-stream"
            assert b"notifications/progress" in await response.content.readuntil(b"\n\n")
            response.close()
        posting.cancel()
        await asyncio.wait({posting})


async def calls(house: Served) -> list[AuditRow]:
    """The rows of calls, newest last."""
    return [row for row in await house.rows() if row.rpc_method == "tools/call"]


async def test_only_the_modern_era_cancels(tmp_path: Path, lab: Lab) -> None:
    """JSON and events: modern, the upstream connection closes; legacy, the call runs to its end."""
    async with served(tmp_path, lab, {}, {}) as house:
        expected: list[str] = []
        for kind, held in HELD.items():
            lab.forget()
            lab.answers(held)
            await leave(house, lab, kind, "modern")
            (seen,) = await asyncio.to_thread(lambda: lab.wait_for(ended="client_closed"))
            assert seen.ended == "client_closed"
            lab.forget()
            lab.answers(SLOW[kind])
            await leave(house, lab, kind, "legacy")
            (seen,) = await asyncio.to_thread(lambda: lab.wait_for(ended="answered"))
            expected += ["", "cancelled", "", "ok"]
            await until(lambda: house.open_intents() == 0, SOON_S, "every intent has its outcome")
        assert [row.outcome for row in await calls(house)] == expected


async def test_progress_reaches_a_caller_before_the_upstream_is_done(
    tmp_path: Path, lab: Lab
) -> None:
    """In both eras the first notification is read while the upstream still holds its last line."""
    async with served(tmp_path, lab, {}, {}) as house, aiohttp.ClientSession() as session:
        for era in ("modern", "legacy"):
            lab.forget()
            paced = {"kind": "paced", "seconds": 1.5}
            lab.answers(rule("/*", STEPS, headers=CHUNKED, fault=paced))
            body, headers = request_of("events", era)
            async with session.post(house.address, data=body, headers=headers) as response:
                first = await response.content.readuntil(b"\n\n")
                (seen,) = lab.requests()
                assert seen.ended == "open"
                rest = await response.read()
            *notified, answer = messages(first + rest)
            assert [told["params"]["progress"] for told in notified] == [1, 2, 3]
            result = msgspec.json.decode(answer["result"]["content"][0]["text"])
            assert result == {"result": {"id": "x"}, "events": 3}
        assert [row.outcome for row in await calls(house)] == ["", "ok"] * 2
