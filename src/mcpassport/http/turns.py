"""The bulkhead of outbound requests: how many may be under way at once.

The client's own pool has the same limits, but a wait in it looks like a slow upstream; here it is
told apart, as our limit and not theirs.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Final

from mcpassport.errors import GatewayRateLimited
from mcpassport.http.address import HostPort

TURN_WAIT_S: Final = 1.0
"""How long a request waits for its turn before it is refused."""


@dataclass(slots=True)
class _Lane:
    """The turns of one host, and how many requests hold or await one."""

    turns: asyncio.Semaphore
    users: int = 0


@dataclass(slots=True)
class Bulkhead:
    """At most so many requests at once per host and in all."""

    per_host: int
    process: asyncio.Semaphore
    lanes: dict[HostPort, _Lane] = field(default_factory=dict)

    async def enter(self, host: HostPort) -> None:
        """Take a turn, to be given back by `leave`.

        Raises:
            GatewayRateLimited: none is free within `TURN_WAIT_S`.
        """
        lane = self.lanes.get(host)
        if lane is None:
            lane = self.lanes[host] = _Lane(asyncio.Semaphore(self.per_host))
        lane.users += 1
        try:
            await _take(lane.turns)
            try:
                await _take(self.process)
            except BaseException:
                lane.turns.release()
                raise
        except BaseException:
            self._left(host, lane)
            raise

    def leave(self, host: HostPort) -> None:
        """Give the turn back."""
        lane = self.lanes[host]
        self.process.release()
        lane.turns.release()
        self._left(host, lane)

    def _left(self, host: HostPort, lane: _Lane) -> None:
        lane.users -= 1
        if not lane.users:
            self.lanes.pop(host, None)


async def _take(turns: asyncio.Semaphore) -> None:
    if not turns.locked():
        await turns.acquire()  # at once, and without the price of a timer
        return
    try:
        async with asyncio.timeout(TURN_WAIT_S):
            await turns.acquire()
    except TimeoutError:
        raise GatewayRateLimited(after_seconds=1) from None
