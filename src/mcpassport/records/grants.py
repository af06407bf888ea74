"""Who may call: tenants, accounts, servers, tokens, and the caller they add up to."""

from datetime import datetime
from typing import Any, Literal, TypeAlias

from msgspec import Struct, field

from mcpassport.records.tool import Filter

Role: TypeAlias = Literal["admin", "tenant", "auditor", "factor"]


class Tenant(Struct, frozen=True, kw_only=True):
    """A customer of the vendor."""

    id: str
    name: str
    created_at: datetime
    status: Literal["active", "suspended", "offboarded"] = "active"
    key_version: int = 1
    key_since: datetime | None = None
    """When the data key of that version took the place of the one before; None: the first."""
    limits: dict[str, int] = field(default_factory=dict)
    """What an admin set for this tenant; see `limits.in_force`."""
    ended_at: datetime | None = None
    """When it was offboarded, which is final."""


class Disclosure(Struct, frozen=True, kw_only=True):
    """That a tenant's fingerprint key was asked for; never the key."""

    tenant: str
    at: datetime
    by: str
    """The principal that asked."""
    shown: bool = False
    """Whether it was handed out, which happens once."""


class Overrides(Struct, frozen=True, omit_defaults=True):
    """The few values an admin may change for one account; they can only narrow."""

    context: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    timeout_s: float | None = None
    removed_methods: tuple[str, ...] = ()


class OAuthGrant(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known of an account's OAuth tokens; never a token."""

    requested: tuple[str, ...] = ()
    granted: tuple[str, ...] = ()
    expires_at: datetime | None = None
    """Of the access token; None: the provider did not say."""
    lifetime_s: int | None = None
    """How long it held when it was granted."""
    renewable: bool = False
    """Whether there is a refresh token, or a client of the account's own."""
    marked_at: datetime | None = None
    """When a renewal began whose end is not known."""
    retried: bool = False
    """Whether that renewal is the second try after one whose end is not known."""


class Account(Struct, frozen=True, kw_only=True):
    """One tenant's connection to one integration. Its credential is a record of its own."""

    id: str
    tenant: str
    integration: str
    name: str
    created_at: datetime
    updated_at: datetime
    credential_kind: str
    context: dict[str, str] = field(default_factory=dict)
    overrides: Overrides = field(default_factory=Overrides)
    status: Literal["active", "needs_reauth"] = "active"
    reason: str = ""
    """Why it must be connected again: an error code of the provider, or `lost_rotation`."""
    oauth: OAuthGrant | None = None


class OAuthApp(Struct, frozen=True, kw_only=True):
    """The client by which the vendor is known to a provider; its secret is sealed apart."""

    integration: str
    client_id: str
    created_at: datetime
    updated_at: datetime


class Link(Struct, frozen=True, kw_only=True):
    """A single-use invitation to connect one account, at a page of ours."""

    token_hash: str
    tenant: str
    account: str
    """The id that the account has, or will have."""
    integration: str
    credential_kind: str
    name: str
    context: dict[str, str] = field(default_factory=dict)
    scopes: tuple[str, ...] = ()
    reconnect: bool = False
    by: str
    """The principal that made it."""
    expires_at: datetime


class Asked(Struct, frozen=True, kw_only=True):
    """What a provider was asked for one link, until it sends the browser back."""

    state_hash: str
    link_hash: str
    tenant: str
    browser_hash: str
    """Of the cookie of the browser that began."""
    sealed_verifier: bytes
    expires_at: datetime


class Factor(Struct, frozen=True):
    """A second factor that a server demands; the kind says which options it has."""

    kind: str
    options: dict[str, Any] = field(default_factory=dict)


class OAuth(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whose access tokens a server takes in place of its own token."""

    issuer: str
    resource: str
    """The server's address, by which clients and authorization servers name it (RFC 9728)."""
    audience: str
    """What tokens must be made for; the resource itself unless the vendor says otherwise."""
    read_scope: str = ""
    write_scope: str = ""
    required_claims: dict[str, Any] = field(default_factory=dict)
    algorithms: tuple[str, ...] = ("RS256", "ES256")
    skew_s: int = 60


class Earlier(Struct, frozen=True):
    """The token that a rotation replaced; it holds until then, beside the new one."""

    token_hash: str
    until: datetime


class Server(Struct, frozen=True, kw_only=True):
    """An MCP server: a scoped, expiring grant on exactly one integrated account."""

    id: str
    tenant: str
    account: str
    integration: str
    name: str
    created_at: datetime
    updated_at: datetime
    expires_at: datetime | None
    token_hash: str
    filter: Filter = field(default_factory=Filter)
    factors: tuple[Factor, ...] = ()
    rate_limit_errors: Literal["auto", "http_429", "tool_error"] = "auto"
    status: Literal["active", "suspended", "revoked"] = "active"
    revoked_at: datetime | None = None
    limits: dict[str, int] = field(default_factory=dict)
    """What an admin set for this server."""
    earlier: Earlier | None = None
    rotated_at: datetime | None = None
    oauth: OAuth | None = None
    address_hash: str = ""
    """Its index entry by address, where access tokens once were allowed."""
    hash_before: str = ""
    """The same token's hash under the token key before: a restored backup may still have it."""


SwitchScope: TypeAlias = Literal["all", "integration", "tenant"]


class Switch(Struct, frozen=True, kw_only=True):
    """A kill switch that is off; one that is on has no record."""

    id: str
    scope: SwitchScope
    name: str
    by: str
    """The principal that turned it off."""
    reason: str
    since: datetime


class ApiToken(Struct, frozen=True, kw_only=True):
    """A secret for the management API (admin, tenant, auditor) or the second factor (factor)."""

    id: str
    tenant: str
    """Empty for admins, and for auditors of the whole deployment."""
    role: Role
    name: str
    token_hash: str
    created_at: datetime
    expires_at: datetime | None
    status: Literal["active", "revoked"] = "active"
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None
    """To the hour; None: never, or not since this is remembered."""


class IndexEntry(Struct, frozen=True):
    """What a token hash leads to; kept for dead tokens until audit retention ends."""

    kind: Literal["server", "api_token"]
    tenant: str
    id: str
    account: str = ""
    integration: str = ""
    key_version: int = 1
    """Of the token key under which the hash was made."""


class IntegrationHead(Struct, frozen=True, kw_only=True):
    """The live version of an integration; `version` is the optimistic lock of a push."""

    name: str
    label: str
    version: int
    digest: str
    updated_at: datetime


class IntegrationVersion(Struct, frozen=True, kw_only=True):
    """One immutable pushed version: `content` is `{config, documentation}` after the overlay."""

    name: str
    version: int
    digest: str
    pushed_at: datetime
    pushed_by: str
    note: str = ""
    content: dict[str, Any]


class Principal(Struct, frozen=True):
    """Who uses the management API: an API token, or `cli:<os user>` in process."""

    id: str
    role: Role
    tenant: str = ""


class Caller(Struct, frozen=True, kw_only=True):
    """A request that was admitted: everything later hops need, read once."""

    tenant: Tenant
    server: Server
    account: Account
    integration: IntegrationHead
    sealed_credential: bytes
    api_token_id: str | None = None
    factors: tuple[str, ...] = ()
    groups: tuple[str, ...] | None = None
    """The groups of methods that an access token reaches; None without one: all."""
    as_of: int = 0
    """How many endings of grants this process had seen before it was admitted: `gate/running`."""
