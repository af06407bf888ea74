"""The failure run: every fault of the lab in both eras, seen from all sides, as a table.

The lab holds the answers of all faults at once; the argument of a call chooses one. Each call has a
server of its own, so its audit rows and the limits of the deployment stand apart from the others.
"""

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any, Final, Literal, TypeAlias

import msgspec
from msgspec import Struct

from mcpassport.evidence.bench import Bench
from mcpassport.evidence.claims.failures import (
    AHEAD_S,
    FAILURES,
    HURRIED_TIMEOUT_S,
    VOLATILE,
    Asking,
    Deed,
    Failure,
)
from mcpassport.evidence.failurelab import INTEGRATION, TOOLS, content
from mcpassport.evidence.finding import CheckFailed
from mcpassport.evidence.upstream import Says
from mcpassport.limits import LEGACY_DEFAULT, MODERN_REVISIONS
from mcpassport.records.calls import OutboundResponse
from mcpassport.records.evidence import FailureAnswer, FailureAudit, FailureRow, FailureTable

Era: TypeAlias = Literal["legacy", "modern"]
Way: TypeAlias = Literal["legacy", "modern", "raw"]
"""A client of that era, or an HTTP caller that is no MCP client."""
ERAS: Final[tuple[Era, ...]] = ("legacy", "modern")
LOOKS: Final = 250
LOOK_S: Final = 0.02
AT_ONCE: Final = 4
"""Faults that are tried at the same time; the slow ones do nothing but wait."""
MODERN: Final = MODERN_REVISIONS[0]
_META: Final = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": {},
}
_ARRAYS: Final = (list, tuple)
_TOLD: Final = ("ratelimit", "retry-after")


class _Seen(Struct):
    """An audit row as the API gives it; what it says beside this differs from run to run."""

    phase: str
    outcome: str = ""
    reason: str = ""
    http_status: int | None = None
    upstream_status: int | None = None


class _Rows(Struct):
    result: list[_Seen]


async def run(
    bench: Bench, account: Mapping[str, Any], failures: Mapping[str, Failure] = FAILURES
) -> FailureTable:
    """Every fault in both eras; the rows as they came, volatile parts included."""
    await set_answers(bench, account, failures.values())
    turns = asyncio.Semaphore(AT_ONCE)

    async def row(name: str, failure: Failure) -> FailureRow:
        async with turns:
            legacy, modern = [
                tuple([await _call(bench, account, name, era, each) for each in failure.calls])
                for era in ERAS
            ]
        return FailureRow(name, failure.fault, legacy, modern)

    rows = await asyncio.gather(*(row(name, each) for name, each in failures.items()))
    return FailureTable(volatile=VOLATILE, hurried_timeout_s=HURRIED_TIMEOUT_S, rows=tuple(rows))


def lasting(row: FailureRow) -> FailureRow:
    """The row with its volatile parts replaced: what equal runs have in common."""
    text = msgspec.json.encode(row).decode()
    for each in VOLATILE:
        text = re.sub(each.pattern, each.instead, text)
    return msgspec.json.decode(text, type=FailureRow)


def difference(one: Any, other: Any, where: str = "") -> str | None:
    """Where two JSON documents first differ, as a JSON pointer; None where they are equal."""
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        pairs = [(name, one[name], other[name]) for name in one]
    elif isinstance(one, _ARRAYS) and isinstance(other, _ARRAYS) and len(one) == len(other):
        pairs = [(str(index), *pair) for index, pair in enumerate(zip(one, other, strict=True))]
    else:
        return None if one == other else where or "/"
    found = (difference(mine, theirs, f"{where}/{name}") for name, mine, theirs in pairs)
    return next((each for each in found if each is not None), None)


async def set_answers(
    bench: Bench, account: Mapping[str, Any], failures: Iterable[Failure]
) -> None:
    """Tell the lab what to answer; an absolute time lies ahead on the clock of the sandbox."""
    now = datetime.fromisoformat(str(account["updated_at"]))
    moments = _moments(now + timedelta(seconds=AHEAD_S))
    deeds = [_says(deed, moments) for failure in failures for deed in failure.upstream]
    await bench.lab.answer(*deeds)


def _moments(then: datetime) -> dict[str, str]:
    return {
        "{epoch}": str(int(then.timestamp())),
        "{epoch_ms}": str(int(then.timestamp() * 1000)),
        "{http_date}": format_datetime(then, usegmt=True),
    }


