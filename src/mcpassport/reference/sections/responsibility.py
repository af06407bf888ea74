"""Shared responsibility: who owns what, and what is out of scope."""

from mcpassport.reference.document import Node, Table
from mcpassport.reference.inputs import Context
from mcpassport.reference.writing import callout, stated, subheading, table


def build(context: Context) -> tuple[Node, ...]:
    """The table, the scope, and the vendor's statements."""
    words = context.inputs.vendor.statements
    return (
        _parties(),
        subheading("Out of scope"),
        callout(
            "Prompt injection is out of scope. Text that a tool returns may try to steer the "
            "model; the customer's agent must treat it as data. A read-only server limits the "
            "damage.",
            "warning",
        ),
        *context.claims("SHR-02"),
        subheading("Supply chain"),
        *context.claims("SHR-01"),
        subheading("Statements of the vendor"),
        stated(
            (
                ("Vulnerability disclosure and patch time", words.vulnerability_disclosure),
                ("Incident response and breach notice", words.incident_contact),
                ("Compliance evidence", words.compliance),
                ("Support", words.support),
            ),
        ),
    )


def _parties() -> Table:
    rows = (
        ("Tenant isolation, scopes, expiry, revocation", "Provides", "Chooses per server", ""),
        (
            "Server tokens and API tokens",
            "Shows once, stores hashes, revokes",
            "Keeps secret, revokes",
            "",
        ),
        (
            "Credential of the integrated account",
            "Stores encrypted",
            "Grants the least it needs",
            "Enforces its rights",
        ),
        ("TLS, network, hosting, backups", "Operates", "", ""),
        ("What the agent does with a result", "", "Owns", ""),
        ("Approval of destructive calls", "Annotates tools", "Decides in its client", ""),
        ("Truth and availability of the data", "", "", "Owns"),
        ("Audit trail", "Writes, keeps, serves", "Pulls, reviews", "Its own logs"),
    )
    return table("Who owns what", ("Matter", "Vendor", "Customer", "Upstream API"), rows)
