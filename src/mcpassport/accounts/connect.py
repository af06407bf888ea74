"""Integrated accounts: connect with static credentials, change, delete; hand out the credential.

The plaintext of a credential enters here once, is sealed under the tenant's data key before it is
written, and leaves only as a `Secret` that `upstream/auth` opens for the length of a call.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import msgspec

from mcpassport.accounts.fields import check_context, check_credential, check_overrides
from mcpassport.accounts.refresh import Refresher, is_due
from mcpassport.accounts.tenants import ENDED
from mcpassport.errors import (
    Conflict,
    InvalidInput,
    NoSuchObject,
    ReauthorizationRequired,
    StoreUnavailable,
)
from mcpassport.records.grants import Account, Caller, OAuthGrant, Overrides, Tenant
from mcpassport.records.integration import Integration
from mcpassport.records.masked import Secret
from mcpassport.records.sources import Clock
from mcpassport.store.protocol import ABSENT, Delete, Entry, EtagConflict, Key, Op, Put, Store
from mcpassport.store.repositories import (
    ACCOUNTS,
    SERVERS,
    TENANTS,
    credential_key,
    credential_put,
    ending,
)
from mcpassport.store.vault import Tampered, Vault, credential_associated


class AccountDraft(msgspec.Struct, frozen=True, kw_only=True):
    """What a new account is made of; `repr` hides the credential."""

    id: str
    name: str
    credential_kind: str
    credential: Mapping[str, str]
    context: Mapping[str, str]
    oauth: OAuthGrant | None = None
    """What a provider granted; then the credential holds its tokens."""

    def __repr__(self) -> str:
        return f"AccountDraft({self.id})"


class Accounts:
    """The owner of upstream credentials."""

    def __init__(
        self, store: Store, vault: Vault, clock: Clock, refresher: Refresher | None = None
    ) -> None:
        self._store = store
        self._vault = vault
        self._clock = clock
        self._refresher = refresher

    async def create(
        self,
        tenant: Tenant,
        integration: Integration,
        draft: AccountDraft,
        extra: Sequence[Op],
        stands: Mapping[Key, str] = MappingProxyType({}),
    ) -> Account:
        """Check, seal and write a new account; `extra` joins the same transaction.

        `stands` is what else must not have changed.

        `Conflict` if the tenant is offboarded or changed meanwhile.
        """
        if draft.oauth is None:
            check_credential(integration, draft.credential_kind, draft.credential)
        check_context(integration, draft.context)
        now = self._clock()
        account = Account(
            id=draft.id,
            tenant=tenant.id,
            integration=integration.name,
            name=draft.name,
            created_at=now,
            updated_at=now,
            credential_kind=draft.credential_kind,
            context=dict(draft.context),
            oauth=draft.oauth or self._own_client(integration, draft.credential_kind),
        )
        owner = await TENANTS.get(self._store, tenant.id, tenant.id)
        if owner is None or owner[0].ended_at is not None:
            raise Conflict(ENDED)
        sealed = await self._seal(owner[0], account.id, draft.credential)
        expect = {
            ACCOUNTS.key(tenant.id, account.id): ABSENT,
            TENANTS.key(tenant.id, tenant.id): owner[1],
            **stands,
        }
        await self._write([ACCOUNTS.put(account), sealed, *extra], expect)
        return account

    async def get(self, tenant: str, account_id: str) -> Account:
        """The account, or `NoSuchObject`."""
        return (await self._read(tenant, account_id))[0]

    async def page(
        self, tenant: str, integration: str | None, cursor: str | None, limit: int
    ) -> tuple[list[Account], str | None]:
        """One page of a tenant's accounts, optionally of one integration only."""
        return await ACCOUNTS.page(
            self._store,
            tenant,
            index=None if integration is None else "integration",
            value=integration,
            cursor=cursor,
            limit=limit,
        )

    async def change(
        self,
        tenant: Tenant,
        account_id: str,
        integration: Integration,
        changes: Mapping[str, Any],
        extra: Sequence[Op],
        stands: Mapping[Key, str] = MappingProxyType({}),
    ) -> Account:
        """Change `name`; replace the whole of `context`, `overrides`, or `credential`.

        `credential_kind` goes with `credential`; absent, the kind stays.
        """
        account, etag = await self._read(tenant.id, account_id)
        ops: list[Op] = list(extra)
        credential: Mapping[str, str] | None = changes.get("credential")
        if credential is None and "credential_kind" in changes:
            raise InvalidInput("credential_kind goes with a credential of that kind; give both.")
        if credential is not None:
            kind = changes.get("credential_kind") or account.credential_kind
            check_credential(integration, kind, credential)
            ops.append(await self._seal(tenant, account_id, credential))
            grant = self._own_client(integration, kind)
            account = msgspec.structs.replace(
                account, credential_kind=kind, status="active", reason="", oauth=grant
            )
        context = dict(changes.get("context", account.context))
        overrides: Overrides = changes.get("overrides", account.overrides)
        if "context" in changes or "overrides" in changes:
            check_overrides(integration, overrides)
            check_context(integration, context, overrides.context)
        account = msgspec.structs.replace(
            account,
            name=changes.get("name", account.name),
            context=context,
            overrides=overrides,
            updated_at=self._clock(),
        )
        expect = {ACCOUNTS.key(tenant.id, account_id): etag, **stands}
        await self._write([ACCOUNTS.put(account), *ops], expect)
        return account

    async def delete(self, tenant: str, account_id: str, extra: Sequence[Op]) -> int:
        """Delete the account and its credential, and revoke its servers; how many servers."""
        _, etag = await self._read(tenant, account_id)
        expect = {ACCOUNTS.key(tenant, account_id): etag}
        now = self._clock()
        revoked: list[Op] = []
        async for entry in self._servers_of(tenant, account_id):
            server = SERVERS.decode(entry)
            if server is None or server.status == "revoked":
                continue
            expect[entry.key] = entry.etag
            ended = msgspec.structs.replace(
                server, status="revoked", revoked_at=now, updated_at=now
            )
            revoked.append(SERVERS.put(ended))
        gone = [
            Delete(ACCOUNTS.key(tenant, account_id)),
            Delete(credential_key(tenant, account_id)),
        ]
        await self._write([*gone, *revoked, ending(), *extra], expect)
        return len(revoked)

    async def credential(self, caller: Caller) -> Secret:
        """The sealed credential of an admitted caller, opened into a `Secret`.

        A token that is about to run out is renewed before; `ReauthorizationRequired` if it cannot
        be, `CredentialRefreshFailed` if it cannot be now.
        """
        account = caller.account
        if account.status != "active":
            raise ReauthorizationRequired
        if self._refresher is not None and is_due(account, self._clock()):
            return await self._refresher.credential(account.tenant, account.id)
        return await self._open(account.tenant, account.id, caller.sealed_credential)

    async def credential_of(self, account: Account) -> Secret:
        """The credential of an account, for a try-out or a connection test."""
        if account.status != "active":
            raise ReauthorizationRequired
        if self._refresher is not None and is_due(account, self._clock()):
            return await self._refresher.credential(account.tenant, account.id)
        key = credential_key(account.tenant, account.id)
        (entry,) = await self._store.get_many([key])
        if entry is None:
            raise ReauthorizationRequired
        return await self._open(account.tenant, account.id, entry.value)

    async def reconnect(
        self,
        tenant: Tenant,
        account_id: str,
        fields: Mapping[str, str],
        grant: OAuthGrant,
        extra: Sequence[Op],
        stands: Mapping[Key, str],
    ) -> Account:
        """Give the account the tokens that a provider granted anew; it is active again."""
        account, etag = await self._read(tenant.id, account_id)
        changed = msgspec.structs.replace(
            account, status="active", reason="", oauth=grant, updated_at=self._clock()
        )
        sealed = await self._seal(tenant, account_id, fields)
        expect = {ACCOUNTS.key(tenant.id, account_id): etag, **stands}
        await self._write([ACCOUNTS.put(changed), sealed, *extra], expect)
        return changed

    def _own_client(self, integration: Integration, kind: str) -> OAuthGrant | None:
        """Of an account that brings a client of its own: its first token is fetched when needed."""
        for declared in integration.credentials:
            if declared.kind == kind and declared.oauth is not None:
                methods = (each for method in integration.methods for each in method.scopes)
                wanted = tuple(dict.fromkeys((*declared.oauth.scopes, *methods)))
                return OAuthGrant(requested=wanted, expires_at=self._clock(), renewable=True)
        return None

    async def _servers_of(self, tenant: str, account_id: str) -> AsyncIterator[Entry]:
        cursor: str | None = None
        while True:
            page = await self._store.page(
                SERVERS.kind, tenant, index="account", value=account_id, cursor=cursor
            )
            for entry in page.entries:
                yield entry
            cursor = page.cursor
            if cursor is None:
                return

    async def _open(self, tenant: str, account_id: str, sealed: bytes) -> Secret:
        if not sealed:
            raise ReauthorizationRequired
        try:
            return await self._vault.unseal(
                tenant, credential_associated(tenant, account_id), sealed
            )
        except Tampered:
            raise StoreUnavailable("The account's credential cannot be opened.") from None

    async def _seal(self, tenant: Tenant, account_id: str, values: Mapping[str, str]) -> Put:
        sealed = await self._vault.seal(
            tenant.id,
            tenant.key_version,
            credential_associated(tenant.id, account_id),
            msgspec.json.encode(dict(values)),
        )
        return credential_put(tenant.id, account_id, sealed, tenant.key_version)

    async def _read(self, tenant: str, account_id: str) -> tuple[Account, str]:
        found = await ACCOUNTS.get(self._store, tenant, account_id)
        if found is None:
            raise NoSuchObject("No such integrated account.")
        return found

    async def _write(self, ops: Sequence[Op], expect: Mapping[Key, str]) -> None:
        try:
            await self._store.write(ops, expect)
        except EtagConflict:
            raise Conflict from None