def _says(deed: Deed, moments: Mapping[str, str]) -> Says:
    return Says(
        path=deed.target,
        status=deed.status,
        headers=tuple((name, _filled(value, moments)) for name, value in deed.headers),
        body=_filled(deed.body, moments).encode("latin-1"),
        fault=deed.fault,
    )


def _filled(text: str, moments: Mapping[str, str]) -> str:
    for name, moment in moments.items():
        text = text.replace(name, moment)
    return text


async def open_account(bench: Bench) -> dict[str, Any]:
    """The failure lab's integration, and an account on it; its times are the sandbox's own."""
    await bench.create("/integration", content(bench.lab.origin))
    body = {
        "tenant": await bench.tenant(),
        "integration": INTEGRATION,
        "name": "failures",
        "credential_kind": "bearer",
        "credential": {"token": "evidence-failure-credential"},
    }
    return await bench.create("/integrated-account", body)


async def _call(
    bench: Bench, account: Mapping[str, Any], name: str, era: Era, asking: Asking
) -> FailureAnswer:
    server = await _server(bench, account)
    before = await _requests(bench, name)
    answer = await _post(bench, server["token"], era, asking)
    return FailureAnswer(
        status=answer.status,
        headers=told(answer),
        body=document(answer),
        requests=await _arrived(bench, name, before) - before,
        audit=await _audit(bench, server),
    )


async def ask(
    bench: Bench, account: Mapping[str, Any], way: Way, asking: Asking, **config: Any
) -> OutboundResponse:
    """One call as that kind of caller, on a server of its own with that config."""
    server = await _server(bench, account, **config)
    return await _post(bench, server["token"], way, asking)


def document(answer: OutboundResponse) -> dict[str, Any]:
    """The JSON object of an answer; `CheckFailed` for anything else."""
    try:
        found: dict[str, Any] = msgspec.json.decode(answer.body, type=dict[str, Any])
    except msgspec.MsgspecError:
        raise CheckFailed(f"an answer with HTTP {answer.status} is no JSON object") from None
    return found


def told(answer: OutboundResponse) -> dict[str, str]:
    """What the headers of an answer say of rate limits."""
    return {name: value for name, value in answer.headers if name.startswith(_TOLD)}


async def _server(bench: Bench, account: Mapping[str, Any], **config: Any) -> dict[str, Any]:
    path = f"/integrated-account/{account['id']}/mcp"
    return await bench.create(path, {"name": "failures", "config": config})


async def _arrived(bench: Bench, name: str, before: int) -> int:
    """How many there are once one more has come: a busy lab may read it late."""
    for _ in range(LOOKS):
        found = await _requests(bench, name)
        if found > before:
            return found
        await asyncio.sleep(LOOK_S)
    return before


async def _requests(bench: Bench, name: str) -> int:
    """How many requests for that fault the lab saw; a fault's calls follow one another."""
    targets = re.compile(rf"/failures(?:/|\?failure=){re.escape(name)}(?:&|$)")
    return sum(targets.match(seen.target) is not None for seen in await bench.lab.seen())


async def _post(bench: Bench, token: str, way: Way, asking: Asking) -> OutboundResponse:
    tool = TOOLS[asking.method]
    params: dict[str, Any] = {"name": tool, "arguments": asking.arguments}
    if way == "modern":
        params["_meta"] = _META
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    headers = (("Content-Type", "application/json"), *_headers(way, tool))
    return await bench.send("POST", f"/mcp/{token}", headers, msgspec.json.encode(body))


def _headers(way: Way, tool: str) -> tuple[tuple[str, str], ...]:
    if way == "raw":
        return (("Accept", "application/json"),)
    accept = ("Accept", "application/json, text/event-stream")
    if way == "legacy":
        return (accept, ("MCP-Protocol-Version", LEGACY_DEFAULT))
    named = ("Mcp-Method", "tools/call"), ("Mcp-Name", tool)
    return (accept, ("MCP-Protocol-Version", MODERN), *named)


async def _audit(bench: Bench, server: Mapping[str, Any]) -> tuple[FailureAudit, ...]:
    query = f"tenant={server['tenant']}&server={server['id']}&oldest_first=true"
    answer = await bench.manage("GET", f"/audit?{query}")
    rows: Sequence[_Seen] = msgspec.json.decode(answer.body, type=_Rows).result
    return tuple(
        FailureAudit(row.phase, row.outcome or row.reason, row.http_status, row.upstream_status)
        for row in rows
        if row.phase != "event"
    )
