"""Tenancy & isolation: one server per account, and what one token reaches."""

import itertools

from mcpassport.reference.document import (
    Diagram,
    DiagramEdge,
    DiagramGroup,
    DiagramNode,
    Node,
    Table,
)
from mcpassport.reference.facts import safe
from mcpassport.reference.inputs import Context
from mcpassport.reference.writing import prose, subheading, table


def build(context: Context) -> tuple[Node, ...]:
    """The model, the scope of a server, and the damage that a leaked secret can do."""
    return (
        subheading("Tenant isolation model"),
        prose(
            "A tenant has integrated accounts, each with a credential of its own, and an account "
            "has MCP servers, each with a token, a filter and an expiry of its own."
        ),
        _diagram(safe(context.inputs.integration.label)),
        *context.claims("TEN-01", "TEN-02", "TEN-06"),
        subheading("Scope per server"),
        prose(
            "A server is created for an account and cannot be moved to another. Its filter "
            "chooses the tools ([Tool scope controls](#tool-scope-controls))."
        ),
        *context.claims("TEN-03", "TEN-05"),
        subheading("Blast radius"),
        *context.claims("TEN-04"),
        _leaks(context.inputs.facts.store),
    )


def _diagram(label: str) -> Diagram:
    nodes: list[DiagramNode] = []
    edges: list[DiagramEdge] = []
    for row, tenant in ((0, "A"), (1, "B")):
        key = tenant.lower()
        names = [f"{key}{step}" for step in range(4)]
        texts = (
            (f"Agent of tenant {tenant}", ""),
            (f"MCP server {tenant}1", "own URL, filter, expiry"),
            (f"Integrated account {tenant}", "own encrypted credential"),
            (label, f"data of tenant {tenant}"),
        )
        nodes += [
            DiagramNode(id=name, label=text, note=note, column=column, row=row)
            for column, (name, (text, note)) in enumerate(zip(names, texts, strict=True))
        ]
        edges += [
            DiagramEdge(source=source, target=target)
            for source, target in itertools.pairwise(names)
        ]
    return Diagram(
        anchor="diagram-tenancy",
        title="One MCP server per integrated account",
        kind="flow",
        alt=(
            "Two tenants in separate frames. In each, an agent reaches its MCP server, the server "
            "its one integrated account, the account the tenant's own data. No arrow crosses "
            "from one frame to the other."
        ),
        nodes=tuple(nodes),
        edges=tuple(edges),
        groups=(DiagramGroup("Tenant A", 0, 0), DiagramGroup("Tenant B", 1, 1)),
    )


def _leaks(store: str) -> Table:
    rows = (
        (
            "Server token, or the URL that holds it",
            (
                "The tools of the server's filter on one account, until expiry; nothing if the "
                "server demands a second factor"
            ),
            "Other accounts, other tools, the management API",
            "Revoke the server",
        ),
        (
            "API token, role `factor`",
            "Nothing by itself",
            "The management API; a server without its token",
            "Revoke the API token",
        ),
        (
            "API token, role `tenant`",
            (
                "Accounts, servers, tokens and audit rows of its tenant; it can create servers, so "
                "it reaches what the accounts reach"
            ),
            "Other tenants; stored credentials and tokens in plain text",
            "Revoke the API token",
        ),
        (
            "API token, role `admin`",
            "All of that for every tenant, integrations, and the try-out of methods",
            "Stored credentials and tokens in plain text",
            "Revoke the API token",
        ),
        (
            "Copy of the data folder" if store == "SQLite" else "Copy of the database",
            "Records, audit rows, encrypted credentials",
            "Credentials and tokens, without the master key",
            "Replace the credentials at the upstream API",
        ),
    )
    return table("If this leaks", ("Leaked", "It reaches", "It does not reach", "To stop it"), rows)
