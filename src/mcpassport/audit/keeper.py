"""Keeps the chains: signs how far each one is, and removes what is older than the retention.

1. Rows are verified before they are signed: a chain that was changed gets no checkpoint.
2. Only whole prefixes are removed, each up to a checkpoint that holds, so that what is left still
   verifies from a signed place.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final

import structlog

from mcpassport.audit.chain import verify
from mcpassport.audit.checkpoint import SigningKey, fingerprint_of, problem_of
from mcpassport.audit.edge import EDGE
from mcpassport.records.audit import ChainedRow, Checkpoint
from mcpassport.records.masked import KeyMaterial
from mcpassport.records.sources import Clock
from mcpassport.store.protocol import ALL, GENESIS, PLATFORM, AuditStore, Store
from mcpassport.store.repositories import TENANTS

_log = structlog.get_logger(__name__)
BATCH_ROWS: Final = 500


class Keeper:
    """Checkpoints and retention of every chain of a deployment."""

    def __init__(
        self,
        store: Store,
        audit: AuditStore,
        clock: Clock,
        *,
        operations_key: Callable[[], Awaitable[KeyMaterial]],
        retention: timedelta,
    ) -> None:
        self._store = store
        self._audit = audit
        self._clock = clock
        self._operations_key = operations_key
        self.retention = retention

    async def public_key(self) -> bytes:
        """The key that checkpoints are checked with: 32 bytes."""
        return (await self._key()).public

    async def sign(self) -> int:
        """Write a checkpoint for every chain that has advanced; how many."""
        key, written = await self._key(), 0
        async for chain in self._chains():
            row = await self._verified_head(chain)
            if row is not None:
                await self._audit.add_checkpoint(key.sign(row, self._clock()))
                written += 1
        return written

    async def retire(self) -> int:
        """Remove what is older than the retention; from how many chains."""
        fingerprint, removed = fingerprint_of(await self.public_key()), 0
        oldest = self._clock() - self.retention
        async for chain in self._chains():
            before = removed
            for checkpoint in await self._audit.checkpoints(chain, limit=BATCH_ROWS):
                # Its rows are older than itself: they were there when it was signed.
                if datetime.fromisoformat(checkpoint.ts) >= oldest:
                    break
                if await self._holds(checkpoint, fingerprint):
                    await self._audit.forget(chain, checkpoint.sequence)  # (2)
                    removed = before + 1
        return removed

    async def _key(self) -> SigningKey:
        return SigningKey((await self._operations_key()).unwrap())

    async def _chains(self) -> AsyncIterator[str]:
        yield PLATFORM
        yield EDGE
        async for entry in self._store.scan(TENANTS.kind, ALL):
            yield entry.key.tenant

    async def _verified_head(self, chain: str) -> ChainedRow | None:
        """(1) The newest row, if it is after the last checkpoint and all between them is whole."""
        last = await self._audit.checkpoints(chain, limit=1, newest_first=True)
        sequence = last[0].sequence if last else 0
        previous = bytes.fromhex(last[0].hash) if last else GENESIS
        head = None
        while rows := await self._audit.rows(chain, after=sequence, limit=BATCH_ROWS):
            broken = verify(rows, previous=previous, sequence=sequence + 1)
            if broken is not None:
                _log.error("audit_chain_broken", chain=chain, sequence=broken.sequence)
                return None
            head = rows[-1]
            sequence, previous = head.sequence, head.hash
            await asyncio.sleep(0)
        return head

    async def _holds(self, checkpoint: Checkpoint, fingerprint: str) -> bool:
        """Whether the signature holds, and the row it names is there as it was signed."""
        rows = await self._audit.rows(checkpoint.chain, after=checkpoint.sequence - 1, limit=1)
        return (
            bool(rows)
            and (rows[0].sequence, rows[0].hash.hex()) == (checkpoint.sequence, checkpoint.hash)
            and not problem_of(checkpoint, fingerprint)
        )
