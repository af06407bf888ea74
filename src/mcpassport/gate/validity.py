"""How long a grant holds, and what an expiry may be when it is written."""

from datetime import datetime, timedelta

from msgspec import Struct

from mcpassport.errors import InvalidInput, Problem
from mcpassport.limits import AUDIT_RETENTION_DAYS, SERVER_TTL_MIN_S
from mcpassport.records.grants import Server


def is_expired(expires_at: datetime | None, now: datetime) -> bool:
    """Whether the time has come; at the instant itself a grant no longer holds."""
    return expires_at is not None and now >= expires_at


def is_live(status: str, expires_at: datetime | None, now: datetime) -> bool:
    """Active and unexpired."""
    return status == "active" and not is_expired(expires_at, now)


def holds(server: Server, token_hash: str, now: datetime) -> bool:
    """Whether it is the server's token, or the one before its rotation while both hold."""
    if token_hash == server.token_hash:
        return True
    earlier = server.earlier
    return earlier is not None and token_hash == earlier.token_hash and now < earlier.until


def check_expiry(expires_at: datetime, now: datetime) -> None:
    """`InvalidInput` unless the time has a zone and lies at least a minute ahead."""
    if expires_at.tzinfo is None:
        raise _refused("expires_at has no zone.", "Write it like 2030-01-31T12:00:00Z.")
    if expires_at < now + timedelta(seconds=SERVER_TTL_MIN_S):
        raise _refused(
            f"expires_at is less than {SERVER_TTL_MIN_S} seconds ahead.",
            "Choose a later time, or revoke instead.",
        )


def _refused(message: str, mend: str) -> InvalidInput:
    return InvalidInput(
        f"{message} {mend}", problems=(Problem("/expires_at", "expiry", message, mend),)
    )


class Lifetimes(Struct, frozen=True, kw_only=True):
    """What this deployment lets an expiry be."""

    default: timedelta
    allow_unexpiring: bool = False
    remembered: timedelta = timedelta(days=AUDIT_RETENTION_DAYS)
    """How long what a dead token led to stays known, so that its refusals can be recorded."""

    def check(self, expires_at: datetime | None, now: datetime) -> None:
        """`InvalidInput` for an expiry that this deployment does not allow; None means never."""
        if expires_at is not None:
            check_expiry(expires_at, now)
        elif not self.allow_unexpiring:
            raise InvalidInput(
                "This deployment does not allow MCP servers that never expire; give expires_at."
            )
