"""Rate limits & errors: the 429 contract, the envelope, every type, every limit."""

from collections.abc import Sequence

from mcpassport.limits import LIMITS, settable
from mcpassport.reference.document import Node, Table
from mcpassport.reference.error_types import envelope_table, types_table
from mcpassport.reference.inputs import Context
from mcpassport.reference.samples.answers import LIMITED, LIMITED_HEADERS, LIMITED_LEGACY
from mcpassport.reference.writing import code, definitions, prose, sample, subheading, table


def build(context: Context) -> tuple[Node, ...]:
    """The contract, then what an agent does with it."""
    return (
        *context.claims("LIM-01", "LIM-02", "LIM-06", "LIM-03", "LIM-05", "LIM-07", "LIM-04"),
        subheading("429 on two channels"),
        prose(
            "MCP clients of the older revisions lose their connection on an HTTP error status, so "
            "the kind of caller decides where the 429 of a tool call stands. A server may fix it "
            "with `rate_limit_errors`: `auto`, `http_429` or `tool_error`."
        ),
        _channels(),
        _headers(),
        prose(
            "A limit of this deployment is told in the same way with `type` "
            "`gateway_rate_limited`, `whose` `gateway` and `retry-after`, without the other "
            "headers. Once progress was sent, an answer has HTTP 200 and none of these headers. "
            "Requests other than tool calls get it as a JSON-RPC error, with HTTP 429 for clients "
            "of 2026-07-28 and 200 for others; inside a batch the status is always 200."
        ),
        code("Status and headers of an upstream 429, as HTTP 429", "text", LIMITED_HEADERS),
        code("Its body: raw HTTP caller, or client of 2026-07-28", "json", LIMITED),
        code("The same for an MCP client of 2025-11-25, with HTTP 200", "json", LIMITED_LEGACY),
        *_errors(),
        subheading("Limits in force"),
        prose(
            "Requests in flight and requests started are counted per worker process; this "
            f"deployment runs {context.texts['workers']}. A request waits at most "
            f"{context.texts['place_wait']} for a place in flight. `calls_per_10s` is an allowance "
            "that refills evenly: a server that was idle may start that many at once, and every "
            "request counts, not only tool calls. An admin may set "
            f"{_listed(settable('server'))} for one MCP server, and also "
            f"{_listed(('in_flight_tenant',))} for one tenant, each up to its ceiling; a server "
            "shows what is in force for it as `limits_in_force`."
        ),
        _limits(context),
        *_backoff(),
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _errors() -> tuple[Node, ...]:
    return (
        subheading("Error envelope"),
        envelope_table(),
        prose(
            'Before the body is read, a refusal is `{"error": envelope}` without JSON-RPC '
            "members; `not_found` is shorter still ([API Token Required](#api-token-required)). "
            "A failed tool call is a result with `isError` where the model can do something about "
            "it, else a JSON-RPC error."
        ),
        subheading("Every error type"),
        prose(
            "Which HTTP status arrives: before the body is read, and for a message that cannot be "
            "parsed or routed, the one of the table. After that a client of 2026-07-28 gets 400, "
            "404 and 429 as printed and 200 for the rest; a caller of an older revision, and a raw "
            "HTTP caller, gets 200 for all but the 429 above. `store_unavailable` and "
            "`audit_unavailable` are 503 before the body is read and 200 afterwards."
        ),
        types_table(),
    )


def _backoff() -> tuple[Node, ...]:
    return (
        subheading("Back-off sample"),
        prose(
            "Both wait for the reset, add jitter and give up after five attempts. They repeat a "
            "call only where the envelope says `retry.safe`."
        ),
        code("Python", "python", sample("backoff.py")),
        code("TypeScript / JavaScript", "js", sample("backoff.js")),
        subheading("Runbook for agents"),
        definitions(
            (
                (
                    "`retry.safe` is true",
                    (
                        "Wait `retry.after_seconds`, or a growing pause where it is null; then "
                        "repeat the same call."
                    ),
                ),
                (
                    "`retry.safe` is false",
                    "Do not repeat a write: it may have happened. Read first, then decide.",
                ),
                ("`whose` is `caller`", "Mend the request; the message says what is wrong."),
                ("`whose` is `upstream`", "The upstream API refused or failed; tell the user."),
                (
                    "`whose` is `gateway`",
                    (
                        "A limit, a setting or a fault of this deployment; tell its operator if "
                        "it lasts."
                    ),
                ),
            )
        ),
    )


def _channels() -> Table:
    rows = (
        (
            (
                "Raw HTTP caller (no `MCP-Protocol-Version`, `Accept` without "
                "`text/event-stream`), or a client of 2026-07-28"
            ),
            "429",
            "JSON-RPC error, `code` 429, envelope in `error.data`",
        ),
        (
            "MCP client of 2025-11-25 and older",
            "200",
            '`isError: true`, text for the model, envelope in `_meta["mcpassport/error"]`',
        ),
    )
    return table("Where the 429 stands", ("Caller", "HTTP", "Answer"), rows)


def _headers() -> Table:
    rows = (
        ("`ratelimit-limit`", "Calls per window"),
        ("`ratelimit-remaining`", "Calls left in the window"),
        ("`ratelimit-reset`", "Seconds until the window ends"),
        (
            "`ratelimit`, `ratelimit-policy`",
            "The same facts as structured fields (draft-ietf-httpapi-ratelimit-headers)",
        ),
        ("`retry-after`", "Seconds to wait (RFC 9110)"),
    )
    return table(
        "Headers of a tool call's answer, failed or not, for the facts that the upstream API told",
        ("Header", "Meaning"),
        rows,
    )


def _limits(context: Context) -> Table:
    limits = context.inputs.facts.limits
    rows = (
        (
            f"`{name}`",
            limit.text,
            f"{getattr(limits, name):,}",
            f"{limit.default:,}",
            f"{limit.ceiling:,}",
            limit.unit,
        )
        for name, limit in LIMITS.items()
    )
    columns = ("Limit", "Of what", "In force", "Default", "Ceiling", "Unit")
    return table("Limits", columns, rows)
