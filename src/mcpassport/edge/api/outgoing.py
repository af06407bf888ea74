"""Documents that the management API answers with.

None holds a secret, except the members that a creation shows once.
"""

from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

import msgspec
from msgspec.structs import asdict
from pydantic import BaseModel

from mcpassport.limits import Limits, settable
from mcpassport.records.deletion import DeletionReport
from mcpassport.records.grants import (
    ApiToken,
    IntegrationHead,
    Server,
    Tenant,
)

T = TypeVar("T")


class PageOf(BaseModel, Generic[T]):
    """One page; send `next_cursor` back unchanged for the next."""

    result: list[T]
    next_cursor: str | None


class RemainsOut(BaseModel):
    """What is still there of an offboarded tenant, why, and until when."""

    what: str
    why: str
    until: datetime | None
    """null: as long as whoever keeps it keeps it."""


class DeletionReportOut(BaseModel):
    """What became of an offboarded tenant, signed; `mcpassport tenant verify-report` checks it."""

    tenant: str
    by: str
    started_at: datetime
    finished_at: datetime
    build: str
    keys_destroyed: int
    records_deleted: dict[str, int]
    fingerprint_key_disclosed: bool
    remains: list[RemainsOut]
    key: str
    signature: str

    @classmethod
    def of(cls, report: DeletionReport) -> "DeletionReportOut":
        """The same, member by member."""
        return cls.model_validate(msgspec.to_builtins(report, builtin_types=(datetime,)))


class TenantOut(BaseModel):
    """A tenant."""

    id: str
    name: str
    status: str
    limits: dict[str, int]
    created_at: datetime
    key_version: int
    key_since: datetime | None
    deletion_report: DeletionReportOut | None = None
    """Of an offboarded tenant that is read by itself."""

    @classmethod
    def of(cls, tenant: Tenant) -> "TenantOut":
        """From the record; its limits are those that an admin set for it."""
        return cls(
            id=tenant.id,
            name=tenant.name,
            status=tenant.status,
            limits=tenant.limits,
            created_at=tenant.created_at,
            key_version=tenant.key_version,
            key_since=tenant.key_since,
        )


class IntegrationOut(BaseModel):
    """The live version of an integration."""

    name: str
    label: str
    version: int
    digest: str
    updated_at: datetime

    @classmethod
    def of(cls, head: IntegrationHead) -> "IntegrationOut":
        """From the record."""
        return cls(
            name=head.name,
            label=head.label,
            version=head.version,
            digest=head.digest,
            updated_at=head.updated_at,
        )


class VersionOut(BaseModel):
    """One immutable version; `config` and `documentation` only when read singly."""

    name: str
    version: int
    digest: str
    pushed_at: datetime
    pushed_by: str
    note: str
    held: bool = False
    """Whether it waits for its release, and is not live until then."""
    config: dict[str, Any] | None = None
    documentation: list[dict[str, Any]] | None = None


class ServerOut(BaseModel):
    """An MCP server. `token` and `url` appear once, in the answer that creates or rotates them."""

    id: str
    tenant: str
    account: str
    integration: str
    name: str
    status: str
    config: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    rotated_at: datetime | None
    earlier_token_until: datetime | None
    """Until when the token before the last rotation still holds; null once it does not."""
    limits_in_force: dict[str, int]
    token: str | None = None
    url: str | None = None
    header_url: str | None = None
    secret: Literal["shown_once", "already_disclosed"] | None = None

    @classmethod
    def of(cls, server: Server, limits: Limits, now: datetime) -> "ServerOut":
        """From the record; an active server past its time reads `expired`."""
        late = server.expires_at is not None and server.expires_at <= now
        kinds = [factor.kind for factor in server.factors]
        earlier = server.earlier
        overlaps = earlier is not None and now < earlier.until
        return cls(
            id=server.id,
            tenant=server.tenant,
            account=server.account,
            integration=server.integration,
            name=server.name,
            status="expired" if late and server.status == "active" else server.status,
            config={
                "methods": _listed(server.filter.methods),
                "tags": _listed(server.filter.tags),
                "resources": _listed(server.filter.resources),
                "deny": list(server.filter.deny),
                "factors": [{"kind": each.kind, **each.options} for each in server.factors],
                "require_api_token_auth": "api_token" in kinds,
                "oauth": server.oauth and asdict(server.oauth),
                "rate_limit_errors": server.rate_limit_errors,
                "limits": server.limits,
            },
            created_at=server.created_at,
            updated_at=server.updated_at,
            expires_at=server.expires_at,
            revoked_at=server.revoked_at,
            rotated_at=server.rotated_at,
            earlier_token_until=earlier.until if earlier and overlaps else None,
            limits_in_force={name: getattr(limits, name) for name in settable("tenant")},
        )


def _listed(values: tuple[str, ...] | None) -> list[str] | None:
    return None if values is None else list(values)


class TokenOut(BaseModel):
    """An API token. `token` appears once, in the response that creates it."""

    id: str
    tenant: str
    role: str
    name: str
    status: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    """To the hour."""
    token: str | None = None
    secret: Literal["shown_once", "already_disclosed"] | None = None

    @classmethod
    def of(cls, token: ApiToken, now: datetime) -> "TokenOut":
        """From the record; an active token past its time reads `expired`."""
        late = token.expires_at is not None and token.expires_at <= now
        return cls(
            id=token.id,
            tenant=token.tenant,
            role=token.role,
            name=token.name,
            status="expired" if late and token.status == "active" else token.status,
            created_at=token.created_at,
            expires_at=token.expires_at,
            last_used_at=token.last_used_at,
        )


class DiffOut(BaseModel):
    """What changed between two versions, breaking changes first."""

    name: str
    a: int
    b: int
    changes: list[dict[str, Any]]


class KeyOut(BaseModel):
    """A public key; the fingerprint is the SHA-256 (hex) of its 32 bytes."""

    algorithm: str
    public_key: str
    """Base64."""
    fingerprint: str


class VersionInfo(BaseModel):
    """What runs here, for whoever compares it with a reference."""

    version: str
    build_digest: str
    settings_digest: str
    environment: str
    protocol_revisions: list[str]
    catalogs: dict[str, str]


class Health(BaseModel):
    """The process answers."""

    alive: bool = True


class JobState(BaseModel):
    """One job: its last success in seconds since 1970, and whether the next is overdue."""

    last_success: int | None
    late: bool


class ReadyState(BaseModel):
    """Whether this process can serve, and which of store, keys and audit fail."""

    ready: bool
    failing: list[str]
    jobs: dict[str, JobState]
