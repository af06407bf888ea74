"""Places for requests in flight: per server, per tenant and per process, shared fairly."""

import asyncio
from typing import TypeAlias

from mcpassport.limits import Limits
from mcpassport.turns import Turns, TurnsBy

Path: TypeAlias = tuple[tuple[Turns, str], ...]
"""What a request needs a place in, each with the owner that it counts for."""


class InFlight:
    """A request takes a place of its server, then of its tenant, then of the process.

    The servers of a tenant share its places by who holds fewest; the tenants share those of the
    process so that none can keep the others out (`turns`).
    """

    def __init__(self, limits: Limits) -> None:
        self._wait_s = limits.place_wait_ms / 1000
        self._process = Turns(limits.in_flight_process)
        self._tenants = TurnsBy(shared=False)
        self._servers = TurnsBy(shared=False)

    async def enter(self, server: str, tenant: str, limits: Limits) -> bool:
        """Take the places, waiting at most `place_wait_ms` in all; False when there are none.

        Pair with `leave`. `limits` are those of this server.
        """
        path = self._path(server, tenant, limits)
        if all(turns.free_for(owner) for turns, owner in path):
            for turns, owner in path:
                turns.take(owner)
            return True
        taken = 0
        try:
            async with asyncio.timeout(self._wait_s):
                while taken < len(path):
                    # Asked anew: turns that were idle while we waited are forgotten.
                    turns, owner = self._path(server, tenant, limits)[taken]
                    await turns.wait(owner)
                    taken += 1
        except BaseException as error:
            self._give_back(self._path(server, tenant, limits)[:taken], server, tenant)
            if isinstance(error, TimeoutError):
                return False
            raise
        return True

    def leave(self, server: str, tenant: str, limits: Limits) -> None:
        """Give the places back, to whoever is next."""
        self._give_back(self._path(server, tenant, limits), server, tenant)

    @property
    def idle(self) -> bool:
        """Whether nothing is in flight or waits, and nothing is remembered of what was."""
        return self._process.idle and not len(self._servers) and not len(self._tenants)

    def _path(self, server: str, tenant: str, limits: Limits) -> Path:
        return (
            (self._servers.of(server, limits.in_flight_server), ""),
            (self._tenants.of(tenant, limits.in_flight_tenant), server),
            (self._process, tenant),
        )

    def _give_back(self, taken: Path, server: str, tenant: str) -> None:
        for turns, owner in reversed(taken):
            turns.give_back(owner)
        self._servers.done_with(server)
        self._tenants.done_with(tenant)
