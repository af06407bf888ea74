"""Moves a deployment from one engine to another: records, audit trail and keys."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from typing import NamedTuple, TypeAlias

from mcpassport.errors import DataFolderError, UsageError
from mcpassport.store import open_store, scheme_of
from mcpassport.store.copies.carry import (
    Carry,
    Pair,
    refuse_busy,
    refuse_filled,
    refuse_served,
)
from mcpassport.store.copies.layout import DATA, KEYS, PARTS
from mcpassport.store.copies.side import Dumped, Mode, Side
from mcpassport.store.copies.sides import opened
from mcpassport.store.copies.transfer import counted, counts

Checked: TypeAlias = Callable[[Sequence[str]], Awaitable[None]]
"""Told the names of all audit chains, once they are in the target."""


class Plan(NamedTuple):
    """From where to where, as URLs; the keys may lie apart from the records."""

    source: str
    target: str
    keys_source: str
    keys_target: str


class Report(NamedTuple):
    """What was, or would be, done."""

    source: str
    target: str
    rows: dict[str, int]
    """By table."""
    resumed: bool
    refusals: tuple[str, ...] = ()
    """Of a dry run: why it would not be done."""


async def look(plan: Plan, now: datetime, told: Dumped) -> Report:
    """What a migration would do, and what would refuse it; changes nothing anywhere."""
    refusals: list[str] = []
    async with _pairs(plan, "read", "read") as pairs:
        targets = [pair.target for pair in pairs]
        resumed = bool([each for each in targets if await each.unfinished()])
        for refuse in (
            *(_refusing(refuse_served, pair.source, now) for pair in pairs),
            *(_refusing(refuse_busy, target) for target in targets),
            _refusing(refuse_filled, targets, pairs[-1].source.place),
        ):
            try:
                await refuse()
            except DataFolderError as error:
                refusals.append(str(error))
        rows = await _counted(pairs)
        if scheme_of(plan.target) == "postgresql":
            progress = counted(told, sum(rows.values()))
            for pair in pairs:
                refusals += [text async for text in _unstorable(pair.source, progress)]
        return Report(pairs[-1].source.place, targets[-1].place, rows, resumed, tuple(refusals))


async def migrate(
    plan: Plan, now: datetime, told: Dumped, checked: Checked, *, restart: bool = False
) -> Report:
    """Copy everything and compare it; the source stays as it is, and nobody writes to it meanwhile.

    An interrupted migration is gone on with when it is run again. `checked` is called once the
    target holds what the source does; what it raises leaves the target closed.

    Raises:
        DataFolderError: a side is in use, the target is not empty, or they differ in the end.
    """
    async with AsyncExitStack() as stack:
        pairs = await stack.enter_async_context(_pairs(plan, "frozen", "write", now))
        for pair in pairs:
            await refuse_busy(pair.target)
        store = open_store(plan.target)
        stack.push_async_callback(store.close)
        carry = Carry(pairs, store, pairs[-1].source.place)
        resumed = await carry.begin(now, restart=restart)

        async def check() -> None:
            await checked(await _chains(pairs[-1].target))

        await carry.through(told, check)
        rows = await _counted(pairs)
        return Report(pairs[-1].source.place, pairs[-1].target.place, rows, resumed)


@asynccontextmanager
async def _pairs(
    plan: Plan, source: Mode, target: Mode, now: datetime | None = None
) -> AsyncIterator[list[Pair]]:
    """The keys, unless they stay where they are, and then the data.

    With `now`, no target is made before the sources are known not to be served.
    """
    if plan.source == plan.target:
        raise UsageError("Source and target are the same.")
    ways = [(plan.keys_source, plan.keys_target, KEYS), (plan.source, plan.target, DATA)]
    async with AsyncExitStack() as stack:
        sides: list[tuple[Side, str]] = []
        for here, there, parts in ways:
            if here == there:
                continue
            side = await stack.enter_async_context(opened(here, parts, source))
            if not sum((await counts(side)).values()):
                raise UsageError(f"{side.place} holds nothing that could be moved.")
            if now is not None:
                await refuse_served(side, now)
            sides.append((side, there))
        found = []
        for side, there in sides:
            other = await stack.enter_async_context(opened(there, side.parts, target))
            if side.place == other.place:
                raise UsageError(f"Source and target are the same: {side.place}.")
            found.append(Pair(side, other))
        yield found


def _refusing(
    refuse: Callable[..., Awaitable[object]], *arguments: object
) -> Callable[[], Awaitable[object]]:
    return lambda: refuse(*arguments)


async def _counted(pairs: list[Pair]) -> dict[str, int]:
    return {name: rows for pair in pairs for name, rows in (await counts(pair.source)).items()}


async def _chains(side: Side) -> list[str]:
    part = PARTS["audit"]
    (heads,) = (table for table in part.tables if table.name == "heads")
    place = heads.columns.index("chain")
    return [row[place] async for row in side.rows(part, heads)]


async def _unstorable(side: Side, progress: Callable[[int], None]) -> AsyncIterator[str]:
    """Tables with texts that PostgreSQL cannot hold."""
    for part in side.parts:
        for table in part.tables:
            bad = 0
            async for row in side.rows(part, table):
                bad += any(isinstance(value, str) and "\0" in value for value in row)
                progress(1)
            if bad:
                yield f"{table.name}: {bad} rows hold the character NUL, which PostgreSQL refuses."
