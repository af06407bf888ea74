"""Measuring rows side by side: in turns, round after round, so that drift hits all alike."""

import statistics
from collections.abc import Sequence
from typing import Any, NamedTuple

from bench.load import Figures, Load, Target
from bench.machine import cost_of


class Row(NamedTuple):
    """What is measured: a target, and the root of the processes that serve it, if they are ours."""

    target: Target
    pid: int | None = None


class Plan(NamedTuple):
    """How long and how often."""

    seconds: float = 2.0
    rounds: int = 5
    warm_up: float = 0.5


class _Round(NamedTuple):
    figures: Figures
    cpu_us: float | None
    memory_mb: float | None


def in_turns(rows: Sequence[Row], connections: int, plan: Plan) -> list[dict[str, Any]]:
    """One row of results for each; every figure is the median of the rounds."""
    for row in rows:
        with Load(row.target, connections) as load:
            load.run(plan.warm_up)
    rounds: dict[str, list[_Round]] = {row.target.name: [] for row in rows}
    for _ in range(plan.rounds):
        for row in rows:
            rounds[row.target.name].append(once(row, connections, plan.seconds))
    return [_summary(name, connections, found) for name, found in rounds.items()]


def once(row: Row, connections: int, seconds: float) -> _Round:
    """One round of one row."""
    with Load(row.target, connections) as load:
        before = None if row.pid is None else cost_of(row.pid)
        figures = load.run(seconds)
        after = None if row.pid is None else cost_of(row.pid)
    if before is None or after is None:
        return _Round(figures, None, None)
    return _Round(
        figures, 1e6 * (after.cpu_s - before.cpu_s) / max(figures.calls, 1), after.memory_mb
    )


def _summary(name: str, connections: int, rounds: Sequence[_Round]) -> dict[str, Any]:
    return {
        "row": name,
        "connections": connections,
        "calls_per_s": round(statistics.median(item.figures.rate for item in rounds)),
        "p50_ms": _median([item.figures.percentile(0.5) for item in rounds]),
        "p99_ms": _median([item.figures.percentile(0.99) for item in rounds]),
        "cpu_us_per_call": _median([item.cpu_us for item in rounds], 0),
        "memory_mb": _median([item.memory_mb for item in rounds], 0),
    }


def _median(values: Sequence[float | None], digits: int = 2) -> float | None:
    known = [value for value in values if value is not None]
    return round(statistics.median(known), digits) if known else None
