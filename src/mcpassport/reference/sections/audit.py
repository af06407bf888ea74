"""Audit trail: fields, how a customer pulls it, integrity, what is only counted."""

from typing import Final

from mcpassport.records.audit import AuditRow
from mcpassport.reference.document import Node, Table
from mcpassport.reference.inputs import Context
from mcpassport.reference.writing import code, prose, sample, subheading, table

FIELDS: Final[dict[str, str]] = {
    "ts": "Time, UTC",
    "phase": "`intent`, `outcome`, `refusal` or `event`",
    "request_id": "Ties the rows of one request together; events have an id of their own",
    "tenant": "Whose chain the row belongs to",
    "account": "Integrated account",
    "server": "MCP server",
    "integration": "Integration and version, `name@version`",
    "rpc_method": "JSON-RPC method",
    "tool": "Tool name, as the caller wrote it",
    "resource": "Resource of the tool",
    "method": "Method of the tool",
    "decision": "`allow` or `deny`",
    "reason": "Why it was denied",
    "outcome": "`ok`, `accepted`, `cancelled`, `unknown`, or a `type` of the error table",
    "http_status": "Status answered to the caller",
    "upstream_status": "Status of the upstream API",
    "duration_ms": "Time from intent to outcome",
    "upstream_ms": "Time of the upstream request",
    "bytes_in": "Size of the request body",
    "bytes_out": "Size of the answer; of a tool call, of its result",
    "count": "How many equal refusals the row stands for; absent: one",
    "api_token_id": "API token used as second factor, by id",
    "factors": "Factors that held",
    "client_name": "Client as it names itself",
    "client_version": "Version as the client names it",
    "protocol_version": "MCP revision of the request",
    "fingerprint": "Keyed fingerprint of the arguments (HMAC-SHA256)",
    "tool_digest": "Digest of the tool as called",
    "surface_digest": "Digest of the server's surface",
    "principal": "Who made a management change",
    "action": "What was changed",
    "subject": "The object that was changed",
    "process": "The process that recorded the intent, by a random name",
}
"""Every field of a row; a test compares it with the type."""

_PULLING: Final = prose(
    "A tenant's API token of role `tenant` or `auditor` reads the rows of its own tenant, "
    "newest first and page by page: `limit` says how many (at most 200), `cursor` takes "
    "the `next_cursor` of the page before, `oldest_first=true` turns the order round. "
    "Filters: `phase`, `account`, `server`, `tool`, `outcome`, `reason`, `request_id`, "
    "`from`, `to`; a page that passed over many rows may be short and still has a cursor. "
    "`format=ndjson` and `format=csv` stream up to 10,000 rows, a flat object or line each; the "
    "last row's sequence is the next cursor. In NDJSON `chain`, `sequence` and `hash` stand "
    "before the members of the row: without them the line is the exact text that was hashed. "
    "`GET /event` lists only the management changes."
)
_VERIFYING: Final = prose(
    "`mcpassport audit export --out FILE` (with `--follow`: as rows come; with `--resume`: behind "
    "what is there) writes rows and checkpoints (`GET /audit/checkpoint`). `mcpassport audit "
    "verify FILE --fingerprint HEX` recomputes the file without this deployment, names the first "
    "row that is not whole, and says up to which row the chain is signed. The script below expects "
    "a chain from which retention has removed nothing yet."
)
_RECOMPUTING: Final = prose(
    "`mcpassport audit fingerprint ARGUMENTS.json --key-file KEY --in FILE` names the rows of a "
    "call in an export. A fingerprint is HMAC-SHA256 over the RFC 8785 JSON of the arguments; "
    "integers beyond 2^53 - 1 count as texts of their digits, a call without arguments has `{}`."
)


def build(context: Context) -> tuple[Node, ...]:
    """Rows, fields, pulling, integrity, counting."""
    return (
        *context.claims("AUD-01", "AUD-02", "AUD-03", "AUD-04"),
        _RECOMPUTING,
        prose(
            "Other requests of an admitted caller are recorded too: `initialize`, `ping`, "
            "`tools/list`, `server/discover` and notifications write intent and outcome together, "
            "refused ones a refusal. Changes made through the management API and the command line "
            "are events in the same chain."
        ),
        *context.claims("AUD-11", "AUD-12", "AUD-13"),
        subheading("Fields"),
        _fields(),
        subheading("Pulling the trail"),
        _PULLING,
        code("Pull audit rows", "sh", _pull(context)),
        *context.claims("AUD-14", "AUD-15", "AUD-08"),
        subheading("Integrity and retention"),
        *context.claims("AUD-05", "AUD-10", "AUD-06", "AUD-07"),
        _VERIFYING,
        code(
            "Recompute the chain (Python): verify_audit.py URL TOKEN",
            "python",
            sample("verify_audit.py"),
        ),
        subheading("What is only counted"),
        *context.claims("AUD-09"),
        prose(
            "Admins, and auditors of the whole deployment, read and export these counts "
            "(`GET /audit/strangers`)."
        ),
    )


def _fields() -> Table:
    rows = (
        *(
            ("`sequence`", "Number in the chain, from 1, without gaps"),
            ("`hash`", "SHA-256 over the hash before, the sequence (8 bytes) and the row as JSON"),
        ),
        *((f"`{name}`", FIELDS[name]) for name in AuditRow.__struct_fields__),
    )
    return table("Fields of an audit row; empty ones are left out", ("Field", "Meaning"), rows)


def _pull(context: Context) -> str:
    url = context.inputs.facts.public_url
    return f"curl -sS '{url}/audit?limit=50' \\\n  -H 'Authorization: Bearer mcpp_api_<token>'"
