"""The facts of this deployment that the reference states."""

from collections.abc import Sequence
from typing import Final, Literal

from msgspec import Struct, field

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
NO_HOSTS: Final = "none, so that `Host` is not checked"


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
    factors: tuple[str, ...] = ("api_token",)
    workers: int = 1
    evidence_max_age_days: int = 90
    store: str = "SQLite"
    keys: Literal["file", "schema", "apart"] = "file"
    key_backup_days: int = 7


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
    limits = facts.limits
    return {
        "public_url": safe(facts.public_url),
        "environment": safe(facts.environment or "not labelled"),
        "store": facts.store,
        "keys_place": KEYS_PLACES[facts.keys],
        "keys_shared": _KEYS_SHARED if facts.keys == "schema" else "",
        "key_backup_days": str(facts.key_backup_days),
        "factors": code_list(facts.factors),
        "allowed_origins": code_list(facts.allowed_origins),
        "allowed_hosts": code_list(facts.allowed_hosts) if facts.allowed_hosts else NO_HOSTS,
        "trusted_proxies": code_list(facts.trusted_proxies),
        "private_hosts": code_list(facts.private_hosts),
        "audit_retention_days": str(facts.audit_retention_days),
        "audit_durability": _DURABILITY[facts.audit_durability],
        "audit_volume_bytes": size(facts.audit_volume_bytes)
        if facts.audit_volume_bytes
        else "the free space of the disk",
        "default_server_ttl_days": str(facts.default_server_ttl_days),
        "expiry_rule": _expiry_rule(facts),
        "transport_security": _transport_security(facts),
        "workers": "1 worker process"
        if facts.workers == 1
        else f"{facts.workers} worker processes",
        "evidence_max_age_days": str(facts.evidence_max_age_days),
        "calls_per_10s": str(limits.calls_per_10s),
        "in_flight_server": str(limits.in_flight_server),
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


def _transport_security(facts: Facts) -> str:
    if facts.public_url.startswith("https://"):
        return (
            "The published address uses https. TLS ends in front of this process; its floor and "
            "HSTS are settings of that proxy and are not checked by this build."
        )
    return "The published address uses plain http: transport is not encrypted by this deployment."
