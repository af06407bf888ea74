"""Who is told of events, and how far."""

from datetime import datetime
from typing import Literal

from msgspec import Struct


class Webhook(Struct, frozen=True, kw_only=True):
    """One address that is told of the events of one chain. Its secret is a record of its own."""

    id: str
    tenant: str
    """Whose events; empty for the deployment's own."""
    url: str
    events: tuple[str, ...] = ()
    """The actions that are told, such as `server.revoke`; none: all."""
    created_at: datetime
    by: str
    """The principal that made it."""
    status: Literal["active", "off"] = "active"
    """`off` once it has failed for too long; nothing is told until it is resumed."""
    passed: int = 0
    """The sequence of the last row of the chain that was told, or needed not be."""
    failures: int = 0
    """In a row, of the event that is next."""
    failing_since: datetime | None = None
    retry_at: datetime | None = None
    last_status: int | None = None
    """HTTP status of the last answer; None: there was none."""
