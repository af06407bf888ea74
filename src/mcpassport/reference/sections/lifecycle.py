"""Lifecycle: expiration, rotation, revocation and suspension, offboarding."""

from mcpassport.reference.document import Diagram, DiagramEdge, DiagramNode, Node
from mcpassport.reference.inputs import Context
from mcpassport.reference.writing import code, prose, subheading


def build(context: Context) -> tuple[Node, ...]:
    """From creation to the end of a grant."""
    return (
        _diagram(),
        subheading("Expiration"),
        *context.claims("LIF-01"),
        subheading("Rotation"),
        *context.claims("LIF-03"),
        prose(
            "Instead: create a second server with the same filter, move the agent to its URL, "
            "revoke the first. Both changes are audited."
        ),
        subheading("Revocation"),
        *context.claims("LIF-02"),
        code("Revoke a server", "sh", _revoke(context)),
        subheading("Suspension"),
        *context.claims("LIF-04"),
        prose(
            "Who may revoke a server may suspend and resume it; a tenant is suspended and resumed "
            "by an admin. Each is audited. A suspended server can still be revoked."
        ),
        code("Suspend a tenant: the kill switch", "sh", _suspend(context)),
        subheading("Tenant offboarding"),
        *context.claims("LIF-05"),
        prose(
            "Instead: delete the tenant's accounts, which deletes their credentials and revokes "
            "their servers, and revoke its API tokens. The tenant's record, its revoked servers "
            "and tokens, its keys and its audit rows remain "
            "([What is stored](#what-is-stored))."
        ),
    )


def _diagram() -> Diagram:
    nodes = (
        DiagramNode(id="created", label="Created", note="token and URL shown once", column=0),
        DiagramNode(id="active", label="Active", note="each request re-checked", column=1),
        DiagramNode(id="expired", label="Expired", note="404 at its expiry", column=2),
        DiagramNode(
            id="revoked", label="Revoked", note="404 from the next request", column=2, row=1
        ),
        DiagramNode(id="suspended", label="Suspended", note="404 until resumed", column=1, row=1),
    )
    edges = (
        DiagramEdge(source="created", target="active"),
        DiagramEdge(source="active", target="expired", label="time"),
        DiagramEdge(source="active", target="revoked", label="DELETE"),
        DiagramEdge(source="active", target="suspended", label="suspend"),
    )
    return Diagram(
        anchor="diagram-lifecycle",
        title="Life of an MCP server",
        kind="flow",
        alt=(
            "A server is created, then active. It ends expired, by time, or revoked, by a DELETE. "
            "Suspended, it stands still until it is resumed. All three answer 404. Revocation is "
            "final; an expired server can be given a later expiry."
        ),
        nodes=nodes,
        edges=edges,
    )


def _revoke(context: Context) -> str:
    url = context.inputs.facts.public_url
    return (
        "curl -sS -X DELETE \\\n"
        f"  '{url}/integrated-account/<account-id>/mcp/<server-id>' \\\n"
        "  -H 'Authorization: Bearer mcpp_api_<token>'"
    )


def _suspend(context: Context) -> str:
    url = context.inputs.facts.public_url
    return (
        "curl -sS -X POST \\\n"
        f"  '{url}/tenant/<tenant-id>/suspend' \\\n"
        "  -H 'Authorization: Bearer mcpp_api_<token>'"
    )
