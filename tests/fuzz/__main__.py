"""`python -m tests.fuzz`: the long form, a million inputs unless told otherwise, with progress."""

import argparse
import asyncio
import logging
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import structlog
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from tests.fuzz.run import Failed, Work, run
from tests.fuzz.targets import TARGETS

MILLION = 1_000_000
FAILED = 1
INTERRUPTED = 130


def works(arguments: argparse.Namespace) -> list[Work]:
    """What to do: one target, or all by their share."""
    if arguments.target:
        return [Work(arguments.target, arguments.seed, arguments.first, arguments.inputs)]
    total = sum(target.share for target in TARGETS.values())
    counts = {name: arguments.inputs * each.share // total + 1 for name, each in TARGETS.items()}
    return [Work(name, arguments.seed, arguments.first, count) for name, count in counts.items()]


def advance(bar: Progress, task: TaskID, count: int) -> None:
    """Move the bar; where nobody watches one, a line at each tenth."""
    before = int(bar.tasks[task].percentage // 10)
    bar.advance(task, count)
    now = bar.tasks[task]
    if not bar.console.is_terminal and int(now.percentage // 10) > before:
        print(f"{now.description}: {int(now.completed):,} of {int(now.total or 0):,}", flush=True)


def main() -> int:
    """Exit code 1 if an input does what it must not; 130 and the count so far at Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=MILLION, help="how many, in all")
    parser.add_argument("--target", choices=TARGETS, help="only this one")
    parser.add_argument("--seed", type=int, default=1, help="another one gives other inputs")
    parser.add_argument("--first", type=int, default=0, help="number of the first input")
    arguments = parser.parse_args()
    logging.disable(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    columns = (
        TextColumn("{task.description:>10}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    started, done = time.monotonic(), 0
    with tempfile.TemporaryDirectory() as folder, Progress(*columns, refresh_per_second=2) as bar:
        for work in works(arguments):
            task = bar.add_task(work.target, total=work.inputs)
            try:
                asyncio.run(run(work, Path(folder), partial(advance, bar, task)))
            except Failed as failed:
                bar.stop()
                notes = getattr(failed, "__notes__", ())
                print("\n".join(["FAILED", work.target, str(failed), *notes]), file=sys.stderr)
                return FAILED
            except KeyboardInterrupt:
                bar.stop()
                done += int(bar.tasks[task].completed)
                print(f"interrupted: {done:,} inputs, nothing failed so far", file=sys.stderr)
                return INTERRUPTED
            done += work.inputs
    print(f"{done:,} inputs in {time.monotonic() - started:,.0f} s: nothing failed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
