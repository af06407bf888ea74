"""What this deployment states of itself: its build, and the facts that the reference prints."""

import hashlib
from datetime import timedelta
from pathlib import Path

from mcpassport.reference.assurance import Assurance, load_evidence
from mcpassport.reference.facts import Facts
from mcpassport.reference.vendor import Vendor, load_vendor
from mcpassport.settings import Settings
from mcpassport.store import STORE_NAMES, keys_beside


def build_digest() -> str:
    """SHA-256 (hex) over the package's own files, names included: what runs here."""
    root = Path(__file__).parent
    total = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        if path.is_file() and path.suffix != ".pyc":
            total.update(str(path.relative_to(root)).encode() + b"\0")
            total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def facts_of(settings: Settings) -> Facts:
    """What the reference states of these settings."""
    return Facts(
        public_url=settings.public_url,
        environment=settings.environment or None,
        limits=settings.limits,
        audit_retention_days=settings.audit_retention_days,
        audit_durability=settings.audit_durability,
        audit_volume_bytes=settings.audit_volume_bytes,
        default_server_ttl_days=settings.default_server_ttl_days,
        allow_unexpiring_servers=settings.allow_unexpiring_servers,
        private_hosts=settings.private_hosts,
        allowed_origins=settings.allowed_origins,
        allowed_hosts=settings.allowed_hosts,
        trusted_proxies=settings.trusted_proxies,
        client_certificates=settings.client_cert_header,
        workers=settings.workers,
        tls_here=settings.terminates_tls,
        evidence_max_age_days=settings.evidence_max_age_days,
        store=STORE_NAMES[settings.records_url.partition(":")[0]],
        keys=keys_beside(settings.records_url, settings.keyring_url),
        key_backup_days=settings.key_backup_days,
        publish=settings.publish,
    )


def vendor_of(settings: Settings) -> Vendor:
    """The vendor's words, from `vendor.yaml` where the settings name one."""
    return load_vendor(settings.vendor_file) if settings.vendor_file else Vendor()


def assurance_of(settings: Settings, build: str) -> Assurance:
    """What `evidence_file` proves of that build; nothing where the settings name no file."""
    file = settings.evidence_file
    evidence = load_evidence(file) if file else None
    max_age = timedelta(days=settings.evidence_max_age_days)
    return Assurance(evidence, build, settings.digest(), max_age)
