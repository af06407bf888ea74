"""Failure modes: what each fault does to a call, from a failure run where there is one."""

from collections.abc import Iterator, Sequence

from mcpassport.evidence.claims.failures import EXPECTED, HURRIED_TIMEOUT_S, VOLATILE
from mcpassport.limits import LEGACY_DEFAULT, MODERN_REVISIONS
from mcpassport.records.evidence import FailureAnswer, FailureRow, FailureTable, Volatile
from mcpassport.reference.document import Node, Table
from mcpassport.reference.facts import code_list, safe
from mcpassport.reference.inputs import Context
from mcpassport.reference.writing import callout, prose, table

_TOOL = "200, `isError`"
_FOLDED = "refusal, [folded](#AUD-11)"
_OTHER = (
    ("No connection", _TOOL, "`upstream_unreachable`", "0"),
    ("Upstream does not accept the connection in time", _TOOL, "`upstream_timeout`", "0"),
    ("A block of the answer that cannot be made", _TOOL, "`malformed_upstream_response`", "1"),
    (
        "Stream cut within an event, or an event that cannot be read",
        _TOOL,
        "`malformed_upstream_response`",
        "1",
    ),
    ("Stream that stalls", _TOOL, "`upstream_timeout`", "1"),
    ("Stream with too many or too large events", _TOOL, "`response_too_large`", "1"),
    ("Answer over 1 MiB of a call with progress", _TOOL, "`response_too_large`", "1"),
    ("Upstream address not allowed", _TOOL, "`address_forbidden`", "0"),
    ("Path value, header value or cursor refused", _TOOL, "`invalid_arguments`", "0"),
)
"""Faults after the audit intent that the lab does not play: each leaves an intent and an outcome.
"""
_EARLY = (
    ("Arguments break the schema", _TOOL, "`invalid_arguments`", "refusal"),
    (
        "Tool unknown or filtered out",
        "200, JSON-RPC error -32602",
        "`unknown_tool`",
        "refusal",
    ),
    (
        "Client capability not declared",
        "400, JSON-RPC error -32021; older revisions 200, `isError`",
        "`missing_capability`",
        "refusal",
    ),
    ("No credential for the account", _TOOL, "`reauthorization_required`", "refusal"),
    (
        "The account's token has run out, and its provider gives no new one now",
        _TOOL,
        "`credential_refresh_failed`",
        "refusal",
    ),
    ("Token unknown", "404", "`not_found`", "none; counted"),
    ("Token revoked, suspended or expired", "404", "`not_found`", _FOLDED),
    (
        "Factor missing or wrong",
        "403",
        "`second_factor_required`, `second_factor_invalid`",
        "refusal; folded when there are many",
    ),
    ("`Origin` or `Host` not listed", "403", "`origin_forbidden`", "none; counted"),
    ("Own limit reached", "429 or 200", "`gateway_rate_limited`", _FOLDED),
    ("Store or keys cannot be read, before admission", "503", "`store_unavailable`", "counted"),
    ("Store or keys cannot be read, after admission", _TOOL, "`store_unavailable`", "refusal"),
    ("Audit intent cannot be written", _TOOL, "`audit_unavailable`", "none"),
)
"""Faults before the upstream request: no request is made."""


def build(context: Context) -> tuple[Node, ...]:
    """The claims, the table of the failure run, and the faults that it does not play."""
    return (
        *context.claims("FAI-01", "FAI-02", "FAI-03", "FAI-05", "FAI-04"),
        *_played(context.inputs.known.failures),
        table(
            "Other faults after the audit intent, as designed; audit rows: intent and outcome",
            ("Fault", "HTTP status", "`type`", "Upstream requests"),
            _OTHER,
        ),
        table(
            "Faults before the audit intent, as designed; no upstream request",
            ("Fault", "HTTP status", "`type`", "Audit row"),
            _EARLY,
        ),
        prose(
            "Three faults end otherwise. If the audit outcome cannot be written, the caller gets "
            "`audit_unavailable` with `retry.safe` false: the request was sent, its result is "
            "withheld. If a caller of 2026-07-28 closes the connection, its call is cancelled, the "
            "connection to the upstream API is closed, and the outcome row says `cancelled`; calls "
            "of older revisions run to their end. If a process is killed during a call, the "
            "caller gets no answer, and another process, or the same after its restart, closes the "
            "intent with the outcome `unknown`, once: each serving process holds a lease that it "
            "renews, and its intents are closed only after that lease has lapsed (10 s)."
        ),
    )


def _played(run: FailureTable | None) -> Iterator[Node]:
    """The rows of the run, or as designed without one."""
    if run is None:
        yield callout(
            "The first table is the design, not the output of a run: no failure run counts for "
            "this build, these settings and this catalog.",
            "warning",
        )
        yield _table("Faults of the upstream API, as designed", EXPECTED)
        run = FailureTable(volatile=VOLATILE, hurried_timeout_s=HURRIED_TIMEOUT_S, rows=())
    else:
        yield _table("Faults of the upstream API: output of the failure run", run.rows)
    yield prose(
        "The upstream is the failure lab, which plays each fault on demand; of faults that take "
        "several calls the answers stand in order. Slow faults are tried on a method with "
        f"`timeout_s` {run.hurried_timeout_s:g}, so that a run takes seconds; every other limit is "
        "this deployment's. The run's file, `evidence.json`, holds each answer whole. Pages are "
        "passed on as they come: a record that the upstream API repeats or leaves out is not seen, "
        "and a cursor that comes back unchanged is noted in the answer."
    )
    yield _volatile(run.volatile)


def _table(title: str, rows: Sequence[FailureRow]) -> Table:
    columns = (
        *("Fault", f"HTTP, {LEGACY_DEFAULT}", f"HTTP, {MODERN_REVISIONS[0]}", "Answer"),
        *("Rate-limit headers", "Upstream requests", "Audit rows"),
    )
    return table(title, columns, [_cells(row) for row in rows])


def _cells(row: FailureRow) -> tuple[str, ...]:
    return (
        row.fault,
        _in_order([str(answer.status) for answer in row.legacy]),
        _in_order([str(answer.status) for answer in row.modern]),
        _in_order([_answer(answer) for answer in row.legacy]),
        _headers(row.legacy),
        _in_order([str(answer.requests) for answer in row.legacy]),
        _in_order([_audit(answer) for answer in row.legacy]),
    )


def _in_order(texts: Sequence[str]) -> str:
    """One text where all are alike, else all of them."""
    return texts[0] if len(set(texts)) == 1 else "; then ".join(texts)


def _answer(answer: FailureAnswer) -> str:
    """What an older client reads; another channel carries the same envelope."""
    result = answer.body.get("result", {})
    meta = result.get("_meta", {})
    if result.get("isError"):
        return f"`{safe(meta['mcpassport/error']['type'])}`"
    return "result, with a note" if "mcpassport/notes" in meta else "result"


def _headers(answers: Sequence[FailureAnswer]) -> str:
    told = [f"{name}: {value}" for answer in answers for name, value in answer.headers.items()]
    return code_list(told) if told else "none"


def _audit(answer: FailureAnswer) -> str:
    return ", ".join(
        f"{row.phase} `{safe(row.outcome)}`" if row.outcome else row.phase for row in answer.audit
    )


def _volatile(parts: Sequence[Volatile]) -> Table:
    rows = [(each.name, each.pattern, each.instead) for each in parts]
    return table(
        "What differs between equal runs", ("What", "Regular expression*", "Reads instead*"), rows
    )
