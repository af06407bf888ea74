"""Data flow: what travels, hop by hop, and to which hosts."""

from mcpassport.reference.document import Diagram, DiagramEdge, DiagramNode, Node, Table
from mcpassport.reference.inputs import Context
from mcpassport.reference.tools import without_userinfo
from mcpassport.reference.writing import prose, stated, subheading, table


def build(context: Context) -> tuple[Node, ...]:
    """The path of one call, then the statements that only the vendor can make."""
    words = context.inputs.vendor.statements
    return (
        prose(
            "The arguments of a tool call become one request to the upstream API; its answer is "
            "mapped and returned in the same exchange."
        ),
        _path(),
        _hops(),
        prose(
            "Expressions of the integration map requests and answers. They run inside this "
            "deployment, without network; inputs over 128 KiB are evaluated in separate processes "
            "of the same host."
        ),
        subheading("Egress hosts"),
        *context.claims("DAT-01", "DAT-02", "DAT-03"),
        _egress(context),
        subheading("Sub-processors"),
        stated((("Sub-processors", words.sub_processors), ("Hosting", words.hosting))),
        subheading("Data residency"),
        stated((("Data residency", words.data_residency),)),
    )


def _path() -> Diagram:
    steps = (
        ("agent", "Agent", "MCP client", 0, 0),
        ("edge", "Address, Origin, Host", "flood limit", 1, 0),
        ("admission", "Admission", "token, expiry, factor", 2, 0),
        ("check", "Tool and arguments", "filter, input schema", 2, 1),
        ("audit", "Audit intent", "committed first", 1, 1),
        ("upstream", "Upstream API", "one request", 0, 1),
    )
    nodes = tuple(
        DiagramNode(id=name, label=label, note=note, column=column, row=row)
        for name, label, note, column, row in steps
    )
    edges = (
        DiagramEdge(source="agent", target="edge"),
        DiagramEdge(source="edge", target="admission"),
        DiagramEdge(source="admission", target="check"),
        DiagramEdge(source="check", target="audit"),
        DiagramEdge(source="audit", target="upstream"),
    )
    return Diagram(
        anchor="diagram-data-path",
        title="Data path of one tool call",
        kind="flow",
        alt=(
            "A call passes the checks of address, Origin and Host, admission, the check of tool "
            "and arguments, and the audit intent before the one request to the upstream API. The "
            "answer is sent after the audit outcome is committed."
        ),
        nodes=nodes,
        edges=edges,
    )


def _hops() -> Table:
    rows = (
        ("Agent to deployment", "Tokens, tool name, arguments", "In memory for the call"),
        (
            "Admission",
            "Hashes of the tokens; records of server, tenant and account",
            "Read from the store",
        ),
        ("Audit intent", "Who, which tool, when, keyed fingerprint of the arguments", "Stored"),
        (
            "Deployment to upstream API",
            "Mapped arguments; the account's own credential, decrypted for this request",
            "In memory for the call",
        ),
        ("Upstream API to deployment", "Answer, up to the size cap", "In memory for the call"),
        ("Audit outcome", "Type of outcome, statuses, durations, byte counts", "Stored"),
        ("Deployment to agent", "Mapped answer or error envelope", "Not kept"),
    )
    return table("What flows through the connection, hop by hop", ("Hop", "Data", "Kept"), rows)


def _egress(context: Context) -> Table:
    rows: dict[tuple[str, str], None] = {}
    for method in context.inputs.integration.methods:
        rows[without_userinfo(method.base_url), ", ".join(method.allowed_hosts) or "itself"] = None
    for credential in context.inputs.integration.credentials:
        if credential.oauth is not None:
            rows[without_userinfo(credential.oauth.token_url), "renewals of tokens"] = None
    return table(
        "Where tool calls of this integration go", ("Base URL*", "Hosts allowed there*"), rows
    )
