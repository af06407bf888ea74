"""Copies every row from one side to another, and compares both.

Rows go in the order of their keys, in batches that are committed whole. So what a broken-off copy
leaves is a beginning of each table, and the next one goes on behind it. Nothing is believed: at the
end both sides are read, counted and hashed, group by group.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from hashlib import sha256
from typing import Final, NamedTuple, TypeAlias

import msgspec

from mcpassport.store.copies.layout import Part, Table
from mcpassport.store.copies.side import Dumped, Row, Side

BATCH_ROWS: Final = 1_000
BATCH_BYTES: Final = 4 * 2**20
_TOLD_ROWS: Final = 1_000
"""How often progress is told within one group."""

Progress: TypeAlias = Callable[[int], None]
"""Told how many more rows are done."""


def counted(told: Dumped, total: int) -> Progress:
    """Progress that tells how many of `total` rows are done."""
    done = 0

    def progress(rows: int) -> None:
        nonlocal done
        done += rows
        told(done, total)

    return progress


class Group(NamedTuple):
    """Rows that belong together: those of one kind and tenant, or of one chain."""

    table: str
    name: tuple[str, ...]
    rows: int
    digest: str
    """SHA-256 (hex) over all of them, in order."""

    @property
    def shown(self) -> str:
        """The group, as people read it."""
        return " ".join((self.table, *(part or "(deployment)" for part in self.name)))


async def counts(side: Side) -> dict[str, int]:
    """How many rows each table holds."""
    return {
        table.name: await side.count(part, table) for part in side.parts for table in part.tables
    }


async def copy(source: Side, target: Side, progress: Progress) -> None:
    """Copy what the target has not got yet; what it has counts as done."""
    for part in source.parts:
        for table in part.tables:
            after = await target.last(part, table)
            if after is not None:
                progress(await target.count(part, table))
            async with (
                aclosing(source.rows(part, table, after)) as rows,
                aclosing(_batches(rows)) as batches,
            ):
                async for batch in batches:
                    await target.add(part, table, batch)
                    progress(len(batch))
    await target.finish()


async def empty(side: Side) -> None:
    """Remove everything that a copy may have brought."""
    for part in side.parts:
        for table in part.tables:
            await side.clear(part, table)


async def differences(source: Side, target: Side, progress: Progress) -> list[str]:
    """The groups that are not the same on both sides; none after a good copy."""
    found = []
    for part in source.parts:
        for table in part.tables:
            async with (
                aclosing(groups(source, part, table, progress)) as here,
                aclosing(groups(target, part, table, progress)) as there,
            ):
                found += [group.shown async for group in _unlike(here, there)]
    return found


async def _unlike(here: AsyncIterator[Group], there: AsyncIterator[Group]) -> AsyncIterator[Group]:
    """The groups that one side has not, or has otherwise; both come in the order of names."""
    mine, other = await anext(here, None), await anext(there, None)
    while mine is not None or other is not None:
        if mine != other:
            yield _earlier(mine, other)
        step_mine, step_other = _which_move(mine, other)
        mine = await anext(here, None) if step_mine else mine
        other = await anext(there, None) if step_other else other


def _earlier(mine: Group | None, other: Group | None) -> Group:
    present = [group for group in (mine, other) if group is not None]
    return min(present, key=lambda group: group.name)


def _which_move(mine: Group | None, other: Group | None) -> tuple[bool, bool]:
    """Go on where the earlier group is; on both sides where they have the same name."""
    if mine is None or other is None:
        return other is None, mine is None
    return mine.name <= other.name, other.name <= mine.name


async def groups(
    side: Side, part: Part, table: Table, progress: Progress
) -> AsyncGenerator[Group, None]:
    """Every group of a table, in order."""
    places = table.place_in_key()[: table.grouped]
    name: tuple[str, ...] | None = None
    rows, told, total = 0, 0, sha256()
    async with aclosing(side.rows(part, table)) as found:
        async for row in found:
            own = tuple(row[place] for place in places)
            if own != name and name is not None:
                yield Group(table.name, name, rows, total.hexdigest())
                progress(rows - told)
                rows, told, total = 0, 0, sha256()
            name = own
            rows += 1
            total.update(msgspec.msgpack.encode(row))
            if rows - told == _TOLD_ROWS:
                progress(rows - told)
                told = rows
    if name is not None:
        progress(rows - told)
        yield Group(table.name, name, rows, total.hexdigest())


async def _batches(rows: AsyncIterator[Row]) -> AsyncGenerator[list[Row], None]:
    batch: list[Row] = []
    size = 0
    async for row in rows:
        batch.append(row)
        size += sum(len(value) for value in row if isinstance(value, str | bytes))
        if len(batch) == BATCH_ROWS or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
