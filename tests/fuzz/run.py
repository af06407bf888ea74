"""Runs targets: input after input, each a function of target, seed and number alone."""

import asyncio
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple

from tests.fuzz.targets import TARGETS, Attempt, Target

ROUND = 20_000
"""Inputs of one deployment; then its files are dropped, and a fresh one goes on."""
GROWTH_MAX = 96 * 2**20
"""How much larger the process may be at the end than after its first round, in bytes."""
PAGE = 4096


class Failed(Exception):
    """An input that something must not do; its number is enough to try it again."""


class Work(NamedTuple):
    """Inputs of one target, by number."""

    target: str
    seed: int
    first: int
    inputs: int


def resident() -> int:
    """Bytes of memory that the process holds (proc(5), statm)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


def rounds(work: Work) -> Iterator[Work]:
    """The work in pieces that one deployment takes."""
    for start in range(work.first, work.first + work.inputs, ROUND):
        size = min(ROUND, work.first + work.inputs - start)
        yield work._replace(first=start, inputs=size)


async def run(work: Work, folder: Path, progress: Callable[[int], None]) -> None:
    """Try every input; `Failed` with the first that fails, or when memory grows without end."""
    target, settled = TARGETS[work.target], 0
    for number, piece in enumerate(rounds(work)):
        home = folder / f"{work.target}-{number}"
        home.mkdir(parents=True)
        try:
            async with target.open(home) as attempt:
                await _all(target, attempt, piece, progress)
        finally:
            shutil.rmtree(home)
        settled = settled or resident()
    if resident() - settled > GROWTH_MAX:
        raise Failed(f"{work.target}: memory grew from {settled:,} to {resident():,} bytes")


async def _all(
    target: Target, attempt: Attempt, work: Work, progress: Callable[[int], None]
) -> None:
    for start in range(work.first, work.first + work.inputs, target.at_once):
        numbers = range(start, min(start + target.at_once, work.first + work.inputs))
        if target.at_once == 1:
            await _one(attempt, work, start)
        else:
            await asyncio.gather(*(_one(attempt, work, number) for number in numbers))
        progress(len(numbers))


async def _one(attempt: Attempt, work: Work, number: int) -> None:
    try:
        await attempt(Random(f"{work.target}:{work.seed}:{number}"))
    except Exception as error:
        again = f"--target {work.target} --seed {work.seed} --first {number} --inputs 1"
        failed = Failed(f"{type(error).__name__}: {error}\nagain: python -m tests.fuzz {again}")
        for note in getattr(error, "__notes__", ()):
            failed.add_note(note[:4_000])
        raise failed from error
