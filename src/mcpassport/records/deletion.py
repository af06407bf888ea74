"""What became of an offboarded tenant: the report that whoever left can keep and check."""

from datetime import datetime

from msgspec import Struct, field


class Remains(Struct, frozen=True, kw_only=True):
    """What is still there of a tenant, why, and until when."""

    what: str
    why: str
    until: datetime | None = None
    """None: as long as whoever keeps it keeps it."""


class DeletionReport(Struct, frozen=True, kw_only=True):
    """A signed statement of this deployment; times are UTC."""

    tenant: str
    by: str
    """The principal that ended it."""
    started_at: datetime
    finished_at: datetime
    build: str
    keys_destroyed: int
    """Versions of the tenant's data key, and the key of its fingerprints."""
    records_deleted: dict[str, int]
    """Kind -> how many."""
    fingerprint_key_disclosed: bool
    """Whether the tenant has the key of its fingerprints, and can still recompute them."""
    remains: tuple[Remains, ...]
    key: str = ""
    """The operations key, base64."""
    signature: str = field(default="")
    """Ed25519 (RFC 8032), base64, over the lines of `audit/deletion.py`."""
