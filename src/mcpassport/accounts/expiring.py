"""Tells a tenant that a server of its will expire: once a week ahead, once a day ahead.

That it was told is a record of its own, written with the event or not at all, so that of several
processes one tells it, and a server that was given more time is told of anew.
"""

from datetime import datetime, timedelta
from math import ceil
from typing import Final

from mcpassport.audit.log import event
from mcpassport.records.grants import Principal, Server
from mcpassport.records.sources import Clock, Random
from mcpassport.store.protocol import ABSENT, ALL, EtagConflict, Key, Put, Store
from mcpassport.store.repositories import SERVERS

NOTICE_DAYS: Final = (1, 7)
TOLD_KIND: Final = "expiry_told"
_JOB: Final = Principal("system:expiring", "admin")


class Expiring:
    """Looks for servers that will expire soon."""

    def __init__(self, store: Store, clock: Clock, random: Random) -> None:
        self._store = store
        self._clock = clock
        self._random = random

    async def tell(self) -> int:
        """Write the event `server.expiring` where one is due; how many were written."""
        now, told = self._clock(), 0
        async for entry in self._store.scan(SERVERS.kind, ALL):
            server = SERVERS.decode(entry)
            if server is not None and (days := _due(server, now)):
                told += await self._tell(server, days)
        return told

    async def _tell(self, server: Server, days: int) -> int:
        expires_at = server.expires_at
        assert expires_at is not None
        moment = ceil(expires_at.timestamp())
        known = Key(TOLD_KIND, server.tenant, f"{server.id}/{moment}/{days}")
        notice = event(
            _JOB,
            "server.expiring",
            tenant=server.tenant,
            subject=server.id,
            clock=self._clock,
            random=self._random,
        )
        record = Put(known, b"{}", {"expires_at": moment})
        try:
            await self._store.write([record, notice], {known: ABSENT})
        except EtagConflict:  # it was told already
            return 0
        return 1


def _due(server: Server, now: datetime) -> int:
    """The shortest notice that its expiry is within; 0 for none, or when it has ended."""
    if server.status == "revoked" or server.expires_at is None or server.expires_at <= now:
        return 0
    left = server.expires_at - now
    return next((days for days in NOTICE_DAYS if left <= timedelta(days=days)), 0)
