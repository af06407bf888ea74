"""Zero Data Retention: what is stored, what never is, and for how long."""

from mcpassport.reference.document import Node, Table
from mcpassport.reference.inputs import Context
from mcpassport.reference.writing import prose, subheading, table

_DELETED = {
    "SQLite": (
        "What is deleted is overwritten in the database file; the write-ahead log may hold it "
        "until its next checkpoint"
    ),
    "PostgreSQL": (
        "What is deleted stays in the files of the database until the server has vacuumed and "
        "reused the place, and in its write-ahead log for as long as the server keeps it"
    ),
}


def build(context: Context) -> tuple[Node, ...]:
    """The claims, then both lists."""
    return (
        prose("Tool calls pass through. The record of a call is kept, its content never is."),
        *context.claims("ZDR-01", "ZDR-02", "ZDR-03"),
        subheading("What is stored"),
        _stored(context),
        prose(
            "Revoked and expired servers and tokens stay as records until they ended longer ago "
            "than audit rows are kept, so that the refusal of their tokens can be recorded. "
            f"{_DELETED[context.inputs.facts.store]}, a backup for as long "
            "as the backup is kept."
        ),
        subheading("What never is"),
        prose(
            "Arguments of tool calls, results, upstream bodies, tokens in plain text, upstream "
            "credentials in plain text. Caches of responses: none. Swap and snapshots of memory "
            "belong to the operating system and the hosting."
        ),
    )


def _stored(context: Context) -> Table:
    days = context.texts["audit_retention_days"]
    kept = "Kept; this version deletes none"
    rows_kept = (
        f"At least {days} days, by setting; older ones are removed up to a signed checkpoint"
    )
    ended = f"Until {days} days after they were revoked or expired"
    rows = (
        ("Tenants", "Id, name", kept),
        (
            "Integrated accounts",
            "Name, context values and overrides, in plain text",
            "Until deleted",
        ),
        ("Upstream credentials", "Encrypted", "Until replaced, or deleted with the account"),
        ("MCP servers", "Name, filter, factors, expiry, keyed hash of the token", ended),
        ("API tokens", "Name, role, expiry, keyed hash", ended),
        ("Integration versions", "Configuration and documentation records", kept),
        ("Audit rows", "[The fields of a row](#fields)", rows_kept),
        (
            "Revocation log",
            "Time, kind, tenant and id of what was revoked or deleted, keyed hash of its token",
            kept,
        ),
        (
            "Idempotency keys",
            "Object id, keyed digest of the management request",
            "24 hours, then removed within about 10 minutes while the deployment runs",
        ),
        ("Counts of requests without a tenant", "Second, reason, client network, count", rows_kept),
    )
    return table("Stored data", ("Data", "Content", "For how long"), rows)
