"""Rate limits & errors: the 429 contract, the envelope, every type, every limit."""

from importlib.resources import files

from mcpassport.errors import (
    MEANINGS,
    Forbidden,
    ManagementError,
    McpassportError,
    OperatorError,
    Unauthorized,
)
from mcpassport.limits import LIMITS
from mcpassport.reference.document import Node, Table
from mcpassport.reference.inputs import Context
from mcpassport.reference.writing import code, definitions, prose, subheading, table

_EXAMPLE = """{
  "jsonrpc": "2.0",
  "id": 7,
  "error": {
    "code": 429,
    "message": "The upstream API's rate limit is reached.",
    "data": {
      "type": "rate_limited",
      "message": "The upstream API's rate limit is reached.",
      "whose": "upstream",
      "upstream_status": 429,
      "retry": {"safe": true, "after_seconds": 12},
      "ratelimit": {"limit": 100, "remaining": 0, "reset": 12},
      "request_id": "…"
    }
  }
}"""


def build(context: Context) -> tuple[Node, ...]:
    """The contract, then what an agent does with it."""
    return (
        *context.claims("LIM-01", "LIM-02", "LIM-03", "LIM-04"),
        subheading("429 on two channels"),
        prose(
            "Some MCP clients lose their connection on any HTTP error status, so the caller's "
            "kind decides where the 429 stands. The facts are the same on both. A server may "
            "fix the channel with `rate_limit_errors`: `auto`, `http_429` or `tool_error`."
        ),
        _channels(),
        _headers(),
        code("429 as a raw HTTP caller and a client of 2026-07-28 see it", "json", _EXAMPLE),
        subheading("Error envelope"),
        _envelope(),
        prose(
            "The HTTP column of the next table holds for raw HTTP callers and clients of "
            "2026-07-28. A client of an older revision gets HTTP 200 and the same error for "
            "whatever is decided after its body was parsed."
        ),
        _types(),
        subheading("Limits in force"),
        prose(
            "Limits of calls in flight and of calls started are kept per worker process: "
            f"this deployment runs {context.texts['workers']}."
        ),
        _limits(context),
        *_backoff(),
    )


def _backoff() -> tuple[Node, ...]:
    samples = files("mcpassport.reference.samples")
    return (
        subheading("Back-off sample"),
        prose(
            "Both wait for the reset, add jitter and give up. They repeat a call only where the "
            "envelope says `retry.safe`."
        ),
        code("Python", "python", samples.joinpath("backoff.py").read_text("utf-8")),
        code("TypeScript / JavaScript", "js", samples.joinpath("backoff.js").read_text("utf-8")),
        subheading("Runbook for agents"),
        definitions(
            (
                ("`retry.safe` is true", "Wait `retry.after_seconds`, then repeat the same call."),
                (
                    "`retry.safe` is false",
                    "Do not repeat a write: it may have happened. Read first, then decide.",
                ),
                ("`whose` is `caller`", "Mend the arguments; the message says what is wrong."),
                ("`whose` is `upstream`", "The upstream API refused or failed; tell the user."),
                ("`whose` is `gateway`", "A limit or fault of this deployment; slow down."),
            )
        ),
    )


def _channels() -> Table:
    rows = (
        (
            (
                "Raw HTTP caller (no `MCP-Protocol-Version`, `Accept` without "
                "`text/event-stream`), and a client of 2026-07-28"
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
        ("`RateLimit`, `RateLimit-Policy`", "The same facts as structured fields (IETF draft)"),
        ("`Retry-After`", "Seconds to wait (RFC 9110)"),
    )
    return table("Headers, whatever the upstream API calls its own", ("Header", "Meaning"), rows)


def _envelope() -> Table:
    rows = (
        ("`type`", "Stable name, one of the table below"),
        ("`message`", "What is wrong and how to mend it"),
        ("`whose`", "`caller`, `upstream` or `gateway`"),
        ("`upstream_status`", "HTTP status of the upstream API, or null"),
        ("`retry`", "`safe`: may the same call be repeated; `after_seconds`: how long to wait"),
        ("`ratelimit`", "`limit`, `remaining`, `reset` in seconds, or null"),
        ("`request_id`", "Names the audit rows of the request"),
    )
    return table("Members of the error envelope", ("Member", "Meaning"), rows)


def _types() -> Table:
    rows = {
        (
            f"`{meaning.type}`",
            _where(kind),
            str(meaning.http_status),
            str(meaning.code),
            meaning.whose,
            "yes" if meaning.retry_safe else "no",
            meaning.text,
        ): None
        for kind, meaning in MEANINGS.items()
    }
    columns = ("Type", "Seen at", "HTTP", "Code", "Whose", "Retry safe", "Meaning")
    return table("Every error type", columns, rows)


def _where(kind: type[McpassportError]) -> str:
    if issubclass(kind, OperatorError):
        return "operator"
    management = issubclass(kind, (ManagementError, Unauthorized, Forbidden))
    return "management API" if management else "MCP"


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
    return table("All limits", columns, rows)
