"""Claims about what is held: credentials, payloads, and the hosts that data travels to."""

from typing import Final

from mcpassport.evidence.claims.record import Claim

_CREDENTIAL = "credential-handling"
_ZERO = "zero-data-retention"
_FLOW = "data-flow"

CUSTODY: Final[tuple[Claim, ...]] = (
    Claim(
        "CRE-01",
        _CREDENTIAL,
        3,
        "Upstream credentials are encrypted with AES-256-GCM under a data key of their tenant. "
        "Data keys are wrapped by a master key, which is read from a file that only its owner may "
        "read, or from the environment. `mcpassport doctor` reports a master key that lies inside "
        "the data folder.",
        hangs_on=("store", "master_key"),
    ),
    Claim(
        "CRE-02",
        _CREDENTIAL,
        3,
        "Tenant and account are bound into each ciphertext as associated data: a stored "
        "credential copied to another account does not decrypt.",
    ),
    Claim(
        "CRE-03",
        _CREDENTIAL,
        3,
        "Server tokens and API tokens are stored only as HMAC-SHA256 under a random token key.",
    ),
    Claim(
        "CRE-04",
        _CREDENTIAL,
        5,
        "A token and its URL are disclosed once, in the answer that creates them; no later read "
        "and no repeat under the same `Idempotency-Key` returns them.",
    ),
    Claim(
        "CRE-05",
        _CREDENTIAL,
        34,
        "No route returns an upstream credential. Whoever holds the records, the keys and the "
        "master key can decrypt; the records and the keys alone are not enough.",
    ),
    Claim(
        "CRE-06",
        _CREDENTIAL,
        3,
        "An account of this integration may bring: {credential_kinds}.",
    ),
    Claim(
        "CRE-07",
        _CREDENTIAL,
        10,
        "Where accounts are connected by OAuth, a link asks for the scopes of the methods that the "
        "vendor enables, and for those that the integration always needs. What was asked for and "
        "what was granted are shown beside each other; of each server, what was granted beyond "
        "the need of its tools.",
    ),
    Claim(
        "CRE-08",
        _CREDENTIAL,
        4,
        "The master key, data keys and the token key are exchanged while the deployment serves "
        "(`mcpassport keys rotate`). A tenant's credentials are sealed anew at once, and the data "
        "key before is destroyed a day later. A token moves to the next token key when it is "
        "presented; the operator says when the key before is destroyed, and with it what did not "
        "move.",
        hangs_on=("store",),
    ),
    Claim(
        "CRE-13",
        _CREDENTIAL,
        4,
        "A master key that the customer holds (BYOK), or that a key management service holds.",
        available=False,
    ),
    Claim(
        "CRE-09",
        _CREDENTIAL,
        34,
        "An admin of this deployment can try a method on any account "
        "(`POST /integrated-account/{{id}}/try`) and sees the answer; nothing of it is stored, "
        "credentials that were sent are masked in it, and the tenant's audit names the admin.",
    ),
    Claim(
        "CRE-10",
        _CREDENTIAL,
        4,
        "The keys are kept {keys_place}. `mcpassport store backup` copies records and audit rows "
        "and no key; `mcpassport store backup-keys` copies the keys apart, each wrapped by the "
        "master key.{keys_shared}",
        stated="keys_shared",
    ),
    Claim(
        "CRE-11",
        _CREDENTIAL,
        4,
        "A copy of the keys is kept at most {key_backup_days} days (`key_backup_days`).",
        stated="key_backup_days",
    ),
    Claim(
        "CRE-12",
        _CREDENTIAL,
        3,
        "No upstream credential or token, server token, API token, link, secret of an OAuth app or "
        "of a webhook lies in a database, its journal, a log, "
        "a temporary file or a backup of the product: neither plain nor encoded nor compressed.",
        hangs_on=("store",),
    ),
    Claim(
        "CRE-14",
        _CREDENTIAL,
        3,
        "An account is connected at its provider by an authorization code with PKCE (S256). The "
        "link and the `state` are good for one use each, and the `state` only in the browser that "
        "began.",
    ),
    Claim(
        "CRE-15",
        _CREDENTIAL,
        3,
        "A token that has run out is renewed once for all calls that wait for it. A renewal whose "
        "end is unknown is tried once more; then the account is active, or has to be connected "
        "again and says why. Nothing is sent for an account that has to be connected again.",
    ),
    Claim(
        "CRE-19",
        _CREDENTIAL,
        3,
        "A credential that an integration sends in the query joins the address where the request "
        "is sent: no log, metric, audit row, database or error message of the product holds it, "
        "and no argument can set the query value that carries it.",
        hangs_on=("store",),
    ),
    Claim(
        "ZDR-01",
        _ZERO,
        14,
        "Arguments, results, and what the upstream API says in headers and bodies are held in "
        "memory for one call and are written to no database, log, metric or file of the product. "
        "The processes that serve leave no core dumps.",
        hangs_on=("store",),
    ),
    Claim(
        "ZDR-02",
        _ZERO,
        14,
        "No response is cached: every result of a tool call came from its own upstream request.",
    ),
    Claim(
        "ZDR-03",
        _ZERO,
        14,
        "The product calls no model, and no customer data is used for AI training by it.",
    ),
    Claim(
        "DAT-01",
        _FLOW,
        15,
        "A tool call of this integration connects to no other host than: {egress_hosts}.",
    ),
    Claim(
        "DAT-02",
        _FLOW,
        24,
        "The upstream address is vetted where the socket is made: private, loopback, link-local "
        "and metadata addresses are refused. Exceptions by setting (`host:port`, for private and "
        "loopback addresses only): {private_hosts}.",
    ),
    Claim("DAT-03", _FLOW, 24, "A redirect of the upstream API is reported, never followed."),
)
