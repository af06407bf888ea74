"""What a copy reads from or writes to: one place with tables, whatever the engine."""

from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

from mcpassport.errors import DataFolderError
from mcpassport.store.copies.layout import Part, Table
from mcpassport.store.trouble import data_folder_error
from mcpassport.store.unready import Unfinished

Row: TypeAlias = tuple[Any, ...]
Mode: TypeAlias = Literal["read", "frozen", "write"]
"""`read` sees one moment while others write; `frozen` lets nobody else write; `write` fills it."""

Dumped: TypeAlias = Callable[[int, int], None]
"""Told how much of how much is done."""


class Side(Protocol):
    """A place with some of the parts. `DataFolderError` when it cannot be used or fails."""

    @property
    def place(self) -> str:
        """Where it is, for messages; never a password."""
        ...

    @property
    def parts(self) -> tuple[Part, ...]:
        """Which parts are meant here."""
        ...

    def rows(self, part: Part, table: Table, after: Row | None = None) -> AsyncGenerator[Row, None]:
        """The rows behind that key, in the order of their keys; none where there is no table."""
        ...

    async def last(self, part: Part, table: Table) -> Row | None:
        """The greatest key; None if there is no row."""
        ...

    async def count(self, part: Part, table: Table) -> int:
        """How many rows there are."""
        ...

    async def add(self, part: Part, table: Table, rows: Sequence[Row]) -> None:
        """Append rows, all of them or none."""
        ...

    async def clear(self, part: Part, table: Table) -> None:
        """Remove every row that a copy may have brought."""
        ...

    async def finish(self) -> None:
        """What remains to be done once every row is here."""
        ...

    async def dump(self, folder: Path, told: Dumped) -> None:
        """Copy every part into a new SQLite file in that folder."""
        ...

    async def unfinished(self) -> Unfinished | None:
        """The copy into this place that is not complete; None if there is none."""
        ...

    async def served_until(self) -> datetime | None:
        """When the lease of the last process that serves this lapses; None if there is none."""
        ...

    async def sessions(self) -> int:
        """How many other programs of ours are connected to it, as far as the engine can tell."""
        ...

    async def close(self) -> None:
        """Let go of it."""
        ...


def older(place: str) -> DataFolderError:
    """What is said of a source that an earlier release wrote last."""
    return data_folder_error(
        place,
        "an earlier release wrote this last",
        "Bring it up to date first: run `mcpassport doctor` with its settings.",
    )
