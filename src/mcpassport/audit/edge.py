"""Requests that resolved to nobody: counted per second, reason and client network.

Strangers cannot be given a row each, or they could fill the audit file; and they are never
awaited, or they could slow down the requests of customers. What is counted becomes rows of a chain
of its own, one per second, reason and network (per process, if several serve), so that it is
signed, exported, verified and retired as every chain is.
"""

import asyncio
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

import msgspec

from mcpassport.audit.chain import link
from mcpassport.audit.reserve import Reserve
from mcpassport.errors import McpassportError
from mcpassport.records.audit import EdgeCount
from mcpassport.records.sources import Clock
from mcpassport.store.protocol import AuditStore, Pending

EDGE: Final = "edge:"
"""The chain of what is only counted; no tenant can have this name."""
MAX_KEYS = 512
"""Distinct (second, reason, network) kept between two flushes; more are folded into the network
`other` of their hour. So whatever comes, a process adds at most so many rows a second."""
_HOUR: Final = 3600
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

    async def flush(self, *, still_open: int | None = None) -> None:
        """Write the counts, but not those of the second that is `still_open`.

        When the store is gone they wait, bounded, for the next flush.
        """
        counts, self._counts = self._counts, Counter()
        rows: list[Pending] = []
        for key, number in counts.items():
            if key[0] == still_open:
                self._add(key, number)
            else:
                rows.append(Pending(EDGE, _body(*key, number)))
        if not rows:
            return
        try:
            await self._audit.append(rows, link)
        except McpassportError:
            for key, number in counts.items():
                if key[0] != still_open:
                    self._add(key, number)

    def _add(self, key: tuple[int, str, str], number: int) -> None:
        if key not in self._counts and len(self._counts) >= MAX_KEYS:
            key = (key[0] - key[0] % _HOUR, key[1], OTHER)  # reasons are few, and so are hours
        self._counts[key] += number

    async def _flush_forever(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_S)
            await self.flush(still_open=int(self._clock().timestamp()))


def _body(second: int, reason: str, network: str, number: int) -> bytes:
    ts = datetime.fromtimestamp(second, UTC)
    return msgspec.json.encode(EdgeCount(ts=ts, reason=reason, network=network, count=number))
