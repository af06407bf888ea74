"""The bulkhead of outbound requests: how many may be under way at once, and whose turn it is.

The client's own pool has the same limits, but a wait in it looks like a slow upstream; here it is
told apart, as our limit and not theirs.
"""

import asyncio

from mcpassport.errors import GatewayRateLimited
from mcpassport.http.address import HostPort
from mcpassport.limits import Limits
from mcpassport.turns import Turns, TurnsBy

RETRY_S = 1
"""Advice to who found no turn."""


class Bulkhead:
    """At most so many requests at once per host and in all; tenants share them (`turns`)."""

    def __init__(self, limits: Limits) -> None:
        self._per_host = limits.in_flight_host
        self._wait_s = limits.place_wait_ms / 1000
        self._hosts = TurnsBy()
        self._process = Turns(limits.in_flight_process)

    async def enter(self, host: HostPort, owner: str) -> None:
        """Take a turn, to be given back by `leave`.

        Raises:
            GatewayRateLimited: none came within `place_wait_ms`.
        """
        key = _key(host)
        lane = self._hosts.of(key, self._per_host)
        if lane.free_for(owner) and self._process.free_for(owner):
            lane.take(owner)
            self._process.take(owner)
            return
        try:
            async with asyncio.timeout(self._wait_s):
                await lane.wait(owner)
                try:
                    await self._process.wait(owner)
                except BaseException:
                    lane.give_back(owner)
                    raise
        except BaseException as error:
            self._hosts.done_with(key)
            if isinstance(error, TimeoutError):
                raise GatewayRateLimited(after_seconds=RETRY_S) from None
            raise

    def leave(self, host: HostPort, owner: str) -> None:
        """Give the turn back."""
        key = _key(host)
        self._process.give_back(owner)
        self._hosts.of(key, self._per_host).give_back(owner)
        self._hosts.done_with(key)

    @property
    def idle(self) -> bool:
        """Whether nothing is under way or waits, and no host is remembered."""
        return self._process.idle and not len(self._hosts)


def _key(host: HostPort) -> str:
    return f"{host[0]}:{host[1]}"
