"""Our own limits: calls started per server, and noise from strangers.

All of it is per process and in memory: it protects the process, it decides no access.
"""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from math import ceil
from typing import Final

from mcpassport.edge.places import InFlight
from mcpassport.limits import Limits, in_force
from mcpassport.records.grants import Caller
from mcpassport.records.sources import Random

Monotonic = Callable[[], float]
"""Seconds that only grow."""

WINDOW_S: Final = 10.0
HINT_S: Final = 3600.0
MAX_KEYS: Final = 65_536
_EPSILON: Final = 1e-9


class Buckets:
    """So many per ten seconds and key, refilled evenly (GCRA: one number per key)."""

    def __init__(self, per_10s: int, monotonic: Monotonic) -> None:
        self._per_10s = per_10s
        self._now = monotonic
        self._full_at: dict[str, float] = {}

    def wait(self, key: str, per_10s: int | None = None) -> int | None:
        """Whole seconds until the key may take again, or None when it may now.

        `per_10s`: of this key, where it is not what all keys have.
        """
        now = self._now()
        interval = WINDOW_S / (per_10s or self._per_10s)
        over = max(self._full_at.get(key, now), now) + interval - now - WINDOW_S
        return ceil(over) if over > _EPSILON else None

    def take(self, key: str, per_10s: int | None = None) -> int | None:
        """Charge one to the key: None, or whole seconds to wait when its bucket is empty."""
        wait = self.wait(key, per_10s)
        if wait is None:
            now = self._now()
            if len(self._full_at) >= MAX_KEYS:
                self._forget_full(now)
            interval = WINDOW_S / (per_10s or self._per_10s)
            self._full_at[key] = max(self._full_at.get(key, now), now) + interval
        return wait

    def _forget_full(self, now: float) -> None:
        """Full buckets need no memory; if none is full, forget all rather than grow."""
        self._full_at = {key: at for key, at in self._full_at.items() if at > now}
        if len(self._full_at) >= MAX_KEYS:
            self._full_at.clear()


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
        self._limits = limits
        self.calls = Buckets(limits.calls_per_10s, monotonic)
        self.strangers = Buckets(limits.strangers_per_10s, monotonic)
        self.refused = Buckets(limits.strangers_per_10s, monotonic)
        """Networks whose requests of the management API were refused."""
        self.in_flight = InFlight(limits)
        self.familiar = Familiar(random, monotonic)

    def throttle(self, caller: Caller) -> int | None:
        """Charge a request to its server: None, or whole seconds to wait."""
        limits = self.limits_of(caller)
        return self.calls.take(caller.server.id, limits.calls_per_10s)

    def limits_of(self, caller: Caller) -> Limits:
        """The limits of this caller's server."""
        return in_force(self._limits, caller.tenant.limits, caller.server.limits)
