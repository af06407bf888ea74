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
        "annotations, and can be recomputed from `tools/list`.",
    ),
    Claim(
        "TOO-03",
        _CATALOG,
        27,
        "Each push of an integration makes an immutable, numbered version; the version of a call "
        "is in its audit row.",
    ),
    Claim("TOO-04", _CATALOG, 26, "Tool pinning against a changed surface.", available=False),
    Claim(
        "PAG-01",
        _PAGING,
        25,
        "Every `list` tool takes `limit` and `next_cursor` and answers one upstream page, never "
        "a collection of pages.",
    ),
    Claim(
        "LIM-01",
        _LIMITS,
        20,
        "An upstream 429 reaches the caller as a 429: as the HTTP status or as the envelope of a "
        "tool error, with the same facts and headers on both channels.",
    ),
    Claim(
        "LIM-02",
        _LIMITS,
        20,
        "This deployment starts at most {calls_per_10s} calls in 10 seconds and keeps at most "
        "{in_flight_server} in flight per MCP server and worker process; it runs {workers}.",
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
        "`response_too_large`, not truncated.",
    ),
    Claim(
        "FAI-01",
        _FAILURE,
        21,
        "Every failure has one `type` of the table in Rate limits & errors; the answer holds no "
        "stack, upstream URL or credential.",
    ),
    Claim(
        "FAI-02",
        _FAILURE,
        38,
        "If the store or the keys cannot be read, requests are refused with HTTP 503 and nothing "
        "is sent upstream.",
    ),
    Claim(
        "FAI-03",
        _FAILURE,
        38,
        "An upstream API that is down or slow gives `upstream_unreachable` or `upstream_timeout`, "
        "after {call_timeout} by default and at most {call_timeout_ceiling} where a tool sets "
        "its own.",
    ),
    Claim(
        "FAI-04",
        _FAILURE,
        21,
        "The published table of a failure run: fault, answer, upstream request count, audit row.",
        available=False,
    ),
    Claim(
        "AUD-01",
        _AUDIT,
        16,
        "An admitted tool call writes an intent row before the upstream request and an outcome "
        "row after it; the answer is sent once the outcome row is committed.",
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
        "as a keyed fingerprint (HMAC-SHA256).",
    ),
    Claim(
        "AUD-04",
        _AUDIT,
        17,
        "Disclosure of the fingerprint key to the customer, to recompute fingerprints.",
        available=False,
    ),
    Claim(
        "AUD-05",
        _AUDIT,
        18,
        "The rows of a tenant form one hash chain: a changed, removed or reordered row breaks it.",
    ),
    Claim("AUD-06", _AUDIT, 18, "Signed checkpoints of the audit chain.", available=False),
    Claim(
        "AUD-07",
        _AUDIT,
        18,
        "Audit rows are kept at least {audit_retention_days} days, by setting; this version "
        "deletes none.",
    ),
    Claim(
        "AUD-08",
        _AUDIT,
        19,
        "Signed audit exports, a SIEM connector and alerting.",
        available=False,
    ),
    Claim(
        "AUD-09",
        _AUDIT,
        16,
        "Requests that resolve to no tenant are only counted, per second, reason and network.",
    ),
    Claim(
        "CLI-01",
        "client-configuration",
        40,
        "Every client block of this document is generated from the published address of this "
        "deployment (`{public_url}`).",
    ),
    Claim(
        "DOC-01",
        "documentation-quality-policy",
        28,
        "No documentation record, no tool: of this version {dropped_count} methods are dropped "
        "and named with the reason.",
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
        "A signature over this document, and evidence runs that re-check its claims.",
        available=False,
    ),
    Claim(
        "CHG-01",
        "changelog",
        27,
        "Published releases with a generated diff and a deprecation notice.",
        available=False,
    ),
)
