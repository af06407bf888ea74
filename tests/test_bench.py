"""The benchmark works, and what is committed of it is what its results say."""

import asyncio
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from bench.goals import GOALS, judged
from bench.load import Load, LoadError, Target, request
from bench.parts.throughput import ratios
from bench.picture import PICTURE, RESULTS, picture
from tests.support.rawserver import Exchange, plain, raw_server

ROOT = Path(__file__).parents[1]


def test_the_quick_form_measures_every_row_of_ours(tmp_path: Path) -> None:
    """Upstream, bare pass-through and both deployments serve, and every call is answered well."""
    out = tmp_path / "results.json"
    command = [sys.executable, "-m", "bench.run", "--quick", "--out", str(out)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=300)
    results = json.loads(out.read_text())
    rows = {row["row"]: row for row in results["throughput"]}
    assert list(rows) == ["direct", "bare", "minimum", "full"]
    assert all(row["calls_per_s"] > 0 for row in rows.values())
    assert rows["full"]["cpu_us_per_call"] > 0
    assert picture(results).startswith("<svg")


def test_the_committed_picture_is_that_of_the_committed_results() -> None:
    """Nobody has to believe the picture: it is drawn from the results beside it."""
    assert PICTURE.read_text() == picture(json.loads(RESULTS.read_text()))


def test_the_readme_of_the_bench_describes_what_a_run_writes() -> None:
    """Every member of the results stands in the table, and no other."""
    results = json.loads(RESULTS.read_text())
    table = (RESULTS.parent / "README.md").read_text().partition("## results.json")[2]
    first = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    described = {name for cell in first for name in re.findall(r"`([a-z_]+)", cell)}
    assert described == set(results)


def test_goals_are_judged_by_their_bounds() -> None:
    """A bound itself is reached; what was not measured is not judged."""
    results = {"ratios": {"full_vs_bare": 0.5, "full_vs_fastmcp": 14.9}}
    found = {goal["goal"]: goal["reached"] for goal in judged(results)}
    assert found == {"full_vs_bare": True, "full_vs_fastmcp": False}
    assert len({goal.name for goal in GOALS}) == len(GOALS)


def test_ratios_come_from_one_cell() -> None:
    """Only 32 connections and 1 KB count; the faster one is above 1."""
    cell = {"connections": 32, "body": "1 KB"}
    rows = [
        {"row": "direct", "calls_per_s": 9, "cpu_us_per_call": None, **cell},
        {"row": "bare", "calls_per_s": 4, "cpu_us_per_call": 10, **cell},
        {"row": "full", "calls_per_s": 2, "cpu_us_per_call": 40, **cell},
        {"row": "full", "calls_per_s": 99, "cpu_us_per_call": 1, **cell, "connections": 1},
    ]
    assert ratios(rows) == {"full_vs_bare": 0.5, "full_vs_bare_by_cpu": 0.25}


async def test_an_answer_that_is_no_success_stops_the_load() -> None:
    """A tool error, or another status than expected, is not counted as a call."""

    async def wrong(exchange: Exchange) -> None:
        await exchange.reply(b'{"result":{"isError":true}}')

    for play, statuses in ((wrong, {200}), (plain, {404})):
        async with raw_server(play) as server:
            target = Target("t", server.port, (request("GET", "/"),), frozenset(statuses))
            with pytest.raises(LoadError):
                await _loaded(target)


async def test_the_load_counts_what_it_asked_for() -> None:
    """So many calls are made, each with its latency."""
    async with raw_server(plain) as server:
        figures = await _loaded(Target("t", server.port, (request("GET", "/"),)))
    assert figures == 10


async def _loaded(target: Target) -> int:
    def run() -> int:
        with Load(target, 2) as load:
            figures = load.run(calls=10)
        return len(figures.latencies)

    return await asyncio.to_thread(run)
