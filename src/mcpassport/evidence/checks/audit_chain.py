"""Checks of Audit trail: what rows never hold, the chain they make, and who is only counted."""

import asyncio
import json
import sys
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from mcpassport.audit.chain import verify
from mcpassport.audit.export import from_lines
from mcpassport.evidence.bench import Bench, Grant, Message, document_of, factor
from mcpassport.evidence.finding import Finding
from mcpassport.evidence.probe import CALLS, CREATE, GET
from mcpassport.evidence.scan import found_in, halves
from mcpassport.evidence.traces import run_of
from mcpassport.evidence.upstream import Says
from mcpassport.records.audit import ChainedRow
from mcpassport.reference.samples import verify_audit

LONGEST: Final = 128
"""Of a name that the caller chooses."""
STRANGER: Final = ("X-Forwarded-For", "203.0.113.77")
NETWORK: Final = "203.0.113.0/24"
ASKED: Final = 5
LOOKS: Final = 50
LOOK_S: Final = 0.1
SCRIPT_S: Final = 60


async def no_contents(bench: Bench, finding: Finding) -> None:
    """AUD-03. Control: a row with one of them in it is found by the same search."""
    grant = await bench.grant(require_api_token_auth=True)
    token = (await bench.api_token("factor", grant.tenant))["token"]
    said = {kind: bench.canary(kind) for kind in ("argument", "result", "error")}
    name = f"{'n' * LONGEST}\x00\x1b[31m{'n' * LONGEST}"
    result = json.dumps({"id": said["result"]}).encode()
    failure = json.dumps({"message": said["error"]}).encode()
    for says in (Says(body=result), Says(status=500, body=failure)):
        await bench.lab.answer(says)
        for message in (
            Message.call(CREATE, {"text": said["argument"]}),
            Message.call(GET, {"id": said["argument"], "undeclared": said["argument"]}),
            Message.call(GET, {"id": said["argument"]}, "modern"),
            Message.call(name, {"id": said["argument"]}),
            Message(name, {}),
        ):
            await bench.rpc(grant.address, message, factor(token))
    rows = await _chain(bench, grant)
    secrets = {**said, "token": grant.token, "api token": token, "credential": grant.credential}
    told = _told(rows, secrets.values())
    finding.expect(not told, f"{len(rows)} rows hold none of {', '.join(secrets)}", told)
    fields = [text for row in rows for text in _texts(msgspec.json.decode(row.body))]
    longest = max(map(len, fields))
    named = [text for text in fields if text.startswith("n" * 9)]
    short = bool(named) and all(len(text) <= LONGEST and text.isprintable() for text in named)
    finding.expect(short, f"chosen names: at most {LONGEST} printable characters", longest)
    planted = ChainedRow(grant.tenant, 1, bytes(32), json.dumps(said).encode())
    finding.control = len(_told([planted], said.values())) == len(said)


async def one_chain(bench: Bench, finding: Finding) -> None:
    """AUD-05. Control: the chain as it is, is whole."""
    grant = await bench.grant()
    await bench.lab.answer()
    for _ in range(3):
        await bench.call(grant, GET, **CALLS[GET])
    rows = await _chain(bench, grant)
    middle = len(rows) // 2
    ways: dict[str, Callable[[], list[ChainedRow]]] = {
        "a changed row": lambda: _with(rows, middle, _changed(rows[middle])),
        "a removed row": lambda: rows[:middle] + rows[middle + 1 :],
        "an inserted row": lambda: [*rows[:middle], _changed(rows[middle]), *rows[middle:]],
        "two rows in another order": lambda: _with(
            _with(rows, middle, rows[middle + 1]), middle + 1, rows[middle]
        ),
        "a row of another tenant": lambda: _with(
            rows, middle, msgspec.structs.replace(rows[middle], chain="other")
        ),
    }
    for way, made in ways.items():
        broken = verify(made())
        where = broken.sequence if broken else None
        finding.expect(where == middle + 1, f"{way}: found, at row {middle + 1}", where)
    finding.control = len(rows) > 6 and verify(rows) is None  # noqa: PLR2004 - three calls


async def by_script(bench: Bench, finding: Finding) -> None:
    """AUD-10. Control: the script finds a chain whose row was changed."""
    grant = await bench.grant()
    await bench.lab.answer()
    await bench.call(grant, GET, **CALLS[GET])
    token = (await bench.api_token("tenant", grant.tenant))["token"]
    script = verify_audit.__file__
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, script, bench.sandbox.origin, token),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(SCRIPT_S):
        said, _ = await process.communicate()
    path = "/audit?oldest_first=true&limit=200"
    rows = document_of(await bench.manage("GET", path, token=token))["result"]
    counted = str(len(rows)).encode() in said
    fact = f"the script of this reference recomputes {len(rows)} rows with the tenant's token"
    finding.expect(process.returncode == 0 and counted, fact, said)
    rows[1]["ts"] = "2020-01-01T00:00:00Z"
    try:
        verify_audit.check([rows])
    except SystemExit as stopped:
        finding.control = "breaks at row 2" in str(stopped)


async def only_counted(bench: Bench, finding: Finding) -> None:
    """AUD-09. Control: a call that is admitted is in its tenant's chain, and not there."""
    grant = await bench.grant()
    await bench.lab.answer()
    before = len(await _chain(bench, grant))
    ping = Message("ping", {})
    for _ in range(ASKED):
        await bench.rpc("/mcp/mcpp_srv_unknown", ping, STRANGER)
    await bench.rpc(grant.address, ping, STRANGER)
    rows: list[dict[str, Any]] = []
    for _ in range(LOOKS):
        found = document_of(await bench.manage("GET", "/audit/strangers?limit=200"))
        rows = [row for row in found["result"] if row.get("network") == NETWORK]
        if sum(row["count"] for row in rows) >= ASKED:
            break
        await asyncio.sleep(LOOK_S)
    counts = {row["reason"]: row["count"] for row in rows}
    finding.expect(
        sum(row["count"] for row in rows) == ASKED and set(counts) == {"unknown_token"},
        f"{ASKED} requests with an unknown token: counted by second, reason and {NETWORK}",
        counts,
    )
    whole = json.dumps(rows)
    finding.expect(STRANGER[1] not in whole, "the address itself is not recorded")
    finding.expect("mcpp_srv" not in whole, "nor is the token")
    await bench.call(grant, GET, **CALLS[GET])
    finding.control = len(await _chain(bench, grant)) > before and grant.server not in whole


async def _chain(bench: Bench, grant: Grant) -> list[ChainedRow]:
    path = f"/audit?tenant={grant.tenant}&format=ndjson&oldest_first=true"
    return from_lines((await bench.manage("GET", path)).body)


def _told(rows: Sequence[ChainedRow], secrets: Any) -> list[str]:
    """Which of the secrets are in the rows, in any form."""
    whole = b"\n".join(row.body for row in rows)
    return [each for each in secrets if found_in(whole, list(halves(run_of(each))))]


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for each in value.values() for text in _texts(each)]
    if isinstance(value, list):
        return [text for each in value for text in _texts(each)]
    return [value] if isinstance(value, str) else []


def _with(rows: Sequence[ChainedRow], place: int, row: ChainedRow) -> list[ChainedRow]:
    return [*rows[:place], row, *rows[place + 1 :]]


def _changed(row: ChainedRow) -> ChainedRow:
    return msgspec.structs.replace(row, body=row.body.replace(b'"ts":"2', b'"ts":"1', 1))
