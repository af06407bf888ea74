"""Our own limits: calls started per server, requests in flight, and noise from strangers.

All of it is per process and in memory: it protects the process, it decides no access.
"""

import asyncio
import hashlib
import time
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable
from math import ceil
from typing import Final

from mcpassport.limits import Limits
from mcpassport.records.sources import Random

Monotonic = Callable[[], float]
"""Seconds that only grow."""

WINDOW_S: Final = 10.0
WAIT_S: Final = 1.0
"""How long a request waits for a place in flight."""
HINT_S: Final = 3600.0
MAX_KEYS: Final = 65_536
_EPSILON: Final = 1e-9


class Buckets:
    """So many per ten seconds and key, refilled evenly (GCRA: one number per key)."""

    def __init__(self, per_10s: int, monotonic: Monotonic) -> None:
        self._interval = WINDOW_S / per_10s
        self._now = monotonic
        self._full_at: dict[str, float] = {}

    def wait(self, key: str) -> int | None:
        """Whole seconds until the key may take again, or None when it may now."""
        now = self._now()
        over = max(self._full_at.get(key, now), now) + self._interval - now - WINDOW_S
        return ceil(over) if over > _EPSILON else None

    def take(self, key: str) -> int | None:
        """Charge one to the key: None, or whole seconds to wait when its bucket is empty."""
        wait = self.wait(key)
        if wait is None:
            now = self._now()
            if len(self._full_at) >= MAX_KEYS:
                self._forget_full(now)
            self._full_at[key] = max(self._full_at.get(key, now), now) + self._interval
        return wait

    def _forget_full(self, now: float) -> None:
        """Full buckets need no memory; if none is full, forget all rather than grow."""
        self._full_at = {key: at for key, at in self._full_at.items() if at > now}
        if len(self._full_at) >= MAX_KEYS:
            self._full_at.clear()


class InFlight:
    """Places for requests in flight: per server, per tenant and per process."""

    def __init__(self, limits: Limits) -> None:
        self._caps = (
            limits.in_flight_server,
            limits.in_flight_tenant,
            limits.in_flight_process,
        )
        self._taken: defaultdict[str, int] = defaultdict(int)
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    async def enter(self, server: str, tenant: str) -> bool:
        """Take a place, waiting at most `WAIT_S`; False when there is none. Pair with `leave`."""
        keys = _places(server, tenant)
        blocked = self._blocked(keys)
        if blocked is None:
            self._take(keys)
            return True
        try:
            async with asyncio.timeout(WAIT_S):
                while blocked is not None:
                    await self._turn(blocked)
                    previous, blocked = blocked, self._blocked(keys)
                    if blocked is not None and blocked != previous:
                        self._wake(previous)  # somebody else may use the place we could not
        except TimeoutError:
            return False
        self._take(keys)
        return True

    def leave(self, server: str, tenant: str) -> None:
        """Give the place back, and wake whoever waits for it."""
        for key in _places(server, tenant):
            self._taken[key] -= 1
            if not self._taken[key]:
                del self._taken[key]
            if self._waiting:
                self._wake(key)

    def _blocked(self, keys: tuple[str, str, str]) -> str | None:
        for key, cap in zip(keys, self._caps, strict=True):
            if self._taken.get(key, 0) >= cap:
                return key
        return None

    def _take(self, keys: tuple[str, str, str]) -> None:
        for key in keys:
            self._taken[key] += 1

    async def _turn(self, key: str) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._wake(key)  # our turn came as we gave up: pass it on
            raise

    def _wake(self, key: str) -> None:
        queue = self._waiting.get(key)
        while queue:
            turn = queue.popleft()
            if not turn.done():
                turn.set_result(None)
                break
        if queue is not None and not queue:
            self._waiting.pop(key, None)


class Familiar:
    """Tokens that this process admitted within the last hour.

    A hint that skips the strangers' bucket, since customers' hosted clients share networks with
    everybody; it admits nothing. Tokens are kept only as keyed hashes.
    """

    def __init__(self, random: Random, monotonic: Monotonic) -> None:
        self._key = random(32)
        self._now = monotonic
        self._seen: OrderedDict[bytes, float] = OrderedDict()

    def remember(self, token: str) -> None:
        """This token was admitted just now."""
        digest = self._digest(token)
        self._seen[digest] = self._now()
        self._seen.move_to_end(digest)
        if len(self._seen) > MAX_KEYS:
            self._seen.popitem(last=False)

    def knows(self, token: str) -> bool:
        """Whether this token was admitted within the last hour."""
        seen = self._seen.get(self._digest(token))
        return seen is not None and self._now() - seen <= HINT_S

    def _digest(self, token: str) -> bytes:
        return hashlib.blake2b(
            token.encode(errors="replace"), key=self._key, digest_size=16
        ).digest()


class Floods:
    """The limits of one process, together."""

    def __init__(
        self, limits: Limits, *, random: Random, monotonic: Monotonic = time.monotonic
    ) -> None:
        self.calls = Buckets(limits.calls_per_10s, monotonic)
        self.strangers = Buckets(limits.strangers_per_10s, monotonic)
        self.in_flight = InFlight(limits)
        self.familiar = Familiar(random, monotonic)


def _places(server: str, tenant: str) -> tuple[str, str, str]:
    return ("s:" + server, "t:" + tenant, "process")
