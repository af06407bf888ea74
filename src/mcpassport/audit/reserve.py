"""The room that the audit trail has: what is given up first, and when calls are refused.

A reserve is kept, so that the outcomes of calls under way and the events of management changes
still find room when calls are refused already. Whoever frees room, or gives more, need not restart.
"""

import asyncio
from contextlib import suppress
from typing import Final

import structlog

from mcpassport.errors import McpassportError
from mcpassport.store.protocol import AuditStore, Space

_log = structlog.get_logger(__name__)

TIGHT: Final = 0.9
"""From this share on strangers are no longer counted."""
FULL: Final = 1.0
KEPT_BYTES: Final = 16 * 2**20
"""Of the disk's free space, left for outcomes and events."""
LOOK_S: Final = 1.0


class Reserve:
    """Looks at the trail once a second; between two looks nothing is asked of the store."""

    def __init__(self, audit: AuditStore, volume_bytes: int = 0) -> None:
        """`volume_bytes` is what the trail may hold; with 0 the disk's free space governs."""
        self._audit = audit
        self._volume = volume_bytes
        self._share = 0.0
        self._task: asyncio.Task[None] | None = None

    @property
    def tight(self) -> bool:
        """Whether what is only counted must go without."""
        return self._share >= TIGHT

    @property
    def full(self) -> bool:
        """Whether calls must be refused."""
        return self._share >= FULL

    async def start(self) -> None:
        """Look, then go on looking."""
        await self.look()
        self._task = asyncio.create_task(self._look_forever(), name="audit-reserve")

    async def close(self) -> None:
        """Stop looking."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def look(self) -> None:
        """Measure; a store that cannot tell leaves the last answer, since it refuses by itself."""
        before = (self.tight, self.full)
        with suppress(McpassportError):
            self._share = share(await self._audit.space(), self._volume)
        if (self.tight, self.full) != before:
            _log.warning("audit_volume", percent=round(100 * self._share), refusing=self.full)

    async def _look_forever(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            await self.look()


def share(space: Space, volume_bytes: int) -> float:
    """How much of its room the trail takes: of the volume, and of what its disk could give it."""
    shares = [0.0]
    if volume_bytes:
        shares.append(space.used / volume_bytes)
    if space.free is not None:
        room = space.used + space.free - KEPT_BYTES
        shares.append(space.used / room if space.free > KEPT_BYTES else FULL)
    return max(shares)
