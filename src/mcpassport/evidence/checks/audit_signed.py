"""Checks of Audit trail: what is signed by the hour, and what is told by webhook."""

import asyncio
import base64
import hmac
import json
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from mcpassport.audit.chain import link, verify
from mcpassport.audit.checkpoint import problem_of
from mcpassport.audit.export import from_lines
from mcpassport.evidence.bench import Bench, Grant, document_of
from mcpassport.evidence.finding import CheckFailed, Finding
from mcpassport.evidence.probe import CALLS, GET
from mcpassport.evidence.upstream import Says, Seen
from mcpassport.records.audit import ChainedRow, Checkpoint
from mcpassport.store.protocol import GENESIS

HOUR_S: Final = 3_600
RETRY_S: Final = 30
LOOKS: Final = 200
LOOK_S: Final = 0.05
HOOK: Final = "/evidence-hook"
OTHER_KEY: Final = "0" * 64


async def signed_hourly(bench: Bench, finding: Finding) -> None:
    """AUD-06. Control: a chain that was rewritten as a whole is whole by itself."""
    grant = await bench.grant()
    await bench.lab.answer()
    for _ in range(2):
        await bench.call(grant, GET, **CALLS[GET])
    rows = await _rows(bench, grant)
    await bench.sandbox.step(HOUR_S + 1)
    checkpoint = await _checkpoint(bench, grant, rows[-1].sequence)
    published = str(document_of(await bench.send("GET", "/audit/key")).get("fingerprint"))
    problem = problem_of(checkpoint, published)
    finding.expect(
        not problem, "an hour later its last row is signed by the published key", problem
    )
    finding.expect(_has(rows, checkpoint), "the signature is over the hash of that row")
    forged = msgspec.structs.replace(checkpoint, hash="0" * 64)
    finding.expect(bool(problem_of(forged, published)), "a changed checkpoint does not verify")
    other = bool(problem_of(checkpoint, OTHER_KEY))
    finding.expect(other, "nor does one of another key")
    rewritten = _rewritten(rows)
    finding.expect(not _has(rewritten, checkpoint), "a rewritten chain is not the one signed")
    finding.expect(not _has(rows[:-1], checkpoint), "nor is one that was cut")
    finding.control = verify(rewritten) is None and verify(rows) is None


def _has(rows: Sequence[ChainedRow], checkpoint: Checkpoint) -> bool:
    return any(
        (row.sequence, row.hash.hex()) == (checkpoint.sequence, checkpoint.hash) for row in rows
    )


def _rewritten(rows: Sequence[ChainedRow]) -> list[ChainedRow]:
    """The same chain with another first row, and every hash made anew."""
    made: list[ChainedRow] = []
    previous = GENESIS
    for row in rows:
        body = row.body if made else row.body + b" "
        previous = link(previous, row.sequence, body)
        made.append(msgspec.structs.replace(row, body=body, hash=previous))
    return made


async def _rows(bench: Bench, grant: Grant) -> list[ChainedRow]:
    path = f"/audit?tenant={grant.tenant}&format=ndjson&oldest_first=true"
    return from_lines((await bench.manage("GET", path)).body)


async def _checkpoint(bench: Bench, grant: Grant, sequence: int) -> Checkpoint:
    """The newest one, once it is of that row; the job that signs needs a moment."""
    path = f"/audit/checkpoint?tenant={grant.tenant}"
    for _ in range(LOOKS):
        found = document_of(await bench.manage("GET", path)).get("result") or []
        if found and found[0]["sequence"] >= sequence:
            return msgspec.convert(found[0], Checkpoint)
        await asyncio.sleep(LOOK_S)
    raise CheckFailed("no checkpoint was signed")


async def told(bench: Bench, finding: Finding) -> None:
    """AUD-15. Control: a changed body does not fit its signature."""
    grant = await bench.grant()
    await bench.lab.answer(Says(path=HOOK, status=500), Says())
    hook = await bench.webhook(grant.tenant, bench.lab.origin + HOOK)
    path = f"/integrated-account/{grant.account}/mcp/{grant.server}"
    await bench.manage("PATCH", path, {"name": "renamed"})
    first = await _heard(bench, "webhook.create")
    await bench.lab.answer(Says(path=HOOK), Says())
    again = await _heard(bench, "webhook.create")
    same = first.header("webhook-id") == again.header("webhook-id")
    finding.expect(same, "what was not taken comes again, under the same id")
    came = await _heard(bench, "server.update")
    finding.expect(_signed(hook, came), "each try is signed (HMAC-SHA256 over id, time and body)")
    body = json.loads(came.body)
    ids = {"tenant": grant.tenant, "subject": grant.server}
    held = body.keys() == {"type", "timestamp", "data"} and ids.items() <= body["data"].items()
    finding.expect(held, "it says what was done to which object, by ids", body)
    named = b"renamed" in came.body or grant.credential.encode() in came.body
    finding.expect(not named, "and nothing else of it")
    await bench.manage("DELETE", f"/webhook/{hook['id']}?tenant={grant.tenant}")
    finding.control = not _signed(hook, msgspec.structs.replace(came, body=came.body + b" "))


async def _heard(bench: Bench, action: str) -> Seen:
    """The newest request of the webhook with that action; time passes until it has come."""
    for _ in range(LOOKS):
        for each in reversed(await bench.lab.seen()):
            if each.target == HOOK and json.loads(each.body)["type"] == action:
                return each
        await bench.sandbox.step(RETRY_S)
        await asyncio.sleep(LOOK_S)
    raise CheckFailed(f"the webhook was not told of {action}")


def _signed(hook: dict[str, Any], seen: Seen) -> bool:
    """As Standard Webhooks 1.0.0 says."""
    key = base64.b64decode(hook["secret_key"].removeprefix("whsec_"))
    parts = [seen.header(name).encode() for name in ("webhook-id", "webhook-timestamp")]
    mac = hmac.digest(key, b".".join([*parts, seen.body]), "sha256")
    return seen.header("webhook-signature") == f"v1,{base64.b64encode(mac).decode()}"
