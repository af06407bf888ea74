"""Zero Data Retention: what is stored, what never is, and for how long."""

from mcpassport.reference.document import Node, Table
from mcpassport.reference.inputs import Context
from mcpassport.reference.writing import prose, subheading, table


def build(context: Context) -> tuple[Node, ...]:
    """The claims, then both lists."""
    return (
        prose(
            "Tool calls are passed through. What is kept is the record of a call, never its "
            "content."
        ),
        *context.claims("ZDR-01", "ZDR-02", "ZDR-03"),
        subheading("What is stored"),
        _stored(context),
        subheading("What never is"),
        prose(
            "Arguments of tool calls, results, upstream bodies, tokens in plain text, and upstream "
            "credentials in plain text. Caches of responses: none. Copies that an operating system "
            "or a hosting provider makes of memory (swap, snapshots) are outside the product."
        ),
    )


def _stored(context: Context) -> Table:
    days = context.texts["audit_retention_days"]
    rows = (
        ("Tenants, accounts, MCP servers", "Names, settings, filters, expiry", "Until deleted"),
        ("API tokens", "Name, role, keyed hash", "Until deleted"),
        ("Upstream credentials", "Encrypted", "Until replaced, or deleted with the account"),
        ("Integration versions", "Configuration and documentation records", "Kept"),
        (
            "Audit rows",
            "[The fields listed there](#audit-trail)",
            f"At least {days} days, by setting; this version deletes none",
        ),
        ("Idempotency keys", "Object id, keyed digest of the management request", "Kept"),
        ("Counts of refused strangers", "Second, reason, client network, count", "Kept"),
    )
    return table("Stored data", ("Data", "Content", "For how long"), rows)
