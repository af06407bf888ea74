"""Authentication layers: what each layer demands, request by request."""

from mcpassport.limits import LEGACY_DEFAULT
from mcpassport.reference.document import Diagram, DiagramEdge, DiagramNode, Node, Table
from mcpassport.reference.inputs import Context
from mcpassport.reference.samples.answers import FACTOR_MISSING
from mcpassport.reference.writing import code, prose, subheading, table

_ROLES = (
    (
        "`admin`",
        "the deployment",
        (
            "Everything: tenants, integrations, accounts and their overrides, servers, tokens, "
            "try-outs, audit, counts of requests without a tenant"
        ),
        "any",
    ),
    (
        "`tenant`",
        "one tenant",
        (
            "Accounts, servers and API tokens of its tenant; reads its tenant, its audit rows, and "
            "integrations with their versions"
        ),
        "`tenant`, `auditor`, `factor`, for itself",
    ),
    (
        "`auditor`",
        "one tenant, or the deployment",
        "Reads what `tenant` reads; one of the deployment reads every tenant",
        "none",
    ),
    ("`factor`", "one tenant", "Nothing: it is a second factor only", "none"),
)
_MTLS = """{
  "name": "agent",
  "config": {
    "factors": [{"kind": "mtls", "subject_alt_names": ["uri:spiffe://acme/agent"]}]
  }
}"""
_SSO = """{
  "name": "agent",
  "config": {
    "factors": [
      {
        "kind": "jwt",
        "issuer": "https://login.acme.example",
        "audience": "api://mcp-acme",
        "required_claims": {"groups": ["it", "security"]}
      }
    ]
  }
}"""
_OAUTH = """{
  "name": "agent",
  "config": {
    "oauth": {
      "issuer": "https://login.acme.example",
      "read_scope": "mcp:read",
      "write_scope": "mcp:write"
    }
  }
}"""
_LIST = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}'


def build(context: Context) -> tuple[Node, ...]:
    """URL token, API token, the layers that are not built, and token passthrough."""
    return (
        prose(
            "The server token is the first layer; a second factor can be demanded per server. "
            "Kinds of secrets are told apart by their prefix, never by trying."
        ),
        subheading("URL token"),
        *context.claims("AUT-01", "AUT-03"),
        code("Request with the URL token", "sh", request(context, "/mcp/<token>")),
        prose(
            "URLs end up in logs and histories. The token can be kept out of it: the same server "
            "answers at its id, which is no secret, with the token as a Bearer value."
        ),
        code(
            "Request with the server token in a header",
            "sh",
            request(context, "/mcp/s/<server-id>", "Authorization: Bearer mcpp_srv_<token>"),
        ),
        *_second_factor(context),
        *_mtls(context),
        *_sso(context),
        *_oauth(context),
        subheading("Token passthrough"),
        *context.claims("AUT-04"),
        subheading("Transport, Origin and Host"),
        *context.claims("AUT-08", "AUT-09", "AUT-14", "AUT-10", "AUT-15", "AUT-16"),
        subheading("Roles of the management API"),
        *context.claims("AUT-11", "AUT-13", "AUT-12"),
        _roles(),
    )


def _second_factor(context: Context) -> tuple[Node, ...]:
    return (
        subheading("API Token Required"),
        prose(
            "A server with `require_api_token_auth: true` also demands an API token of its tenant "
            "with the role `factor`. A leaked URL alone then opens nothing."
        ),
        *context.claims("AUT-02"),
        code(
            "Request with both layers",
            "sh",
            request(context, "/mcp/<token>", "Authorization: Bearer mcpp_api_<token>"),
        ),
        prose(
            "`X-Api-Token: mcpp_api_<token>` is the same factor in a header of its own; at "
            "`/mcp/s/<server-id>` it is the only place for it."
        ),
        code("Answer without the factor (HTTP 403)", "json", FACTOR_MISSING),
        _sequence(),
        _outcomes(),
    )


def _mtls(context: Context) -> tuple[Node, ...]:
    return (
        subheading("mTLS"),
        *context.claims("AUT-05"),
        prose(
            "The TLS connection ends at the vendor's proxy, which checks the chain and that the "
            "client has the key. This deployment is told of client certificates "
            f"{context.texts['client_certificates']}. The factor joins the URL token, and an API "
            "token where one is demanded too."
        ),
        code("Create a server that demands a certificate", "json", _MTLS),
    )


