"""Claims about who reaches what: tenancy, authentication, scopes, lifecycle of a grant."""

from typing import Final

from mcpassport.evidence.claims.record import Claim
from mcpassport.limits import OVERLAP_MAX_S

_TENANCY = "tenancy-isolation"
_AUTH = "authentication-layers"
_SCOPE = "tool-scope-controls"
_LIFE = "lifecycle"

ACCESS: Final[tuple[Claim, ...]] = (
    Claim(
        "TEN-01",
        _TENANCY,
        1,
        "No tool call crosses tenant boundaries, and no credential of one tenant opens anything "
        "of another: on each route of the management API and at each MCP address it is refused "
        "as if it did not exist. The tenant is part of the key of every record that belongs to "
        "one. Integrations belong to the deployment and are shared.",
    ),
    Claim(
        "TEN-02",
        _TENANCY,
        1,
        "An MCP server belongs to exactly one integrated account of one tenant; nothing in a "
        "request can name or change the account.",
    ),
    Claim(
        "TEN-03",
        _TENANCY,
        2,
        "One server token reaches one integrated account: whatever else a request names, what is "
        "sent upstream carries the credential of that account and no other.",
    ),
    Claim(
        "TEN-04",
        _TENANCY,
        2,
        "A server token opens no route of the management API, and neither does an API token of "
        "the role `factor`: the secrets in an agent's configuration cannot widen its own server.",
    ),
    Claim(
        "TEN-05",
        _TENANCY,
        29,
        "The MCP servers of an account are listed by `GET /integrated-account/{{id}}/mcp`; a token "
        "without such a record does not authenticate. One list over all accounts does not exist.",
    ),
    Claim(
        "TEN-06",
        _TENANCY,
        32,
        "No session is kept: each request is admitted on its own, no session header is issued and "
        "no cookie is set. Answers carry `Cache-Control: no-store`; results of 2026-07-28 also say "
        '`"cacheScope":"private"`.',
    ),
    Claim(
        "AUT-01",
        _AUTH,
        6,
        "A server token carries at least 256 random bits and is looked up by its HMAC-SHA256; the "
        "token itself is not stored.",
    ),
    Claim(
        "AUT-02",
        _AUTH,
        6,
        "A server can demand a second factor (kinds in this version: {factors}). A missing, wrong, "
        "expired or foreign factor is refused with HTTP 403 and no upstream request.",
    ),
    Claim(
        "AUT-03",
        _AUTH,
        6,
        "Unknown, revoked, suspended and expired server tokens get one identical HTTP 404, decided "
        "before the body is read. A client network that sent more than {strangers} requests with "
        "unknown tokens in 10 seconds gets HTTP 429 before any look-up.",
    ),
    Claim(
        "AUT-04",
        _AUTH,
        7,
        "No token passthrough: the caller's `Authorization` value is never sent upstream. The "
        "upstream request carries the credential of the server's own account.",
    ),
    Claim(
        "AUT-05",
        _AUTH,
        6,
        "A server can demand mTLS: a client certificate within its dates that is pinned by its "
        "SHA-256 fingerprint or by a subject alternative name. It is believed only from a TLS "
        "proxy whose address is trusted and that shows the secret shared with it; from anybody "
        "else the header counts for nothing.",
    ),
    Claim(
        "AUT-06",
        _AUTH,
        6,
        "A server can demand an identity token (JWT) of the customer's SSO. Signature (by a key "
        "that the issuer publishes, asymmetric algorithms only), issuer, audience, expiry and "
        "required claims must hold. While the issuer cannot be reached, its last keys serve for "
        "{issuer_keys_kept}, then nobody is admitted. The token is not sent upstream.",
    ),
    Claim(
        "AUT-07",
        _AUTH,
        8,
        "A server can take access tokens of the customer's authorization server in place of its "
        "own token (OAuth 2.1 resource server, at the address by its id). They are verified as "
        "identity tokens are, must be made for this very server (audience, RFC 8707), and reach "
        "the methods of their scopes. Who is refused is told where to get one (RFC 9728).",
    ),
    Claim(
        "AUT-11",
        _AUTH,
        33,
        "An API token has one role: `admin`, `tenant`, `auditor` or `factor`. A tenant's token "
        "reaches its own accounts, servers, tokens and audit rows, and never another tenant's.",
    ),
    Claim("AUT-12", _AUTH, 33, "Four-eyes approval of admin actions.", available=False),
    Claim(
        "AUT-13",
        _AUTH,
        33,
        "Whoever runs the command line on the host, with the data folder and the master key, "
        "acts as admin without a token; the audit names them `cli:<os user>`.",
    ),
    Claim(
        "SCO-01",
        _SCOPE,
        9,
        "`tools/list` answers exactly the tools that the server's filter leaves, less the methods "
        "that an admin removed for the account. Calling any other tool by name is refused as "
        "`unknown_tool` before any upstream request.",
    ),
    Claim(
        "SCO-02",
        _SCOPE,
        9,
        "A filter that names something unknown, or that matches no tool, is refused when the "
        "server is created or changed.",
    ),
    Claim(
        "SCO-03",
        _SCOPE,
        23,
        "Arguments are checked against the tool's input schema before any upstream request: "
        "missing, mistyped, badly formatted and enum-invalid values are refused as "
        "`invalid_arguments`. {undeclared_arguments}",
    ),
    Claim(
        "SCO-04",
        _SCOPE,
        24,
        "A value placed in the upstream path is percent-encoded as one segment; a value that is "
        "empty, decodes to `.` or `..`, or holds a control character is refused.",
    ),
    Claim(
        "SCO-06",
        _SCOPE,
        24,
        "A header value with a control character is refused as `invalid_arguments`. Headers "
        "that frame the message or carry the credential cannot be set by an argument.",
    ),
    Claim(
        "SCO-08",
        _SCOPE,
        24,
        "In a form or a body of several parts an argument stays one value under its own name: "
        "names and file names with a control character, file names that hold a path, and texts "
        "that are not Base64 are refused as `invalid_arguments` before any upstream request.",
    ),
    Claim(
        "SCO-05",
        _SCOPE,
        39,
        "A server-side hold for human approval of destructive tools.",
        available=False,
    ),
    Claim(
        "LIF-01",
        _LIFE,
        11,
        "{expiry_rule} Expiry is decided on each request. An API token expires only if it was "
        "created with `expires_at`.",
    ),
    Claim(
        "LIF-02",
        _LIFE,
        13,
        "Revocation takes effect with the next request: each request reads the server and its "
        "tenant from the store, and no decision about access is cached.",
    ),
    Claim(
        "LIF-03",
        _LIFE,
        12,
        "A server's token can be rotated: the new one holds from the next request on, the old one "
        f"until an overlap of at most {OVERLAP_MAX_S // 3600} hours ends, and never more than two.",
    ),
    Claim(
        "LIF-04",
        _LIFE,
        13,
        "A server, or a tenant with all its servers and API tokens, can be suspended and resumed. "
        "A suspended server, and each server of a suspended tenant, gets the HTTP 404 of an "
        "unknown token, from the next request on.",
    ),
    Claim(
        "LIF-06",
        _LIFE,
        13,
        "An admin's kill switch for everything, for an integration or for a tenant refuses the "
        "calls of exactly that scope from the next request on, in every process, with HTTP 503 "
        "`switched_off` and nothing sent upstream.",
    ),
    Claim(
        "LIF-07",
        _LIFE,
        13,
        "A call that is under way when its server is revoked or suspended, its tenant suspended, "
        "its account deleted, or a kill switch turned off for it, is cancelled within a second: "
        "the connection to the upstream API is closed, and the outcome row says `cancelled`.",
    ),
    Claim(
        "LIF-08",
        _LIFE,
        13,
        "Anybody may report text that holds a token to `POST /leaked`: a live server token ends "
        "with its server, a live API token ends, from the next request on, and its owner is told "
        "by an event. The answer is the same whatever was reported.",
    ),
    Claim(
        "LIF-05",
        _LIFE,
        13,
        "Offboarding a tenant (`POST /tenant/{{id}}/offboard`) is final: from the next request on "
        "nothing of it is admitted, its keys are destroyed, so that no copy of the data yields its "
        "credentials, and its records are deleted. The signed deletion report says what was "
        "destroyed and what remains: audit rows ({audit_retention_days} days at least), copies of "
        "the keys ({key_backup_days} days at most), and backups of the data.",
    ),
)
