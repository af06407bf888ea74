"""Failure modes: what each fault does to a call."""

from mcpassport.reference.document import Node, Table
from mcpassport.reference.inputs import Context
from mcpassport.reference.writing import callout, table

_TOOL = "200, `isError`"


def build(context: Context) -> tuple[Node, ...]:
    """The claims, and the table as designed."""
    return (
        *context.claims("FAI-01", "FAI-02", "FAI-03", "FAI-04"),
        callout(
            "This table is the design, not the output of a run: no failure run has been made with "
            "this build.",
            "warning",
        ),
        _table(),
    )


def _table() -> Table:
    rows = (
        (
            "Upstream 429",
            "429 or 200 ([two channels](#429-on-two-channels))",
            "`rate_limited`",
            "1",
        ),
        ("Upstream 401, 403", _TOOL, "`upstream_unauthorized`", "1"),
        ("Upstream other 4xx", _TOOL, "`upstream_rejected`", "1"),
        ("Upstream 5xx", _TOOL, "`upstream_failed`", "1"),
        ("Upstream redirect", _TOOL, "`upstream_redirect`", "1"),
        ("Upstream does not answer in time", _TOOL, "`upstream_timeout`", "1"),
        (
            "No connection, or broken while reading (partial page)",
            _TOOL,
            "`upstream_unreachable`",
            "at most 1",
        ),
        ("Malformed payload, wrong content type", _TOOL, "`malformed_upstream_response`", "1"),
        ("Body over the cap", _TOOL, "`response_too_large`", "1"),
        ("Error carried by a 2xx", _TOOL, "`upstream_reported_error`", "1"),
        ("Address not allowed", _TOOL, "`address_forbidden`", "0"),
        ("Arguments break the schema", _TOOL, "`invalid_arguments`", "0"),
        ("Tool unknown or filtered out", "200", "`unknown_tool`", "0"),
        ("Token unknown, revoked, expired", "404", "`not_found`", "0"),
        (
            "Factor missing or wrong",
            "403",
            "`second_factor_required`, `second_factor_invalid`",
            "0",
        ),
        ("Own limit reached", "429 or 200", "`gateway_rate_limited`", "0"),
        ("Store or keys cannot be read", "503", "`store_unavailable`", "0"),
        ("Audit intent cannot be written", _TOOL, "`audit_unavailable`", "0"),
        ("Audit outcome cannot be written", _TOOL, "`audit_unavailable`, result withheld", "1"),
    )
    columns = ("Fault", "HTTP status", "Type", "Upstream requests")
    return table("Fault and answer, as designed", columns, rows)
