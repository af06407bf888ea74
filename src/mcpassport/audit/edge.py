"""Requests that resolved to nobody: counted per second, reason and client network.

Strangers cannot be given a row each, or they could fill the audit file; and they are never
awaited, or they could slow down the requests of customers.
"""

import asyncio
from collections import Counter
from contextlib import suppress
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network

from mcpassport.audit.reserve import Reserve
from mcpassport.errors import McpassportError
from mcpassport.records.audit import EdgeCount
from mcpassport.records.sources import Clock
from mcpassport.store.protocol import AuditStore

MAX_KEYS = 4_096
"""Distinct (second, reason, network) kept between two flushes; more are folded into `other`."""
FLUSH_S = 1.0
OTHER = "other"
IPV4_PREFIX = 24
IPV6_PREFIX = 48


@lru_cache(maxsize=4096)
def network_of(address: str) -> str:
    """The /24 (IPv4) or /48 (IPv6) that an address belongs to; `unknown` for anything else."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is None:
            return str(ip_network((int(parsed) >> 80 << 80, IPV6_PREFIX)))
        parsed = parsed.ipv4_mapped
    return str(ip_network(f"{parsed}/{IPV4_PREFIX}", strict=False))


class EdgeCounter:
    """Counts in memory, writes once a second."""

    def __init__(self, audit: AuditStore, clock: Clock, reserve: Reserve | None = None) -> None:
        self._audit = audit
        self._clock = clock
        self._reserve = reserve or Reserve(audit)
        self._counts: Counter[tuple[int, str, str]] = Counter()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start writing once a second."""
        self._task = asyncio.create_task(self._flush_forever(), name="edge-flush")

    async def close(self) -> None:
        """Write what is counted, then stop."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        await self.flush()

    def count(self, reason: str, network: str) -> None:
        """Count one request. `reason` is one of our own words, `network` from `network_of`.

        When room for the audit runs out nothing is counted: what is left belongs to customers.
        """
        if self._reserve.tight:
            return
        self._add((int(self._clock().timestamp()), reason, network), 1)

    async def flush(self) -> None:
        """Write the counts; when the store is gone they wait, bounded, for the next flush."""
        counts, self._counts = self._counts, Counter()
        if not counts:
            return
        rows = [EdgeCount(*key, number) for key, number in counts.items()]
        try:
            await self._audit.count_edge(rows)
        except McpassportError:
            for key, number in counts.items():
                self._add(key, number)

    def _add(self, key: tuple[int, str, str], number: int) -> None:
        if key not in self._counts and len(self._counts) >= MAX_KEYS:
            key = (0, key[1], OTHER)  # one key per reason, and reasons are few
        self._counts[key] += number

    async def _flush_forever(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_S)
            await self.flush()
