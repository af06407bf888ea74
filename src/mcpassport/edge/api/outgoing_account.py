"""Integrated accounts as the management API shows them: never a credential."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel

from mcpassport.records.grants import Account, OAuthGrant


class OAuthGrantOut(BaseModel):
    """What a provider granted for an account; never a token."""

    requested_scopes: list[str]
    granted_scopes: list[str]
    expires_at: datetime | None
    renewable: bool

    @classmethod
    def of(cls, grant: OAuthGrant) -> "OAuthGrantOut":
        """From the record."""
        return cls(
            requested_scopes=list(grant.requested),
            granted_scopes=list(grant.granted),
            expires_at=grant.expires_at,
            renewable=grant.renewable,
        )


class AccountOut(BaseModel):
    """An integrated account; its credential is never shown."""

    id: str
    tenant: str
    integration: str
    name: str
    status: str
    reason: str | None
    """Why it has to be connected again."""
    credential_kind: str
    oauth: OAuthGrantOut | None
    context: dict[str, str]
    overrides: dict[str, Any]
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, account: Account) -> "AccountOut":
        """From the record."""
        overrides = account.overrides
        return cls(
            id=account.id,
            tenant=account.tenant,
            integration=account.integration,
            name=account.name,
            status=account.status,
            reason=account.reason or None,
            credential_kind=account.credential_kind,
            oauth=None if account.oauth is None else OAuthGrantOut.of(account.oauth),
            context=account.context,
            overrides={
                "context": overrides.context,
                "headers": overrides.headers,
                "timeout_s": overrides.timeout_s,
                "removed_methods": list(overrides.removed_methods),
            },
            created_at=account.created_at,
            updated_at=account.updated_at,
        )
