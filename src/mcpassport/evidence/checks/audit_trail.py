"""Checks of Audit trail: every call has its rows, with every field, in a chain that is whole."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from mcpassport.audit.chain import verify
from mcpassport.audit.export import from_lines
from mcpassport.evidence.absence import away
from mcpassport.evidence.bench import Bench, Grant, Headers, Message, factor, outcome_of
from mcpassport.evidence.finding import CheckFailed, Finding
from mcpassport.evidence.probe import CALLS, COUNT, CREATE, GET
from mcpassport.evidence.upstream import Says
from mcpassport.records.audit import ChainedRow
from mcpassport.store import AUDIT_FILE

UNRECORDED: Final = "audit_unavailable"
LOOKS: Final = 600
LOOK_S: Final = 0.1
WHO: Final = ("ts", "request_id", "tenant", "account", "server", "integration")
ASKED: Final = (*WHO, "bytes_in", "rpc_method", "tool", "protocol_version")
CLIENT: Final = ("client_name", "client_version")
CALLED: Final = (
    *(*ASKED, "resource", "method", "api_token_id", "factors", "fingerprint", "tool_digest"),
    *("surface_digest", "process"),
)
ENDED: Final = ("duration_ms",)
ANSWERED: Final = (*ENDED, "http_status", "bytes_out")
SENT: Final = (*ANSWERED, "upstream_ms")
HEARD: Final = (*SENT, "upstream_status")
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Call:
    """A call, and what must be in the trail of it."""

    message: Message
    comes_to: str
    says: Says
    fields: tuple[str, ...] = HEARD
    """What the outcome row has beside `CALLED`; of a refused call, all that its row has."""
    refused: str = ""
    """The reason in its refusal row, if it must be refused before its intent."""


async def every_call(bench: Bench, finding: Finding) -> None:
    """AUD-01. Control: with one row taken out, the call without outcome and the gap are found."""
    grant = await bench.grant(require_api_token_auth=True)
    token = await bench.api_token("factor", grant.tenant)
    calls = list(_calls())
    late = [call.comes_to for call in calls if not await _recorded(bench, grant, call, token)]
    finding.expect(not late, f"{len(calls)} answers came after their last row was there", late)
    hung = Message.call(CREATE, CALLS[CREATE], "modern")
    async with bench.held(grant.address, hung, factor(token["token"])):
        open_rows = _open(_decoded(await _trail(bench, grant), grant))
        finding.expect(len(open_rows) == 1, "while the upstream has a call, its intent is there")
    calls.append(Call(hung, "cancelled", Says(), ENDED))
    await _settled(bench, grant)
    if bench.full:
        async with bench.held(grant.address, hung, factor(token["token"])):
            await bench.sandbox.kill()
        await bench.sandbox.revive()
        calls.append(Call(hung, "unknown", Says(), ()))
        await _settled(bench, grant)
    rows = await _trail(bench, grant)
    admitted = sum(not call.refused for call in calls)
    wrong = _wrong(rows, grant, calls)
    outcomes = ", ".join(dict.fromkeys(call.comes_to for call in calls))
    fact = f"{len(calls)} calls ({outcomes}): {admitted} intents, {admitted} outcomes, every field"
    finding.expect(not wrong, f"{fact}, and {len(rows)} rows in a whole chain", wrong)
    last = next(row for row in reversed(rows) if b'"phase":"outcome"' in row.body)
    without = _wrong([row for row in rows if row is not last], grant, calls)
    finding.control = any("intents" in each for each in without) and (
        last is rows[-1] or any("chain" in each for each in without)
    )


def _calls() -> Iterator[Call]:
    """Successes, failures of every kind, and refusals."""
    get = Message.call(GET, CALLS[GET], "modern")
    yield Call(get, "ok", Says())
    yield Call(Message.call(CREATE, CALLS[CREATE]), "ok", Says())
    yield Call(get, "upstream_failed", Says(status=500))
    yield Call(get, "rate_limited", Says(status=429))
    yield Call(get, "malformed_upstream_response", Says(body=b"<html>"))
    yield Call(get, "upstream_unreachable", Says(fault={"kind": "close"}), SENT)
    yield Call(get, "upstream_unreachable", Says(fault={"kind": "truncated", "bytes": 3}), SENT)
    unmapped = Says(body=b'{"count":"none"}')
    yield Call(Message.call(COUNT, CALLS[COUNT], "modern"), "expression_failed", unmapped)
    above = Message.call(GET, {"id": ".."}, "modern")
    yield Call(above, "invalid_arguments", Says(), ANSWERED)
    denied = (*ASKED, "decision", "http_status")
    for message, reason in (
        (Message.call(CREATE, {"undeclared": 1}, "modern"), "invalid_arguments"),
        (Message.call("no_such_tool", {}, "modern"), "unknown_tool"),
    ):
        yield Call(message, reason, Says(), denied, refused=reason)
    early = (*WHO, "decision", "http_status")
    yield Call(get, "second_factor_required", Says(), early, refused="factor_missing")


async def unrecorded(bench: Bench, finding: Finding) -> None:
    """AUD-02. Control: with the trail back, the same call is sent upstream and recorded."""
    grant = await bench.grant()
    await bench.lab.answer()
    with away(bench.sandbox.data / AUDIT_FILE):
        for era in ("legacy", "modern"):
            refused = outcome_of(await bench.rpc(grant.address, Message.call(GET, CALLS[GET], era)))
            fact = f"no intent can be written, {era}: {UNRECORDED}"
            finding.expect(refused == UNRECORDED, fact, refused)
    sent = len(await bench.lab.seen())
    finding.expect(sent == 0, "nothing was sent upstream", sent)
    again = await bench.call(grant, GET, **CALLS[GET])
    rows = [row["phase"] for row in _decoded(await _trail(bench, grant), grant)]
    calls = rows[-2:] == ["intent", "outcome"]
    finding.control = again == "ok" and len(await bench.lab.seen()) == 1 and calls


async def _recorded(bench: Bench, grant: Grant, call: Call, token: Mapping[str, Any]) -> bool:
    """Make the call; whether it came to what it must and has its last row with its answer."""
    before = len(_ended(_decoded(await _trail(bench, grant), grant)))
    await bench.lab.answer(call.says)
    shown: Headers = () if call.refused == "factor_missing" else (factor(token["token"]),)
    outcome = outcome_of(await bench.rpc(grant.address, call.message, *shown))
    if outcome != call.comes_to:
        raise CheckFailed(f"a call that comes to {call.comes_to} came to {outcome}")
    return len(_ended(_decoded(await _trail(bench, grant), grant))) == before + 1


async def _trail(bench: Bench, grant: Grant) -> list[ChainedRow]:
    """The tenant's chain, oldest row first."""
    path = f"/audit?tenant={grant.tenant}&format=ndjson&oldest_first=true"
    return from_lines((await bench.manage("GET", path)).body)


