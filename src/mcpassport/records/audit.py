"""An audit row: what is recorded of one request, and nothing of its payload."""

from datetime import datetime
from typing import Literal, TypeAlias

from msgspec import Struct

Phase: TypeAlias = Literal["intent", "outcome", "refusal", "event"]


class AuditRow(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One row of a tenant's chain. Never an argument, a result, a token or a credential."""

    ts: datetime
    phase: Phase
    request_id: str
    tenant: str
    account: str = ""
    server: str = ""
    integration: str = ""
    """`name@version`."""
    rpc_method: str = ""
    tool: str = ""
    resource: str = ""
    method: str = ""
    decision: Literal["", "allow", "deny"] = ""
    reason: str = ""
    outcome: str = ""
    http_status: int | None = None
    upstream_status: int | None = None
    duration_ms: int | None = None
    upstream_ms: int | None = None
    bytes_in: int | None = None
    bytes_out: int | None = None
    api_token_id: str = ""
    factors: tuple[str, ...] = ()
    client_name: str = ""
    client_version: str = ""
    protocol_version: str = ""
    fingerprint: str = ""
    tool_digest: str = ""
    surface_digest: str = ""
    principal: str = ""
    action: str = ""
    subject: str = ""
    count: int = 1
    """How many refusals of one dead token this row stands for."""
    process: str = ""
    """The serving process that recorded an intent; its lease says whether it still lives."""


class ChainedRow(Struct, frozen=True):
    """A row as stored: its place in the chain and the hash that ties it to the one before."""

    chain: str
    sequence: int
    hash: bytes
    body: bytes
    """JSON of the `AuditRow`, the bytes that were hashed."""


class EdgeCount(Struct, frozen=True, kw_only=True):
    """Requests of one second, reason and client network that resolved to no tenant.

    A row of the edge chain; each process counts for itself.
    """

    ts: datetime
    """The second."""
    reason: str
    network: str
    count: int


class Segment(Struct, frozen=True):
    """What a stretch of a chain may hold, so that questions can pass over it; derived from rows."""

    chain: str
    first: int
    last: int
    since: int
    """The earliest time of its rows, and `until` the latest, in microseconds since 1970."""
    until: int
    holds: bytes
    """Marks of the values in its rows; empty when they are not known."""


class Checkpoint(Struct, frozen=True, kw_only=True):
    """A signed statement: at this time, this chain had this hash at this sequence."""

    chain: str
    sequence: int
    hash: str
    """Of the row, in hex."""
    ts: str
    """ISO 8601, UTC."""
    key: str
    """The public key that the signature is checked with: 32 bytes in Base64."""
    signature: str
    """Ed25519 (RFC 8032), in Base64."""
