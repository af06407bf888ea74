"""Renews accounts' OAuth tokens: one renewal at a time, across processes and machines.

1. Of the calls in one process that need a new token, one renews and the others wait for it. Across
   processes a lease decides; it outlives the token request, so that who takes it over comes after
   the end of that request.
2. Who has the lease reads the account again: somebody else may have renewed it just before.

What the renewal itself does, steps 3 to 7, stands in `accounts/renewal.py`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final

import structlog

from mcpassport.accounts.renewal import Renewal, later
from mcpassport.errors import McpassportError
from mcpassport.records.grants import Account
from mcpassport.records.masked import Secret
from mcpassport.records.sources import Clock
from mcpassport.store.protocol import ALL, Store
from mcpassport.store.repositories import ACCOUNTS
from mcpassport.upstream.auth.token_endpoint import TOKEN_TIMEOUT_S

_log = structlog.get_logger(__name__)

AHEAD: Final = timedelta(seconds=60)
"""How long before its expiry a call renews a token."""
JOB_AHEAD: Final = timedelta(minutes=5)
"""How long before its expiry the job renews a token, so that calls seldom have to."""
AT_ONCE: Final = 16
"""Renewals that the job has under way together, so that a slow provider keeps no other waiting."""
LEASE_S: Final = TOKEN_TIMEOUT_S + 5
WAIT_S: Final = LEASE_S + TOKEN_TIMEOUT_S
"""How long a call waits for somebody else's renewal: until a lease has lapsed and its own ends."""
POLL_S: Final = 0.1


def is_due(account: Account, now: datetime, ahead: timedelta = AHEAD) -> bool:
    """Whether its token has to be renewed; a mark alone is no reason while the token holds.

    One that never holds for long is used for most of its time.
    """
    grant = account.oauth
    if grant is None or not grant.renewable or grant.expires_at is None:
        return False
    if grant.lifetime_s is not None:
        ahead = min(ahead, timedelta(seconds=grant.lifetime_s / 4))
    return now >= grant.expires_at - ahead


class Refresher:
    """Hands out credentials whose token holds."""

    def __init__(
        self,
        store: Store,
        renewal: Renewal,
        clock: Clock,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._renewal = renewal
        self._clock = clock
        self._sleep = sleep
        self._running: dict[tuple[str, str], asyncio.Task[Secret]] = {}

    async def credential(self, tenant: str, account: str, ahead: timedelta = AHEAD) -> Secret:
        """The account's credential with a token that holds, renewed if need be.

        Whoever stops waiting does not stop the renewal.

        Raises:
            ReauthorizationRequired: the account has to be connected again.
            CredentialRefreshFailed: no token could be had now; later it may.
        """
        key = (tenant, account)
        task = self._running.get(key)
        if task is None:  # (1)
            task = asyncio.create_task(self._credential(tenant, account, ahead))
            self._running[key] = task
            task.add_done_callback(lambda done: self._done(key, done))
        return await asyncio.shield(task)

    def _done(self, key: tuple[str, str], task: asyncio.Task[Secret]) -> None:
        del self._running[key]
        if not task.cancelled():
            task.exception()  # whoever waited has it; nobody else needs to be told

    async def sweep(self) -> int:
        """Renew what expires soon; how many were tried."""
        room = asyncio.Semaphore(AT_ONCE)

        async def renew(account: Account) -> None:
            async with room:
                try:
                    await self.credential(account.tenant, account.id, JOB_AHEAD)
                except McpassportError as error:  # it is in the record, or tried again soon
                    _log.warning("refresh_failed", kind=type(error).__name__)

        due = [
            renew(account)
            async for entry in self._store.scan(ACCOUNTS.kind, ALL)
            if (account := ACCOUNTS.decode(entry)) is not None
            and account.status == "active"
            and is_due(account, self._clock(), JOB_AHEAD)
        ]
        await asyncio.gather(*due)
        return len(due)

    async def close(self) -> None:
        """Wait for renewals that are under way."""
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def _credential(self, tenant: str, account: str, ahead: timedelta) -> Secret:
        lease, waited = f"refresh:{tenant}:{account}", 0.0
        while True:
            fence = await self._store.lease(lease, LEASE_S)
            try:
                stored = await self._renewal.read(tenant, account)  # (2)
                if not is_due(stored.account, self._clock(), ahead):
                    return await self._renewal.open(stored)
                if fence is not None:
                    return await self._renewal.turn(stored)
            finally:
                if fence is not None:
                    await self._store.lease(lease, 0.0)  # the next one may have it at once
            if not is_due(stored.account, self._clock(), timedelta()):
                return await self._renewal.open(stored)
            if waited >= WAIT_S:
                raise later()
            await self._sleep(POLL_S)
            waited += POLL_S
