"""Lifecycle: expiration, rotation, revocation and suspension, offboarding."""

from mcpassport.gate.tokens import CHECKSUM_CHARS, PATTERN
from mcpassport.reference.document import Diagram, DiagramEdge, DiagramNode, Node
from mcpassport.reference.inputs import Context
from mcpassport.reference.writing import code, prose, subheading

_OFFBOARD = """mcpassport tenant offboard acme --out report.json
mcpassport tenant verify-report report.json --key <fingerprint of the operations key>"""


def build(context: Context) -> tuple[Node, ...]:
    """From creation to the end of a grant."""
    return (
        _diagram(),
        subheading("Expiration"),
        *context.claims("LIF-01"),
        subheading("Rotation"),
        *context.claims("LIF-03"),
        prose(
            "The new URL is shown once, in the answer. Give it to the agent while both work; "
            "rotating again meanwhile ends the oldest token at once. A rotation is audited, and a "
            "line of the revocation log, so that a restored backup does not revive the old token."
        ),
        code("Rotate a server's token", "sh", _rotate(context)),
        subheading("Revocation"),
        *context.claims("LIF-02", "LIF-07"),
        code("Revoke a server", "sh", _revoke(context)),
        subheading("Leaked tokens"),
        *context.claims("LIF-08"),
        prose(
            f"Secret scanners find a token by the pattern `{PATTERN}`; the last "
            f"{CHECKSUM_CHARS} characters are the CRC-32 of everything before them in base62 "
            "(`0-9A-Za-z`), so that a look-alike is told from a token without asking anybody."
        ),
        *_stopping(context),
        subheading("Tenant offboarding"),
        *context.claims("LIF-05"),
        prose(
            "The report can be checked without this deployment, with the key of "
            "`GET /audit/key`. A tenant that has the key of its fingerprints can still recompute "
            "them from its audit rows; otherwise nobody can. A backup that is restored later is "
            "ended again by the revocation log before it serves."
        ),
        code("Offboard a tenant, and check the report", "sh", _OFFBOARD),
    )


def _stopping(context: Context) -> tuple[Node, ...]:
    """What can be taken back: suspension, and the kill switches."""
    return (
        subheading("Suspension"),
        *context.claims("LIF-04"),
        prose(
            "Who may revoke a server may suspend and resume it; a tenant is suspended and resumed "
            "by an admin. Each is audited. A suspended server can still be revoked."
        ),
        code("Suspend a tenant", "sh", _suspend(context)),
        subheading("Kill switch"),
        *context.claims("LIF-06"),
        prose(
            "It stops calls and nothing else: the management API goes on, so that the cause can be "
            "mended. Who would not be admitted anyway learns nothing of it. Both turns are audited "
            "and lines of the revocation log."
        ),
        code("Stop every call", "sh", _switch(context)),
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


def _rotate(context: Context) -> str:
    url = context.inputs.facts.public_url
    return (
        "curl -sS -X POST \\\n"
        f"  '{url}/integrated-account/<account-id>/mcp/<server-id>/rotate' \\\n"
        "  -H 'Authorization: Bearer mcpp_api_<token>' \\\n"
        "  -H 'Content-Type: application/json' -d '{\"overlap_seconds\": 3600}'"
    )


def _switch(context: Context) -> str:
    url = context.inputs.facts.public_url
    return (
        f"curl -sS -X POST '{url}/switch' \\\n"
        "  -H 'Authorization: Bearer mcpp_api_<token>' \\\n"
        "  -H 'Content-Type: application/json' -d '{\"scope\": \"all\"}'"
    )


def _suspend(context: Context) -> str:
    url = context.inputs.facts.public_url
    return (
        "curl -sS -X POST \\\n"
        f"  '{url}/tenant/<tenant-id>/suspend' \\\n"
        "  -H 'Authorization: Bearer mcpp_api_<token>'"
    )
