"""What a run is held against: each goal with its bound, and what the run came to."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple


class Goal(NamedTuple):
    """A figure and its bound."""

    name: str
    text: str
    at_least: bool
    bound: float
    figure: Callable[[dict[str, Any]], float]


def _listed(results: dict[str, Any], tools: int) -> float:
    rows = results["tools_list"]
    found = (r for r in rows if (r["row"], r["tools"]) == ("mcpassport", tools))
    return float(next(found)["calls_per_s"])


def _growth(results: dict[str, Any]) -> float:
    rows = results["lookups"]
    return float(rows[-1]["cpu_us_per_call"] / rows[0]["cpu_us_per_call"])


GOALS: Final = (
    Goal(
        *("full_vs_fastmcp", "everything on, against FastMCP's from_openapi", True, 15),
        lambda r: float(r["ratios"]["full_vs_fastmcp"]),
    ),
    Goal(
        *("full_vs_bare", "everything on, against the bare pass-through", True, 0.5),
        lambda r: float(r["ratios"]["full_vs_bare"]),
    ),
    Goal(
        *("tools_list_1000", "tools/list of 1,000 tools, per second", True, 3_000),
        lambda r: _listed(r, 1000),
    ),
    Goal(
        *("in_flight_mb", "MB with 8,000 calls in flight", False, 600),
        lambda r: float(r["in_flight"]["memory_mb"]),
    ),
    Goal(
        *("lookup_growth", "CPU of a request at 10^6 servers, against 10^3", False, 1.25),
        _growth,
    ),
    Goal(
        *("audit_share", "share of throughput that the audit costs (process)", False, 0.35),
        lambda r: float(r["audit"]["share_of_throughput"]["process"]),
    ),
    Goal(
        *("postgres_cpu", "our CPU per call with PostgreSQL, against SQLite", False, 1.6),
        lambda r: float(r["postgres"]["cpu_ratio"]),
    ),
    Goal(
        *("flood_p99", "a neighbour's p99 in a flood, against alone", False, 2.0),
        lambda r: float(r["flood"]["p99_ratio"]),
    ),
)


def judged(results: dict[str, Any]) -> list[dict[str, Any]]:
    """Each goal that the run has a figure for, and whether it was reached."""
    found = []
    for goal in GOALS:
        try:
            measured = goal.figure(results)
        except (KeyError, StopIteration, IndexError, TypeError):
            continue
        reached = measured >= goal.bound if goal.at_least else measured <= goal.bound
        found.append(
            {
                "goal": goal.name,
                "text": goal.text,
                "wanted": f"{'at least' if goal.at_least else 'at most'} {goal.bound:g}",
                "measured": round(measured, 3),
                "reached": reached,
            }
        )
    return found
