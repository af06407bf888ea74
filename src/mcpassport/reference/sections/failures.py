"""Failure modes: what each fault does to a call."""

from mcpassport.reference.document import Node, Table
from mcpassport.reference.inputs import Context
from mcpassport.reference.writing import callout, prose, table

_TOOL = "200, `isError`"
_FOLDED = "refusal, [folded](#AUD-11)"
_ROWS = (
    ("Upstream 429", "429 or 200 ([two channels](#429-on-two-channels))", "`rate_limited`", "1"),
    ("Upstream 401", _TOOL, "`upstream_unauthorized`", "1"),
    ("Upstream 403 and other 4xx", _TOOL, "`upstream_rejected`", "1"),
    ("Upstream 5xx", _TOOL, "`upstream_failed`", "1"),
    ("Upstream redirect", _TOOL, "`upstream_redirect`", "1"),
    (
        "Upstream does not connect or answer in time (timeout)",
        _TOOL,
        "`upstream_timeout`",
        "0 or 1",
    ),
    ("No connection", _TOOL, "`upstream_unreachable`", "0"),
    ("Connection breaks, body incomplete (partial page)", _TOOL, "`upstream_unreachable`", "1"),
    (
        "Malformed payload; another media type where JSON is read; a block that cannot be made",
        _TOOL,
        "`malformed_upstream_response`",
        "1",
    ),
    (
        "Stream cut within an event, or an event that cannot be read",
        _TOOL,
        "`malformed_upstream_response`",
        "1",
    ),
    ("Stream that stalls", _TOOL, "`upstream_timeout`", "1"),
    ("Stream with too many or too large events", _TOOL, "`response_too_large`", "1"),
    ("Answer over 1 MiB of a call with progress", _TOOL, "`response_too_large`", "1"),
    ("Body over the cap", _TOOL, "`response_too_large`", "1"),
    ("Error carried by a 2xx", _TOOL, "`upstream_reported_error`", "1"),
    ("An expression fails on the answer", _TOOL, "`expression_failed`", "1"),
    ("Upstream address not allowed", _TOOL, "`address_forbidden`", "0"),
    ("Path value, header value or cursor refused", _TOOL, "`invalid_arguments`", "0"),
)
"""Faults after the audit intent: each leaves an intent and an outcome."""
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
    """The claims, and the tables as designed."""
    return (
        *context.claims("FAI-01", "FAI-02", "FAI-03", "FAI-05", "FAI-04"),
        callout(
            "These tables are the design, not the output of a run: no failure run has been made "
            "with this build.",
            "warning",
        ),
        _table(),
        table(
            "Faults before the audit intent; no upstream request",
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


def _table() -> Table:
    columns = ("Fault", "HTTP status", "`type`", "Upstream requests")
    return table("Faults after the audit intent; audit rows: intent and outcome", columns, _ROWS)
