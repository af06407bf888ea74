"""Audit trail: fields, how a customer pulls it, integrity, what is only counted."""

from typing import Final

from mcpassport.records.audit import AuditRow
from mcpassport.reference.document import Node, Table
from mcpassport.reference.inputs import Context
from mcpassport.reference.writing import code, prose, subheading, table

FIELDS: Final[dict[str, str]] = {
    "ts": "Time, UTC",
    "phase": "`intent`, `outcome`, `refusal` or `event`",
    "request_id": "Ties the rows of one request together",
    "tenant": "Whose chain the row belongs to",
    "account": "Integrated account",
    "server": "MCP server",
    "integration": "Integration and version, `name@version`",
    "rpc_method": "JSON-RPC method",
    "tool": "Tool name",
    "resource": "Resource of the tool",
    "method": "Method of the tool",
    "decision": "`allow` or `deny`",
    "reason": "Why it was denied",
    "outcome": "`type` of the error table, or how the call ended",
    "http_status": "Status answered to the caller",
    "upstream_status": "Status of the upstream API",
    "duration_ms": "Time of the whole request",
    "upstream_ms": "Time of the upstream request",
    "bytes_in": "Size of the request body",
    "bytes_out": "Size of the answer",
    "count": "How many alike refusals the row stands for",
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
}
"""Every field of a row; a test compares it with the type."""


def build(context: Context) -> tuple[Node, ...]:
    """Rows, fields, pulling, integrity, counting."""
    return (
        *context.claims("AUD-01", "AUD-02", "AUD-03", "AUD-04"),
        subheading("Fields"),
        _fields(),
        subheading("Pulling the trail"),
        prose(
            "A tenant's API token of role `tenant` or `auditor` reads the rows of its own tenant, "
            "page by page: `limit` says how many, `cursor` takes the `next_cursor` of the "
            "page before."
        ),
        code("Pull audit rows", "sh", _pull(context)),
        *context.claims("AUD-08"),
        subheading("Integrity and retention"),
        *context.claims("AUD-05", "AUD-06", "AUD-07"),
        subheading("What is only counted"),
        *context.claims("AUD-09"),
    )


def _fields() -> Table:
    rows = ((f"`{name}`", FIELDS[name]) for name in AuditRow.__struct_fields__)
    return table("Fields of an audit row", ("Field", "Meaning"), rows)


def _pull(context: Context) -> str:
    url = context.inputs.facts.public_url
    return f"curl -sS '{url}/audit?limit=50' \\\n  -H 'Authorization: Bearer mcpp_api_<token>'"
