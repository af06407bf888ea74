"""Checks of Failure modes: the table is a run's output, and no failure shows what is inside."""

from typing import Any, Final

import msgspec
from msgspec.structs import replace

from mcpassport.errors import MEANINGS
from mcpassport.evidence.bench import Bench
from mcpassport.evidence.claims.failures import EXPECTED, FAILURES, Asking, Deed, Failure
from mcpassport.evidence.failures import (
    ask,
    difference,
    document,
    lasting,
    open_account,
    run,
    set_answers,
)
from mcpassport.evidence.finding import Finding
from mcpassport.records.evidence import FailureRow

PLANTED: Final = "evidence-planted-upstream-text"
PROBED: Final = "not-found"
SHOWN_CHARS: Final = 500
"""Of a message that the integration maps (FAI-01)."""
STATUSES: Final = (302, 400, 401, 404, 429, 500, 503)


async def failure_table(bench: Bench, finding: Finding) -> None:
    """FAI-04. Control: an upstream that fails otherwise than its row says gives another row."""
    account = await open_account(bench)
    bench.failures = await run(bench, account)
    for row, expected in zip(bench.failures.rows, EXPECTED, strict=True):
        differs = difference(msgspec.to_builtins(lasting(row)), msgspec.to_builtins(expected))
        finding.expect(
            differs is None,
            f"{row.name}: {summary(row)}" + (f"; as designed, but at {differs}" if differs else ""),
        )
    failure = FAILURES[PROBED]
    planted = replace(failure, upstream=(replace(failure.upstream[0], status=500),))
    table = await run(bench, account, {PROBED: planted})
    finding.control = lasting(table.rows[0]) != failure.row(PROBED)


def summary(row: FailureRow) -> str:
    """A row in short: HTTP statuses, upstream requests and audit rows of both eras."""
    answers = (*row.legacy, *row.modern)
    statuses = ", ".join(str(answer.status) for answer in answers)
    requests = sum(answer.requests for answer in answers)
    rows = sum(len(answer.audit) for answer in answers)
    return f"HTTP {statuses}; {requests} upstream requests, {rows} audit rows"


async def nothing_shown(bench: Bench, finding: Finding) -> None:
    """FAI-01. Control: a message that the integration maps does show, so a search finds it."""
    account = await open_account(bench)
    secrets = (PLANTED, bench.lab.origin, "evidence-failure-credential", "Traceback", 'File "')
    failures = {str(status): _failing(status) for status in STATUSES}
    mapped = Failure(
        "mapped",
        (_deed("mapped", 200, {"ok": False, "why": PLANTED * 100}),),
        (Asking("reporting", {"id": "mapped"}),),
        (),
        (),
    )
    await set_answers(bench, account, (*failures.values(), mapped))
    types = {meaning.type for meaning in MEANINGS.values()}
    for status, failure in failures.items():
        answer = await ask(bench, account, "legacy", failure.calls[0])
        kind = _envelope(document(answer)).get("type")
        shown = [secret for secret in secrets if secret.encode() in answer.body]
        finding.expect(kind in types, f"upstream {status}: type {kind} of the table")
        finding.expect(not shown, f"upstream {status}: neither its text, its URL nor a credential")
    answer = await ask(bench, account, "legacy", mapped.calls[0])
    message = str(_envelope(document(answer)).get("message", ""))
    finding.expect(len(message) == SHOWN_CHARS, f"a mapped message: {SHOWN_CHARS} characters")
    finding.control = PLANTED in message


def _failing(status: int) -> Failure:
    name = f"shows-{status}"
    body = {"error": PLANTED, "trace": 'Traceback: File "app.py"'}
    return Failure(name, (_deed(name, status, body),), (Asking("get", {"id": name}),), (), ())


def _deed(name: str, status: int, body: dict[str, Any]) -> Deed:
    headers = (("Content-Type", "application/json"), ("X-Detail", PLANTED), ("Location", PLANTED))
    text = msgspec.json.encode(body).decode()
    return Deed(f"/failures/{name}", status, headers, text)


def _envelope(answer: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = answer.get("result", {}).get("_meta", {}).get("mcpassport/error", {})
    return found
