"""The facts of this deployment that the reference states."""

from collections.abc import Sequence
from typing import Final, Literal

from msgspec import Struct, field

from mcpassport.gate.issuers import KEPT_S
from mcpassport.limits import LIMITS, SERVER_TTL_MIN_S, Limits

NONE: Final = "none"
_DURABILITY: Final = {
    "process": "the death of a process, but perhaps not a power failure",
    "disk": "the death of a process and a power failure",
}
KEYS_PLACES: Final = {
    "file": "in a file of their own",
    "schema": "in the database of the records, in a schema of their own",
    "apart": "in another database than the records",
}
_KEYS_SHARED: Final = (
    " Backups that the database itself makes hold both, unless that schema is left out of them."
)
_PUBLISH_RULES: Final = {
    "open": (
        "A pushed integration version is live at once; until a release describes it, the page of "
        "the newest release says that what runs differs."
    ),
    "required": "A pushed integration version is live only once a release of it is published.",
}
NO_HOSTS: Final = "none"
_UNLISTED: Final = (
    "where this deployment listens on loopback, the host of its published address and names of its "
    "own machine; where it listens elsewhere, any, since none is listed"
)


class Facts(Struct, frozen=True, kw_only=True):
    """Settings in force that a claim may depend on; no secret is among them."""

    public_url: str
    environment: str | None = None
    limits: Limits = field(default_factory=Limits)
    audit_retention_days: int = 400
    audit_durability: Literal["process", "disk"] = "disk"
    audit_volume_bytes: int = 0
    default_server_ttl_days: int = 90
    allow_unexpiring_servers: bool = False
    private_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    allowed_hosts: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    factors: tuple[str, ...] = ("api_token", "mtls", "jwt")
    client_certificates: str = ""
    """The form in which a proxy passes them on; empty where none does."""
    workers: int = 1
    tls_here: bool = False
    evidence_max_age_days: int = 90
    store: str = "SQLite"
    keys: Literal["file", "schema", "apart"] = "file"
    key_backup_days: int = 7
    publish: Literal["open", "required"] = "open"


NO_CERTIFICATES = "not at all: no server here can demand one"


def code_list(values: Sequence[str]) -> str:
    """The values as prose, each marked literal, or `none`."""
    return ", ".join(f"`{safe(value)}`" for value in values) if values else NONE


def safe(value: str) -> str:
    """The value without the characters that prose gives a meaning to."""
    return value.replace("`", "'").replace("[", "(").replace("]", ")")


def size(count: int) -> str:
    """A number of bytes as prose."""
    mebibytes = count / 2**20
    return f"{mebibytes:g} MiB" if count >= 2**20 else f"{count:,} bytes"


def fact_texts(facts: Facts) -> dict[str, str]:
    """Each fact as prose, by the name that claims use."""
    return {
        "public_url": safe(facts.public_url),
        "environment": safe(facts.environment or "not labelled"),
        "store": facts.store,
        "keys_place": KEYS_PLACES[facts.keys],
        "keys_shared": _KEYS_SHARED if facts.keys == "schema" else "",
        "key_backup_days": str(facts.key_backup_days),
        "publish_rule": _PUBLISH_RULES[facts.publish],
        "factors": code_list(facts.factors),
        "allowed_origins": code_list(facts.allowed_origins),
        "allowed_hosts": code_list(facts.allowed_hosts) if facts.allowed_hosts else NO_HOSTS,
        "admitted_hosts": _admitted_hosts(facts),
        "hsts_rule": _hsts_rule(facts),
        "trusted_proxies": code_list(facts.trusted_proxies),
        "client_certificates": f"as `{facts.client_certificates}`"
        if facts.client_certificates
        else NO_CERTIFICATES,
        "private_hosts": code_list(facts.private_hosts),
        "audit_retention_days": str(facts.audit_retention_days),
        "audit_durability": _DURABILITY[facts.audit_durability],
        "audit_volume_bytes": size(facts.audit_volume_bytes)
        if facts.audit_volume_bytes
        else "the free space of the disk",
        "default_server_ttl_days": str(facts.default_server_ttl_days),
        "expiry_rule": _expiry_rule(facts),
        "transport_security": _transport_security(facts),
        "issuer_keys_kept": f"{KEPT_S // 60} minutes",
        "workers": "1 worker process"
        if facts.workers == 1
        else f"{facts.workers} worker processes",
        "evidence_max_age_days": str(facts.evidence_max_age_days),
        **_limit_texts(facts.limits),
    }


def _limit_texts(limits: Limits) -> dict[str, str]:
    return {
        "calls_per_10s": str(limits.calls_per_10s),
        "in_flight_server": str(limits.in_flight_server),
        "in_flight_tenant": str(limits.in_flight_tenant),
        "place_wait": f"{limits.place_wait_ms / 1000:g} s",
        "request_body": size(limits.request_body_bytes),
        "json_depth": str(limits.json_depth),
        "batch_length": str(limits.batch_length),
        "strangers": f"{limits.strangers_per_10s:,}",
        "upstream_body": size(limits.upstream_body_bytes),
        "connect_timeout": f"{limits.connect_timeout_s} s",
        "call_timeout": f"{limits.call_timeout_s} s",
        "call_timeout_ceiling": f"{LIMITS['call_timeout_s'].ceiling} s",
    }


def _expiry_rule(facts: Facts) -> str:
    unexpiring = (
        "A server without expiry can be created on purpose (`expires_at: null`)."
        if facts.allow_unexpiring_servers
        else "Every server expires: one without expiry cannot be created."
    )
    return (
        f"A server created without `expires_at` expires after {facts.default_server_ttl_days} "
        f"days; the shortest life is {SERVER_TTL_MIN_S} s, a longest one is not set. {unexpiring}"
    )


def _admitted_hosts(facts: Facts) -> str:
    if not facts.allowed_hosts:
        return _UNLISTED
    return f"{code_list(facts.allowed_hosts)}; beside MCP servers also names of its own machine"


def _hsts_rule(facts: Facts) -> str:
    if facts.public_url.startswith("https://"):
        return "Every answer says `Strict-Transport-Security: max-age=31536000` (HSTS)."
    return "No answer asks for HSTS, since the published address is plain http."


def _transport_security(facts: Facts) -> str:
    if facts.tls_here:
        return (
            "The published address uses https. TLS ends in this deployment's own processes: 1.2 "
            "and 1.3; anything older is refused."
        )
    if facts.public_url.startswith("https://"):
        return (
            "The published address uses https. TLS ends in front of this process; its floor is a "
            "setting of that proxy and is not checked by this build."
        )
    return "The published address uses plain http: transport is not encrypted by this deployment."
