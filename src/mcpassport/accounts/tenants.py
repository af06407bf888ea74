"""Tenants: the vendor's customers. A tenant's data key exists before its record does."""

from collections.abc import Sequence

import msgspec

from mcpassport.errors import Conflict, NoSuchObject
from mcpassport.records.grants import Tenant
from mcpassport.records.sources import Clock
from mcpassport.store.keys import Keys
from mcpassport.store.protocol import ABSENT, ALL, EtagConflict, Op, Store
from mcpassport.store.repositories import TENANTS


class Tenants:
    """Create, read and list tenants."""

    def __init__(self, store: Store, keys: Keys, clock: Clock) -> None:
        self._store = store
        self._keys = keys
        self._clock = clock

    async def create(self, tenant_id: str, name: str, extra: Sequence[Op]) -> Tenant:
        """Make a tenant; `extra` joins the same transaction. `Conflict` if the id is taken."""
        if await TENANTS.get(self._store, tenant_id, tenant_id):
            raise Conflict(f"A tenant {tenant_id!r} exists already.")
        version = await self._keys.create_tenant_key(tenant_id)
        tenant = Tenant(id=tenant_id, name=name, created_at=self._clock(), key_version=version)
        try:
            await self._store.write(
                [TENANTS.put(tenant), *extra], {TENANTS.key(tenant_id, tenant_id): ABSENT}
            )
        except EtagConflict:
            raise Conflict(f"A tenant {tenant_id!r} exists already.") from None
        return tenant

    async def get(self, tenant_id: str) -> Tenant:
        """The tenant, or `NoSuchObject`."""
        found = await TENANTS.get(self._store, tenant_id, tenant_id)
        if found is None:
            raise NoSuchObject("No such tenant.")
        return found[0]

    async def rename(self, tenant_id: str, name: str, extra: Sequence[Op]) -> Tenant:
        """Give the tenant another name."""
        found = await TENANTS.get(self._store, tenant_id, tenant_id)
        if found is None:
            raise NoSuchObject("No such tenant.")
        tenant = msgspec.structs.replace(found[0], name=name)
        try:
            await self._store.write(
                [TENANTS.put(tenant), *extra], {TENANTS.key(tenant_id, tenant_id): found[1]}
            )
        except EtagConflict:
            raise Conflict from None
        return tenant

    async def page(self, cursor: str | None, limit: int) -> tuple[list[Tenant], str | None]:
        """One page of all tenants, in id order."""
        return await TENANTS.page(self._store, ALL, cursor=cursor, limit=limit)
