"""Claims about how calls run: limits, failures, audit, catalog, and the document itself."""

from typing import Final

from mcpassport.evidence.claims.record import Claim

_CATALOG = "tool-catalog"
_PAGING = "pagination"
_LIMITS = "rate-limits-errors"
_FAILURE = "failure-modes"
_AUDIT = "audit-trail"
_SHARED = "shared-responsibility"

OPERATION: Final[tuple[Claim, ...]] = (
    Claim(
        "TOO-01",
        _CATALOG,
        28,
        "Version {integration_version} of the integration makes {tool_count} tools under catalog "
        "digest `{catalog_digest}`; `tools/list` is served from the same catalog.",
    ),
    Claim(
        "TOO-02",
        _CATALOG,
        28,
        "Each tool's `visible` digest covers its name, title, description, input schema and "
        "annotations, is printed here, and can be recomputed from `tools/list`.",
    ),
    Claim(
        "TOO-03",
        _CATALOG,
        27,
        "Each push of an integration that changes it makes an immutable, numbered version; the "
        "version of a call is in its audit row. The newest version is live at once.",
    ),
    Claim("TOO-04", _CATALOG, 26, "Tool pinning against a changed surface.", available=False),
    Claim(
        "TOO-05",
        _CATALOG,
        25,
        "What a tool returns was checked before: JSON is one complete UTF-8 text, a text is read "
        "in its charset, Base64 is decoded and encoded anew, a media type is a plain "
        "`type/subtype`. Anything else is refused whole as `malformed_upstream_response`.",
    ),
    Claim(
        "TOO-06",
        _CATALOG,
        25,
        "Progress of a call is told only to a caller that gives a token and accepts server-sent "
        "events, in numbers that only grow; the answer comes last, and nothing after it.",
    ),
    Claim(
        "TOO-07",
        _CATALOG,
        23,
        "A call of a tool that needs a client capability is refused, with nothing sent upstream, "
        "unless its request declares that capability; requests of older revisions cannot.",
    ),
    Claim(
        "PAG-01",
        _PAGING,
        25,
        "{paging_rule} One call answers one upstream page, never a collection of pages.",
    ),
    Claim(
        "LIM-01",
        _LIMITS,
        20,
        "An upstream 429 reaches the caller as a 429: as the HTTP status or as the envelope of a "
        "tool error, with the same facts and the same headers on both channels.",
    ),
    Claim(
        "LIM-02",
        _LIMITS,
        20,
        "Per MCP server and worker process, {calls_per_10s} requests may start at once, and the "
        "allowance refills evenly over 10 seconds; {in_flight_server} may be in flight. This "
        "deployment runs {workers}.",
    ),
    Claim(
        "LIM-03",
        _LIMITS,
        22,
        "One tool call makes at most one upstream request. Nothing is retried, whatever the "
        "outcome.",
    ),
    Claim(
        "LIM-04",
        _LIMITS,
        25,
        "An upstream body over {upstream_body} after decompression is refused as "
        "`response_too_large`, not truncated; the message names the arguments that narrow the "
        "request.",
    ),
    Claim(
        "LIM-05",
        _LIMITS,
        22,
        "A `POST` of the management API that creates an object may carry `Idempotency-Key`: "
        "repeated within 24 hours it makes nothing twice. Tool calls have no such key.",
    ),
    Claim(
        "FAI-01",
        _FAILURE,
        21,
        "Every failure has one `type` of the [table of error types](#every-error-type); the answer "
        "holds no stack, upstream URL or credential, and of the upstream body at most the message "
        "that the integration maps (500 characters).",
    ),
    Claim(
        "FAI-02",
        _FAILURE,
        38,
        "If the store or the keys cannot be read, a request is refused before admission with HTTP "
        "503, after it with `store_unavailable`; nothing is sent upstream.",
    ),
    Claim(
        "FAI-03",
        _FAILURE,
        38,
        "An upstream API that is down or slow gives `upstream_unreachable` or `upstream_timeout`: "
        "{connect_timeout} to connect, {call_timeout} for the whole call, at most "
        "{call_timeout_ceiling} where a method sets its own.",
    ),
    Claim(
        "FAI-05",
        _FAILURE,
        38,
        "If a caller of 2026-07-28 closes its connection, its call is cancelled: the connection to "
        "the upstream API is closed, and the outcome row says `cancelled`. Calls of older "
        "revisions run to their end, and the outcome row says what came of them.",
    ),
    Claim(
        "FAI-04",
        _FAILURE,
        21,
        "Each fault of the failure lab gives the row printed below: answer, upstream request "
        "count, audit rows. A failure run prints what it saw; two runs are equal once the volatile "
        "parts that it lists are replaced.",
    ),
    Claim(
        "AUD-01",
        _AUDIT,
        16,
        "An admitted tool call writes an intent row before the upstream request and an outcome "
        "row after it; the answer is sent once the outcome row is committed. A call that is "
        "refused before its intent writes one refusal row instead.",
    ),
    Claim(
        "AUD-02",
        _AUDIT,
        16,
        "If the intent cannot be written, the call is refused and nothing is sent upstream.",
    ),
    Claim(
        "AUD-03",
        _AUDIT,
        17,
        "A row never holds an argument, a result, a token or a credential; arguments appear only "
        "as a keyed fingerprint (HMAC-SHA256). Names that the caller chooses (tool, JSON-RPC "
        "method, client) are recorded up to 128 printable characters.",
    ),
    Claim(
        "AUD-04",
        _AUDIT,
        17,
        "A customer can have the key of its fingerprints, once "
        "(`POST /tenant/{{id}}/fingerprint-key`), and then recompute the fingerprint of a call "
        "from its arguments without this deployment. The vendor holds the key too and can "
        "recompute fingerprints as well.",
    ),
    Claim(
        "AUD-05",
        _AUDIT,
        18,
        "The rows of a tenant form one hash chain: a changed, removed, inserted or reordered row "
        "breaks it. Up to its last signed checkpoint a chain cannot be rewritten or cut without "
        "the signing key; compare later rows with copies of your own.",
    ),
    Claim(
        "AUD-06",
        _AUDIT,
        18,
        "Every hour each chain that advanced is verified, and its last row is signed (Ed25519) "
        "with the key that `GET /audit/key` publishes. The key is kept by this deployment: whoever "
        "holds its master key can sign.",
    ),
    Claim(
        "AUD-07",
        _AUDIT,
        18,
        "Audit rows are kept at least {audit_retention_days} days, by setting; older ones are "
        "removed only as a whole beginning of a chain up to a signed checkpoint.",
    ),
    Claim(
        "AUD-08",
        _AUDIT,
        19,
        "A connector that pushes rows of calls to a SIEM, and alerting rules.",
        available=False,
    ),
    Claim(
        "AUD-09",
        _AUDIT,
        16,
        "Requests that resolve to no tenant, or are refused before admission, are only counted: "
        "per second, reason and client network (/24 or /48), in a chain of their own that is "
        "signed and kept as audit rows are.",
    ),
    Claim(
        "AUD-10",
        _AUDIT,
        18,
        "A customer can recompute the chain from the rows that `GET /audit` serves, without "
        "trusting this deployment's own check.",
    ),
    Claim(
        "AUD-11",
        _AUDIT,
        16,
        "Refusals of revoked and expired tokens, and of callers over a limit, become at most one "
        "row a second per token or server, with a count; they are written within about a second "
        "and not awaited.",
    ),
    Claim(
        "AUD-12",
        _AUDIT,
        16,
        "A row that is committed survives {audit_durability} (`audit_durability`). If a process is "
        "killed during a call, the intent gets the outcome `unknown`, once.",
    ),
    Claim(
        "AUD-13",
        _AUDIT,
        16,
        "The audit trail may fill {audit_volume_bytes} (`audit_volume_bytes`): at 90 % strangers "
        "are no longer counted, at 100 % calls are refused with `audit_unavailable` and nothing is "
        "sent, until there is room.",
    ),
    Claim(
        "AUD-14",
        _AUDIT,
        19,
        "`mcpassport audit export` writes each row of a chain once and in order, as flat NDJSON or "
        "CSV, and follows what is added; interrupted, it goes on after the last whole line.",
    ),
    Claim(
        "AUD-15",
        _AUDIT,
        19,
        "Management events can be sent to an address of the tenant's or the vendor's choice: in "
        "order, signed (HMAC-SHA256), and again until they are taken, for a day. They name actions "
        "and ids, never a payload.",
    ),
    Claim(
        "CLI-01",
        "client-configuration",
        40,
        "Every client block of this document is generated from the published address of this "
        "deployment (`{public_url}`); what the files and commands among them send completes a "
        "handshake and lists the tools, with both layers demanded.",
    ),
    Claim(
        "DOC-01",
        "documentation-quality-policy",
        28,
        "No documentation record, no tool: in this version {dropped_methods} dropped and named "
        "with the reason.",
    ),
    Claim("SHR-01", _SHARED, 35, "SBOM, build provenance and a signed release.", available=False),
    Claim(
        "SHR-02",
        _SHARED,
        25,
        "Semantic prompt injection through upstream text is not detected; results are passed on "
        "as the upstream API returned or the integration mapped them.",
    ),
    Claim(
        "VER-01",
        "verify-this-document",
        27,
        "A release of this document is signed, with its renderings and its evidence: one altered "
        "byte of any of them is found, and what was altered is named. The newest release is what "
        "the public address serves, byte for byte.",
    ),
    Claim(
        "CHG-01",
        "changelog",
        27,
        "Every release keeps its address and its bytes. Its changes are generated from the two "
        "documents, breaking ones first. When what runs is no longer what was published, the page "
        "and `releases.json` say so. {publish_rule}",
    ),
)
