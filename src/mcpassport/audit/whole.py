"""Whether a stored chain is whole, from its genesis or from the checkpoint below its first row."""

import asyncio
from typing import Final

from mcpassport.audit.chain import FIRST_SEQUENCE, Broken, verify
from mcpassport.store.protocol import GENESIS, AuditStore

BATCH_ROWS: Final = 500


async def broken_at(audit: AuditStore, chain: str) -> Broken | None:
    """Where the chain stops being whole, and why; None when it is."""
    rows = await audit.rows(chain, limit=BATCH_ROWS)
    previous, sequence = GENESIS, FIRST_SEQUENCE
    if rows and rows[0].sequence > FIRST_SEQUENCE:
        sequence = rows[0].sequence
        signed = await audit.checkpoints(chain, after=sequence - 2, limit=1)
        if not signed or signed[0].sequence != sequence - 1:
            return Broken(sequence - 1, "it begins there, and no checkpoint signs the row before")
        previous = bytes.fromhex(signed[0].hash)
    while rows:
        broken = verify(rows, previous=previous, sequence=sequence)
        if broken is not None:
            return broken
        previous, sequence = rows[-1].hash, rows[-1].sequence + 1
        rows = await audit.rows(chain, after=rows[-1].sequence, limit=BATCH_ROWS)
        await asyncio.sleep(0)
    return None
