"""Ends a tenant: nothing of it can be used or read afterwards, and a signed report says so.

1. Its record says `offboarded`, in one transaction with the event: from the next request on nothing
   of it is admitted, and calls under way are cancelled. It never becomes active again.
2. Its keys are destroyed: its credentials cannot be read, wherever a copy of the data lies.
3. Its records are deleted, and the index entries of its tokens. What is left of the tenant is its
   id, so that no other tenant gets the same audit chain.
4. The report says what was destroyed and what remains. It is signed, and kept with the id.

Whoever was interrupted asks again: what is done is not done twice, and only the report ends it.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from mcpassport.accounts.expiring import TOLD_KIND
from mcpassport.accounts.tenants import Tenants
from mcpassport.audit.checkpoint import SigningKey
from mcpassport.audit.deletion import sign_report
from mcpassport.errors import Conflict
from mcpassport.records.deletion import DeletionReport, Remains
from mcpassport.records.grants import Principal, Tenant
from mcpassport.records.sources import Clock
from mcpassport.store.keys import Keys
from mcpassport.store.protocol import ABSENT, PLATFORM, Delete, EtagConflict, Key, Op, Put, Store
from mcpassport.store.repositories import (
    ACCOUNTS,
    API_TOKENS,
    CREDENTIAL_KIND,
    DISCLOSURES,
    IDEMPOTENCY_KIND,
    INDEX,
    INDEX_KIND,
    SERVERS,
    SWITCHES,
    WEBHOOKS,
)

REPORT_KIND: Final = "deletion_report"
KINDS: Final = (
    *(SERVERS.kind, API_TOKENS.kind, ACCOUNTS.kind, CREDENTIAL_KIND, IDEMPOTENCY_KIND),
    *(DISCLOSURES.kind, TOLD_KIND, WEBHOOKS.kind),
)
"""Every kind of record that a tenant has beside its own."""
BATCH: Final = 200
"""Records deleted in one transaction."""


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """How long a deployment keeps what an offboarding cannot delete."""

    key_backups: timedelta
    audit: timedelta


class Offboarding:
    """The owner of ends of tenants, and of their reports."""

    def __init__(
        self, store: Store, keys: Keys, tenants: Tenants, *, clock: Clock, kept: Kept, build: str
    ) -> None:
        self._store = store
        self._keys = keys
        self._tenants = tenants
        self._clock = clock
        self._kept = kept
        self._build = build

    async def begin(self, tenant_id: str, extra: Sequence[Op]) -> Tenant:
        """Step (1). `NoSuchObject`; harmless when repeated, and then nothing is recorded."""
        return await self._tenants.end(tenant_id, self._clock(), extra)

    async def finish(self, tenant_id: str, principal: Principal) -> DeletionReport:
        """Steps (2) to (4); the report that there is already, if there is one.

        Raises:
            NoSuchObject: there is no such tenant.
            Conflict: the tenant was not ended before.
        """
        tenant = await self._tenants.get(tenant_id)
        if tenant.ended_at is None:
            raise Conflict("The tenant is not offboarded.")
        # (2) Also when all was done before: a copy of the keys may have been restored since.
        keys = await self._keys.destroy_tenant_keys(tenant_id)
        known = await self.report(tenant_id)
        if known is not None:
            return known
        disclosed = await DISCLOSURES.get(self._store, tenant_id, tenant_id)
        counts = {kind: await self._delete(kind, tenant_id) for kind in KINDS}  # (3)
        counts[INDEX_KIND] = await self._delete_index(tenant_id)
        await self._store.write([Delete(SWITCHES.key(PLATFORM, f"tenant:{tenant_id}"))])
        await self._store.forget_deleted()
        now = self._clock()
        report = DeletionReport(
            tenant=tenant_id,
            by=principal.id,
            started_at=tenant.ended_at,
            finished_at=now,
            build=self._build,
            keys_destroyed=keys,
            records_deleted={kind: count for kind, count in counts.items() if count},
            fingerprint_key_disclosed=disclosed is not None and disclosed[0].shown,
            remains=self._remains(now),
        )
        return await self._keep(report)

    async def report(self, tenant_id: str) -> DeletionReport | None:
        """The report of an offboarded tenant; None while there is none."""
        (found,) = await self._store.get_many([Key(REPORT_KIND, PLATFORM, tenant_id)])
        return None if found is None else msgspec.json.decode(found.value, type=DeletionReport)

    async def _delete(self, kind: str, tenant_id: str) -> int:
        found = [entry.key async for entry in self._store.scan(kind, tenant_id)]
        return await self._deleted(found)

    async def _delete_index(self, tenant_id: str) -> int:
        """Every token that led to the tenant, those of earlier rotations among them."""
        found = [
            entry.key
            async for entry in self._store.scan(INDEX_KIND, PLATFORM)
            if (at := INDEX.decode(entry)) is not None and at.tenant == tenant_id
        ]
        return await self._deleted(found)

    async def _deleted(self, keys: Sequence[Key]) -> int:
        for start in range(0, len(keys), BATCH):
            await self._store.write([Delete(key) for key in keys[start : start + BATCH]])
        return len(keys)

    async def _keep(self, report: DeletionReport) -> DeletionReport:
        """(4) Of two that finish at once, both get the report of the first."""
        signing = SigningKey((await self._keys.operations_key()).unwrap())
        signed, at = sign_report(report, signing), Key(REPORT_KIND, PLATFORM, report.tenant)
        try:
            await self._store.write([Put(at, msgspec.json.encode(signed), {})], {at: ABSENT})
        except EtagConflict:
            return await self.report(report.tenant) or signed
        return signed

    def _remains(self, now: datetime) -> tuple[Remains, ...]:
        return (
            Remains(
                what="audit rows of the tenant, with ids, tool names and keyed fingerprints",
                why="the trail of what was done; the key of the fingerprints is destroyed here",
                until=now + self._kept.audit,
            ),
            Remains(
                what="copies of the keys that were taken before",
                why="whoever has one and a backup of the data can read credentials in it",
                until=now + self._kept.key_backups,
            ),
            Remains(
                what="backups of the data that were taken before, with names and account context",
                why="only the vendor can delete them; without keys no credential in them is read",
            ),
            Remains(
                what="the tenant's id, this report, and lines of the revocation log",
                why="so that the id is not given again, and a restored backup is ended too",
            ),
        )
