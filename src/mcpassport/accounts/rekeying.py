"""Gives a tenant another data key, while everything goes on: `keys rotate`.

1. The next key is made; its version was never used before.
2. The tenant's record says so, in one transaction with the event: from the next request on what is
   sealed for the tenant is sealed under it.
3. Each credential under an older key is opened inside the vault and sealed anew, where it is still
   the one that was read.
4. A day later the older keys are destroyed, unless something is still sealed under them. Until then
   cursors that agents hold still open.

Whoever was interrupted asks again; what was left behind is also found by the hourly sweep, and so
are keys of offboarded tenants that a restored copy brought back.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Final

from msgspec import Struct

from mcpassport.accounts.tenants import Tenants
from mcpassport.records.grants import Tenant
from mcpassport.records.sources import Clock
from mcpassport.store.keys import Keys
from mcpassport.store.protocol import ALL, PLATFORM, Entry, EtagConflict, Op, Store
from mcpassport.store.repositories import CREDENTIAL_KIND, TENANTS, credential_put
from mcpassport.store.vault import Tampered, Vault, credential_associated, key_version

OLD_KEYS_KEPT: Final = timedelta(days=1)
"""How long cursors under an older key still open."""


class Rekeyed(Struct, frozen=True, kw_only=True):
    """What one tenant's rotation did."""

    tenant: Tenant
    resealed: int
    unreadable: int
    """Credentials that do not open: they stay as they are, and so does their key."""


class Rekeying:
    """The owner of data keys' rotation."""

    def __init__(
        self, store: Store, keys: Keys, tenants: Tenants, vault: Vault, clock: Clock
    ) -> None:
        self._store = store
        self._keys = keys
        self._tenants = tenants
        self._vault = vault
        self._clock = clock

    async def rotate(self, tenant_id: str, extra: Sequence[Op]) -> Rekeyed:
        """Steps (1) to (3). `NoSuchObject`; `Conflict` when offboarded or changed meanwhile."""
        await self._tenants.living(tenant_id)
        version = await self._keys.create_tenant_key(tenant_id)  # (1)
        tenant = await self._tenants.rekey(tenant_id, version, extra)  # (2)
        return await self._reseal(tenant)

    async def rotate_platform(self, extra: Sequence[Op]) -> int:
        """Seal the vendor's OAuth apps under another data key; how many.

        No cursor is sealed under it, so the key before is destroyed at once.
        """
        found = [entry async for entry in self._store.scan(CREDENTIAL_KIND, PLATFORM)]
        if not found:
            return 0
        version = await self._keys.create_tenant_key(PLATFORM)
        await self._store.write(extra)
        resealed = 0
        for entry in found:
            with suppress(Tampered):  # it stays as it is, and so does its key
                resealed += await self._resealed(PLATFORM, version, entry)
        if resealed == len(found):
            await self._keys.destroy_tenant_keys_below(PLATFORM, version)
        return resealed

    async def sweep(self) -> int:
        """Step (4) for every tenant, after (3) for what was left; of how many keys were destroyed.

        Of an offboarded tenant every key is destroyed.
        """
        swept = 0
        async for entry in self._store.scan(TENANTS.kind, ALL):
            tenant = TENANTS.decode(entry)
            if tenant is not None:
                swept += await self._swept(tenant)
        return swept

    async def _swept(self, tenant: Tenant) -> bool:
        versions = await self._keys.tenant_key_versions(tenant.id)
        if tenant.ended_at is not None:
            if versions:
                await self._keys.destroy_tenant_keys(tenant.id)
            return bool(versions)
        since = tenant.key_since
        if since is None or not versions or versions[0] >= tenant.key_version:
            return False
        rekeyed = await self._reseal(tenant)
        if rekeyed.unreadable or self._clock() - since < OLD_KEYS_KEPT:
            return False
        await self._keys.destroy_tenant_keys_below(tenant.id, tenant.key_version)  # (4)
        return True

    async def _reseal(self, tenant: Tenant) -> Rekeyed:
        """(3) Those whose credential was changed meanwhile are sealed under the new key already."""
        resealed = unreadable = 0
        async for entry in self._store.scan(CREDENTIAL_KIND, tenant.id):
            try:
                resealed += await self._resealed(tenant.id, tenant.key_version, entry)
            except Tampered:
                unreadable += 1
        return Rekeyed(tenant=tenant, resealed=resealed, unreadable=unreadable)

    async def _resealed(self, tenant: str, version: int, entry: Entry) -> bool:
        if key_version(entry.value) >= version:
            return False
        account = entry.key.id
        bound = credential_associated(tenant, account)
        sealed = await self._vault.reseal(tenant, version, bound, entry.value)
        put = credential_put(tenant, account, sealed, version)
        try:
            await self._store.write([put], {entry.key: entry.etag})
        except EtagConflict:
            return False
        return True