async def _settled(bench: Bench, grant: Grant) -> None:
    """Wait until no call is open."""
    for _ in range(LOOKS):
        if not _open(_decoded(await _trail(bench, grant), grant)):
            return
        await asyncio.sleep(LOOK_S)


def _decoded(rows: Sequence[ChainedRow], grant: Grant) -> list[Row]:
    """The rows of that server."""
    found = [msgspec.json.decode(row.body, type=dict[str, Any]) for row in rows]
    return [row for row in found if row.get("server") == grant.server]


def _ended(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row["phase"] != "intent"]


def _open(rows: Sequence[Row]) -> set[str]:
    closed = {row["request_id"] for row in rows if row["phase"] == "outcome"}
    return {row["request_id"] for row in rows if row["phase"] == "intent"} - closed


def _wrong(rows: Sequence[ChainedRow], grant: Grant, calls: Sequence[Call]) -> list[str]:
    """What the trail lacks or has too much; calls were made one after the other."""
    broken = verify(rows)
    found = [] if broken is None else [f"chain: {broken.reason}"]
    mine = _decoded(rows, grant)
    intents = [row for row in mine if row["phase"] == "intent"]
    outcomes = {row["request_id"]: row for row in mine if row["phase"] == "outcome"}
    refusals = [row for row in mine if row["phase"] == "refusal"]
    admitted = [call for call in calls if not call.refused]
    refused = [call for call in calls if call.refused]
    counts = (len(intents), sum(row["phase"] == "outcome" for row in mine), len(refusals))
    if counts != (len(admitted), len(admitted), len(refused)):
        found.append("{} intents, {} outcomes, {} refusals".format(*counts))
    for call, row in zip(admitted, intents, strict=False):
        client = CLIENT if call.message.era == "modern" else ()
        outcome = outcomes.get(row["request_id"], {})
        found += _lacks("intent", row, (*CALLED, *client, "decision"), call)
        found += _lacks("outcome", outcome, (*CALLED, *client, *call.fields), call)
        if outcome.get("outcome") != call.comes_to:
            found.append(f"{call.comes_to} is told as {outcome.get('outcome')}")
    for call, row in zip(refused, refusals, strict=False):
        found += _lacks("refusal", row, call.fields, call)
        if row.get("reason") != call.refused:
            found.append(f"{call.refused} is told as {row.get('reason')}")
    return found


def _lacks(phase: str, row: Row, fields: Sequence[str], call: Call) -> list[str]:
    missing = [name for name in fields if name not in row]
    if "tool" in fields and row.get("tool") != call.message.params["name"]:
        missing.append("the tool's name")
    return [f"{phase} of {call.comes_to} lacks {', '.join(missing)}"] if missing else []