def _sso(context: Context) -> tuple[Node, ...]:
    return (
        subheading("SSO"),
        *context.claims("AUT-06"),
        prose(
            "At `/mcp/<token>` the identity token is the Bearer value, and an API token travels in "
            "`X-Api-Token`; at `/mcp/s/<server-id>` it stands in `X-Identity-Token`, beside the "
            "server token. An answer does not say which of its parts did not hold."
        ),
        code("Create a server that demands an identity token", "json", _SSO),
    )


def _oauth(context: Context) -> tuple[Node, ...]:
    return (
        subheading("OAuth 2.1"),
        *context.claims("AUT-07"),
        prose(
            "`/.well-known/oauth-protected-resource/mcp/s/<server-id>` names the authorization "
            "server, the resource and the scopes; HTTP 401 and 403 point there. `tools/list` shows "
            "what the scopes reach. Factors are demanded beside an access token too; this "
            "deployment issues no tokens."
        ),
        code("Create a server that takes access tokens", "json", _OAUTH),
    )


def request(context: Context, path: str, *headers: str) -> str:
    """A `tools/list` call of curl at that path with these headers."""
    lines = [
        f"curl -sS '{context.inputs.facts.public_url}{path}' \\",
        "  -H 'Content-Type: application/json' \\",
        "  -H 'Accept: application/json, text/event-stream' \\",
        f"  -H 'MCP-Protocol-Version: {LEGACY_DEFAULT}' \\",
        *(f"  -H '{header}' \\" for header in headers),
        f"  -d '{_LIST}'",
    ]
    return "\n".join(lines)


def _sequence() -> Diagram:
    names = (
        ("agent", "Agent"),
        ("gate", "Admission"),
        ("store", "Store"),
        ("api", "Upstream API"),
    )
    messages = (
        ("agent", "gate", "POST /mcp/<token> + API token", False),
        ("gate", "store", "look up both hashes", False),
        ("store", "gate", "index entries", True),
        ("gate", "store", "read the records", False),
        ("store", "gate", "records, or absent", True),
        ("gate", "agent", "404 unknown, revoked, expired", True),
        ("gate", "agent", "403 factor missing or wrong", True),
        ("gate", "api", "one request, own credential", False),
        ("api", "gate", "answer", True),
        ("gate", "agent", "result or error envelope", True),
    )
    return Diagram(
        anchor="diagram-dual-authentication",
        title="Dual authentication",
        kind="sequence",
        alt=(
            "Admission looks up the hashes of both tokens, then reads the records they lead to. An "
            "unknown, revoked, suspended or expired server token ends in 404, a missing or wrong "
            "factor in 403; only otherwise one request goes to the upstream API."
        ),
        nodes=tuple(
            DiagramNode(id=name, label=label, column=index)
            for index, (name, label) in enumerate(names)
        ),
        edges=tuple(
            DiagramEdge(source=source, target=target, label=label, reply=reply)
            for source, target, label, reply in messages
        ),
    )


def _outcomes() -> Table:
    body = '`{"error":{"type":"not_found"}}`, the same bytes for each'
    rows = (
        (
            (
                "Server token missing, wrong, revoked, suspended, expired, or at another server's "
                "address"
            ),
            "404",
            body,
        ),
        ("Factor missing", "403", "error envelope, `second_factor_required`"),
        ("Factor wrong, expired or revoked", "403", "error envelope, `second_factor_invalid`"),
        ("Factor of another tenant (foreign)", "403", "error envelope, `second_factor_invalid`"),
        (
            "API token of a role other than `factor`",
            "403",
            "error envelope, `second_factor_invalid`",
        ),
        (
            "Store or keys cannot be read",
            "503",
            "error envelope, `store_unavailable`, `Retry-After`",
        ),
    )
    return table(
        "What happens with a missing, wrong, expired or foreign factor; no upstream request in any",
        ("Presented", "HTTP", "Body"),
        rows,
    )


def _roles() -> Table:
    columns = ("Role", "Belongs to", "Opens", "May create tokens of role")
    return table("Roles of API tokens", columns, _ROLES)
