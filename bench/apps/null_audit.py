"""A worker with an audit store that keeps nothing: what the audit costs is the distance to it.

For the bench only. Everything before the store runs as it does: rows are made, encoded, queued.
"""

import sys
from collections.abc import Sequence
from typing import Any
from unittest import mock

from mcpassport import app
from mcpassport.records.audit import ChainedRow, Checkpoint, EdgeCount
from mcpassport.serving import worker
from mcpassport.store.protocol import Link, Pending, Space


class NullAudit:
    """An `AuditStore` that forgets."""

    async def append(self, rows: Sequence[Pending], link: Link) -> None:
        """Forget the rows."""

    async def open_rows(self) -> list[ChainedRow]:
        """None."""
        return []

    async def rows(
        self, chain: str, *, after: int = 0, limit: int = 50, newest_first: bool = False
    ) -> list[ChainedRow]:
        """None."""
        del chain, after, limit, newest_first
        return []

    async def space(self) -> Space:
        """Nothing is used."""
        return Space(0, None)

    async def add_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Forget it."""

    async def checkpoints(
        self, chain: str, *, after: int = 0, limit: int = 50, newest_first: bool = False
    ) -> list[Checkpoint]:
        """None."""
        del chain, after, limit, newest_first
        return []

    async def forget(self, chain: str, through: int) -> None:
        """Nothing is kept."""

    async def count_edge(self, counts: Sequence[EdgeCount]) -> None:
        """Forget them."""

    async def edge_counts(self, *, limit: int = 50) -> list[EdgeCount]:
        """None."""
        del limit
        return []

    async def close(self) -> None:
        """Nothing is open."""


def main() -> int:
    """As the shipped worker, over this store."""

    def forgetting(_url: str, **_options: Any) -> NullAudit:
        return NullAudit()

    with mock.patch.object(app, "open_audit", forgetting):
        return worker.main()


if __name__ == "__main__":
    sys.exit(main())
