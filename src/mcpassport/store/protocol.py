"""What a store must offer: records under `(kind, tenant, id)`, and the audit file.

The tenant is part of every key, so isolation is structural. `ALL` reads across tenants and is
imported only by admin routes and jobs.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Final, Literal, NamedTuple, Protocol, TypeAlias

from mcpassport.records.audit import ChainedRow, Checkpoint, Segment

PLATFORM: Final = ""
"""The tenant of records that belong to the deployment."""


class _All:
    """Every tenant."""


ALL: Final = _All()
ABSENT: Final = "absent"
"""Expected etag of a key that must not exist yet."""

IndexColumn: TypeAlias = Literal["account", "integration", "key_version", "expires_at"]
IndexValue: TypeAlias = str | int


class Key(NamedTuple):
    """Address of a record."""

    kind: str
    tenant: str
    id: str


class Entry(NamedTuple):
    """A record as read; `etag` changes with every write."""

    key: Key
    value: bytes
    etag: str


class Put(NamedTuple):
    """Write a record, with the index columns it can be listed by."""

    key: Key
    value: bytes
    columns: Mapping[IndexColumn, IndexValue] = MappingProxyType({})


class Delete(NamedTuple):
    """Remove a record; removing an absent one is no error."""

    key: Key


class Append(NamedTuple):
    """Queue an audit event in the outbox of the same transaction; idempotent by `event_id`."""

    event_id: str
    chain: str
    body: bytes


Op: TypeAlias = Put | Delete | Append


class Page(NamedTuple):
    """One page of a listing; `cursor` is None on the last."""

    entries: tuple[Entry, ...]
    cursor: str | None


class EtagConflict(Exception):
    """Of two writers the other one won; `key` says where."""

    def __init__(self, key: Key) -> None:
        super().__init__(key.kind)
        self.key = key


class Pending(NamedTuple):
    """An audit row that is not in its chain yet; `event_id` makes a repeat harmless."""

    chain: str
    body: bytes
    event_id: str = ""
    opens: str = ""
    """The request that this row is the intent of: the row is listed as open until it is closed."""
    closes: str = ""
    """The request that this row ends. It closes the oldest open row of that request; when none is
    open the row is skipped, so that every intent is closed once, whoever comes first."""


Durability: TypeAlias = Literal["process", "disk"]
"""What an acknowledged audit row survives: the death of the process, or a power failure too."""


class Span(NamedTuple):
    """Sequences of a chain, both ends included."""

    first: int
    last: int


class Extent(NamedTuple):
    """The rows that a chain has, and those of them that segments tell of, without a gap."""

    rows: Span
    segmented: Span | None


class Needs(NamedTuple):
    """What a segment must have for a question: every mark, and a time within both bounds."""

    marks: tuple[bytes, ...] = ()
    since: int = -(2**63)
    """Inclusive, in microseconds since 1970."""
    until: int = 2**63 - 1
    """Exclusive."""


class Space(NamedTuple):
    """How much an audit trail holds, and how much more its disk takes, in bytes."""

    used: int
    free: int | None
    """None where the store cannot know."""


PROCESS_LEASE: Final = "process:"
"""Begins the names of the leases of processes; every process has a name of its own."""


GENESIS: Final = bytes(32)
"""What stands for the previous hash at the first row of a chain, whose sequence is 1."""

Link: TypeAlias = Callable[[bytes, int, bytes], bytes]
"""`(previous hash, sequence, body) -> hash`, given by `audit/chain.py`."""


class Store(Protocol):
    """Records. Every failure of the engine is a `StoreUnavailable`."""

    async def get_many(self, keys: Sequence[Key]) -> list[Entry | None]:
        """The records in the order asked for, None where there is none; one round trip."""
        ...

    async def write(
        self, ops: Sequence[Op], expect: Mapping[Key, str] = MappingProxyType({})
    ) -> dict[Key, str]:
        """Apply all or nothing; returns the new etags. `EtagConflict` if an expectation fails."""
        ...

    async def page(
        self,
        kind: str,
        tenant: str | _All,
        *,
        index: IndexColumn | None = None,
        value: IndexValue | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page:
        """One page in id order, optionally only where the index column equals the value."""
        ...

    async def lease(self, name: str, ttl_s: float) -> int | None:
        """Take or renew a named lease; its growing fence, or None while another holds it."""
        ...

    def scan(self, kind: str, tenant: str | _All) -> AsyncIterator[Entry]:
        """Every record of a kind, page by page."""
        ...

    async def purge(self, now: datetime) -> int:
        """Remove records whose `expires_at` index has passed; how many.

        Lapsed leases below `PROCESS_LEASE` are forgotten too: no other process takes their names.
        """
        ...

    async def forget_deleted(self) -> None:
        """Take what was deleted out of the journal, where the engine lets a client do that."""
        ...

    async def outbox(self, limit: int = 500) -> list[Append]:
        """Events not yet moved into their chain, oldest first."""
        ...

    async def outbox_done(self, event_ids: Sequence[str]) -> None:
        """Forget events that are in their chain."""
        ...

    async def close(self) -> None:
        """Finish writes in progress and release everything."""
        ...


class AuditStore(Protocol):
    """The audit file: hash chains of rows, their checkpoints, and what finds rows in them."""

    async def append(self, rows: Sequence[Pending], link: Link) -> None:
        """Append to the chains in one transaction; a known `event_id` is skipped.

        The list of open rows is kept in the same transaction (see `Pending`).
        """
        ...

    async def open_rows(self) -> list[ChainedRow]:
        """The rows that opened a request and were not closed, in the order of their chains.

        Read from a list that is as long as what is in flight, never by a search of the history.
        """
        ...

    async def rows(
        self, chain: str, *, after: int = 0, limit: int = 50, newest_first: bool = False
    ) -> list[ChainedRow]:
        """Rows of one chain. `after` is a sequence: exclusive, in the direction of travel."""
        ...

    async def space(self) -> Space:
        """What the trail holds and what is free; room left by removed rows counts as free."""
        ...

    async def add_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Keep a signed checkpoint; one that the chain has at this sequence already stays."""
        ...

    async def checkpoints(
        self, chain: str, *, after: int = 0, limit: int = 50, newest_first: bool = False
    ) -> list[Checkpoint]:
        """Signed checkpoints of one chain; `after` as for `rows`."""
        ...

    async def forget(self, chain: str, through: int) -> None:
        """Remove the rows up to this sequence, and the checkpoints before it; the chain goes on.

        Segments that end there or before go too.
        """
        ...

    async def matching(
        self,
        chain: str,
        spans: Sequence[Span],
        texts: Sequence[bytes],
        *,
        limit: int,
        newest_first: bool = False,
    ) -> list[ChainedRow]:
        """Rows within the spans whose bodies hold every text.

        The spans do not overlap, and stand in the order in which the rows are wanted.
        """
        ...

    async def extent(self, chain: str) -> Extent | None:
        """What the chain has now; None when it has no row."""
        ...

    async def add_segments(self, segments: Sequence[Segment]) -> None:
        """Keep segments, each beginning where the one before of its chain ended."""
        ...

    async def promising(self, chain: str, within: Span, needs: Needs) -> list[Span]:
        """The segments that reach into the span and may hold what is needed, oldest first."""
        ...

    async def unsegmented(self, size: int) -> list[tuple[str, int]]:
        """Chains with at least so many rows behind their last segment, and where that ended."""
        ...

    async def prove(self, mark: int) -> None:
        """Write the mark in place of the one before: who can do that can append too."""
        ...

    async def close(self) -> None:
        """Finish writes in progress and release everything."""
        ...
