"""Tenants: the vendor's customers. A tenant's data key exists before its record does."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

import msgspec

from mcpassport.errors import Conflict, NoSuchObject
from mcpassport.records.grants import Tenant
from mcpassport.records.sources import Clock
from mcpassport.store.keys import Keys
from mcpassport.store.protocol import ABSENT, ALL, EtagConflict, Op, Store
from mcpassport.store.repositories import TENANTS, ending

ENDED = "The tenant is offboarded, which is final; create another one."


class Tenants:
    """Create, read, list, change, suspend and resume tenants."""

    def __init__(self, store: Store, keys: Keys, clock: Clock) -> None:
        self._store = store
        self._keys = keys
        self._clock = clock

    async def create(
        self,
        tenant_id: str,
        name: str,
        extra: Sequence[Op],
        *,
        limits: Mapping[str, int] = MappingProxyType({}),
    ) -> Tenant:
        """Make a tenant; `extra` joins the same transaction. `Conflict` if the id is taken."""
        if await TENANTS.get(self._store, tenant_id, tenant_id):
            raise Conflict(f"A tenant {tenant_id!r} exists already.")
        version = await self._keys.create_tenant_key(tenant_id)
        tenant = Tenant(
            id=tenant_id,
            name=name,
            created_at=self._clock(),
            key_version=version,
            limits=dict(limits),
        )
        try:
            await self._store.write(
                [TENANTS.put(tenant), *extra],
                {TENANTS.key(tenant_id, tenant_id): ABSENT},
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

    async def change(
        self, tenant_id: str, changes: Mapping[str, Any], extra: Sequence[Op]
    ) -> Tenant:
        """Give the tenant another `name`, or other `limits`, from the next request on."""
        return await self._change(tenant_id, changes, extra)

    async def suspend(self, tenant_id: str, extra: Sequence[Op]) -> Tenant:
        """Refuse the tenant's MCP servers and API tokens from the next request on."""
        return await self._change(tenant_id, {"status": "suspended"}, extra)

    async def resume(self, tenant_id: str, extra: Sequence[Op]) -> Tenant:
        """Let a suspended tenant work again; what was revoked or suspended singly stays so."""
        return await self._change(tenant_id, {"status": "active"}, extra)

    async def living(self, tenant_id: str) -> Tenant:
        """The same for whoever gives it something; `Conflict` when it is offboarded."""
        tenant = await self.get(tenant_id)
        if tenant.ended_at is not None:
            raise Conflict(ENDED)
        return tenant

    async def end(self, tenant_id: str, now: datetime, extra: Sequence[Op]) -> Tenant:
        """Refuse all that is the tenant's, for good, and forget its name and limits."""
        changes = {"status": "offboarded", "ended_at": now, "name": "", "limits": {}}
        tenant = await self.get(tenant_id)
        return tenant if tenant.ended_at else await self._change(tenant_id, changes, extra)

    async def rekey(self, tenant_id: str, version: int, extra: Sequence[Op]) -> Tenant:
        """Seal what is sealed for the tenant under that data key, from the next request on."""
        changes = {"key_version": version, "key_since": self._clock()}
        return await self._change(tenant_id, changes, extra)

    async def _change(
        self, tenant_id: str, changes: Mapping[str, Any], extra: Sequence[Op]
    ) -> Tenant:
        """A tenant that has the status already is not written, and no event is recorded."""
        found = await TENANTS.get(self._store, tenant_id, tenant_id)
        if found is None:
            raise NoSuchObject("No such tenant.")
        if found[0].ended_at is not None:
            raise Conflict(ENDED)
        tenant = msgspec.structs.replace(found[0], **changes)
        if tenant == found[0] and ("status" in changes or not changes):
            return tenant
        stopping = [ending()] if tenant.status != "active" else []
        try:
            await self._store.write(
                [TENANTS.put(tenant), *stopping, *extra],
                {TENANTS.key(tenant_id, tenant_id): found[1]},
            )
        except EtagConflict:
            raise Conflict from None
        return tenant

    async def page(self, cursor: str | None, limit: int) -> tuple[list[Tenant], str | None]:
        """One page of all tenants, in id order."""
        return await TENANTS.page(self._store, ALL, cursor=cursor, limit=limit)
