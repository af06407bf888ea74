"""Fills one deployment's places from another's: begun, broken off, gone on with, and compared.

1. What is served is not touched, on either side.
2. The target is empty, or holds the beginning of a copy from the same source.
3. From the first row to the last comparison a note in the target keeps everybody from opening it.
4. Every row of both sides is read again and compared before the note goes.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Final, NamedTuple, TypeAlias

from mcpassport.store.copies.side import Dumped, Side
from mcpassport.store.copies.transfer import copy, counted, counts, differences, empty
from mcpassport.store.protocol import Store
from mcpassport.store.trouble import data_folder_error
from mcpassport.store.unready import Unfinished, begin_copy, end_copy

SHOWN: Final = 5
"""How many differences a message names."""

Checked: TypeAlias = Callable[[], Awaitable[None]]
"""What else must hold of the target before anybody opens it; raises where it does not."""


class Pair(NamedTuple):
    """What is copied where."""

    source: Side
    target: Side


async def refuse_served(source: Side, now: datetime) -> None:
    """`DataFolderError` while a process serves that source (1)."""
    until = await source.served_until()
    if until is not None and until > now:
        raise data_folder_error(
            source.place,
            "a process serves it, or did so until a moment ago",
            f"Stop every `mcpassport serve`, and wait until {until:%H:%M:%S} UTC.",
        )
    if await source.unfinished():
        raise data_folder_error(source.place, "a copy into it is not complete", "Finish it first.")


async def refuse_busy(target: Side) -> None:
    """`DataFolderError` while programs of ours are connected to that target (1)."""
    if count := await target.sessions():
        raise data_folder_error(
            target.place,
            f"programs of mcpassport are connected to it ({count})",
            "Stop every `mcpassport serve` and command that uses it.",
        )


async def refuse_filled(
    targets: Sequence[Side], source: str, *, restart: bool = False
) -> Unfinished | None:
    """The copy that goes on, or None where one begins; `DataFolderError` otherwise (2)."""
    begun = None
    for target in targets:
        begun = begun or await target.unfinished()
    if begun is not None and begun.source != source and not restart:
        raise data_folder_error(
            targets[0].place,
            f"it holds the beginning of a copy from {begun.source}",
            "Go on with that one, or empty it first: `store migrate` does so with --restart.",
        )
    for target in targets:
        held = {name: rows for name, rows in (await counts(target)).items() if rows}
        if held and begun is None:
            told = ", ".join(f"{name}: {rows}" for name, rows in held.items())
            raise data_folder_error(
                target.place,
                f"it is not empty ({told})",
                "Name an empty place: nothing is replaced.",
            )
    return begun


class Carry:
    """One copy of a deployment; the sides are open, and `store` is the target's records."""

    def __init__(self, pairs: Sequence[Pair], store: Store | None, source: str) -> None:
        self._pairs = pairs
        self._store = store
        self._source = source

    async def begin(self, now: datetime, *, restart: bool = False) -> bool:
        """Put the note there, or find it; whether an earlier copy goes on. Raises as above."""
        targets = [pair.target for pair in self._pairs]
        begun = await refuse_filled(targets, self._source, restart=restart)
        if begun is not None and not restart:
            return True
        if self._store is not None:
            await begin_copy(self._store, Unfinished(self._source, now))  # (3)
        if begun is not None:
            for target in targets:
                await empty(target)
        return False

    async def through(self, told: Dumped, checked: Checked | None = None) -> None:
        """Copy what is not there yet, compare, and let the target be used.

        `checked` is called between the comparison and the end; what it raises leaves the note.

        Raises:
            DataFolderError: the target does not hold exactly what the source does (4).
        """
        rows = sum([sum((await counts(pair.source)).values()) for pair in self._pairs])
        progress = counted(told, 3 * rows)  # copied, then read again on both sides
        for pair in self._pairs:
            await copy(pair.source, pair.target, progress)
        found = []
        for pair in self._pairs:
            found += await differences(pair.source, pair.target, progress)
        if found:
            more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
            raise data_folder_error(
                self._pairs[0].target.place,
                f"it differs from its source in {'; '.join(found[:SHOWN])}{more}",
                "The source was changed since the copy began: run this again with --restart.",
            )
        if checked is not None:
            await checked()
        if self._store is not None:
            await end_copy(self._store)
