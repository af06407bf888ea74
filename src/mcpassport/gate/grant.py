"""A grant as it is read: everything that decides whether a token still opens something."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Literal, TypeAlias

from msgspec import Struct

from mcpassport.gate.switches import switch_keys
from mcpassport.gate.validity import holds, is_expired
from mcpassport.records.grants import (
    Account,
    ApiToken,
    IndexEntry,
    IntegrationHead,
    Server,
    Tenant,
)
from mcpassport.store.protocol import PLATFORM, Entry, Key
from mcpassport.store.repositories import (
    ACCOUNTS,
    API_TOKENS,
    CREDENTIAL_KIND,
    HEADS,
    SERVERS,
    TENANTS,
)

Reason: TypeAlias = Literal[
    "unknown_token",
    "revoked",
    "rotated",
    "suspended",
    "expired",
    "tenant_suspended",
    "switched_off",
    "grant_broken",
    "other_address",
    "factor_missing",
    "factor_invalid",
    "factor_undecided",
    "access_token_missing",
    "access_token_invalid",
    "access_token_undecided",
    "scope_missing",
]
"""Why a request was refused: for the audit, never for the caller."""

NOBODY: Final = "(nobody)"
"""Id of records that never exist, since no id holds a bracket; what cannot be looked up is looked
up under it."""


class Grant(Struct, frozen=True, kw_only=True):
    """What the second round trip read."""

    tenant: Tenant | None
    server: Server | None
    account: Account | None
    head: IntegrationHead | None
    sealed_credential: bytes
    api_token: ApiToken | None
    api_token_etag: str
    switched_off: bool


def grant_keys(server: IndexEntry | None, api: IndexEntry | None) -> list[Key]:
    """Where its records stand; for no server the same number of records that never exist."""
    at = server or IndexEntry("server", PLATFORM, NOBODY, NOBODY, NOBODY)
    token = api or IndexEntry("api_token", PLATFORM, NOBODY)
    return [
        TENANTS.key(at.tenant or NOBODY, at.tenant or NOBODY),
        SERVERS.key(at.tenant, at.id),
        ACCOUNTS.key(at.tenant, at.account),
        HEADS.key(PLATFORM, at.integration),
        Key(CREDENTIAL_KIND, at.tenant, at.account),
        API_TOKENS.key(token.tenant, token.id),
        *switch_keys(at.tenant, at.integration),
    ]


def decoded(entries: Sequence[Entry | None]) -> Grant:
    """The grant of the records under `grant_keys`, in that order."""
    tenant, server, account, head, credential, api_token, *switches = entries
    return Grant(
        tenant=TENANTS.decode(tenant),
        server=SERVERS.decode(server),
        account=ACCOUNTS.decode(account),
        head=HEADS.decode(head),
        # An account whose credential is gone can still list its tools; a call tells it to connect.
        sealed_credential=credential.value if credential else b"",
        api_token=API_TOKENS.decode(api_token),
        api_token_etag=api_token.etag if api_token else "",
        switched_off=any(switch is not None for switch in switches),
    )


def broken(grant: Grant, token: str | None, now: datetime) -> Reason | None:
    """Why the grant does not stand with that token (its hash), or None.

    With None the server was found by its address, which only one that allows OAuth may be.
    """
    server = grant.server
    if server is None or grant.tenant is None:
        return "grant_broken"
    if server.status == "revoked":
        return "revoked"
    if (reason := _unheld(server, token, now)) is not None:
        return reason
    if server.status != "active":
        return "suspended"
    if is_expired(server.expires_at, now):
        return "expired"
    if grant.tenant.status != "active":
        return "tenant_suspended"
    if grant.account is None or grant.head is None:
        return "grant_broken"
    return None


def _unheld(server: Server, token: str | None, now: datetime) -> Reason | None:
    if token is None:
        return None if server.oauth is not None else "other_address"
    return None if holds(server, token, now) else "rotated"


def stopped(grant: Grant) -> bool:
    """Whether somebody ended or stopped it: what ends a call that is under way.

    Time alone does not, and neither does a rotation: whoever was admitted before may finish.
    """
    server, tenant = grant.server, grant.tenant
    return (
        grant.switched_off
        or grant.account is None
        or server is None
        or tenant is None
        or server.status != "active"
        or tenant.status != "active"
    )
