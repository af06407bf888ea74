"""Compares mcpassport with what is under it and with its peers, in one run (see README.md)."""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from bench import machine
from bench.goals import judged
from bench.load import LoadError
from bench.measure import Plan
from bench.parts import audit, flood, in_flight, lists, lookups, postgres, throughput
from bench.peers import PEERS
from bench.picture import BUSY, PICTURE, RESULTS, picture
from bench.upstream import upstream

from mcpassport import __version__
from mcpassport.cli.client import ApiProblem
from mcpassport.errors import UsageError

LIBRARIES: Final = ("granian", "uvloop", "aiohttp", "msgspec", "jsonatapy", "jsonschema-rs")


class Bench:
    """One run: the parts asked for, over one upstream, into one document."""

    def __init__(self, arguments: argparse.Namespace, folder: Path) -> None:
        self._arguments = arguments
        self._folder = folder
        self.failed: list[str] = []
        self._plan = Plan(arguments.seconds, arguments.rounds, min(0.5, arguments.seconds))
        self.results: dict[str, Any] = {
            "format": 1,
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "mcpassport": __version__,
            "libraries": {name: version(name) for name in LIBRARIES},
            "machine": machine.facts(),
            "plan": {"seconds": self._plan.seconds, "rounds": self._plan.rounds},
            "peers": {},
            "ratios": {},
        }

    def run(self) -> None:
        """Every part asked for."""
        # Whether others use the machine decides what the figures are worth.
        self.results["busy_before"] = machine.busy_share()
        parts = self._parts()
        install = not self._arguments.quick
        with upstream(self._folder / "upstream", install=install) as served:
            self.results["upstream"] = served.kind
            for name, part in parts.items():
                if name in self._arguments.parts:
                    print(name, flush=True)
                    self._run(name, part, served.port)
        self.results["goals"] = judged(self.results)
        self.results["busy_after"] = machine.busy_share()

    def _run(self, name: str, part: Callable[[int], Any], port: int) -> None:
        """One part; of one that fails the others are not lost."""
        try:
            self.results[name] = part(port)
        except (LoadError, UsageError, ApiProblem, OSError) as error:
            print(f"  FAILED: {error}", flush=True)
            self.failed.append(name)

    def _parts(self) -> Mapping[str, Callable[[int], Any]]:
        folder, plan = self._folder, self._plan
        return {
            "throughput": self._throughput,
            "tools_list": lambda port: lists.run(
                folder / "lists", port, self._arguments.peers, plan
            ),
            "audit": lambda port: audit.run(folder / "audit", port, plan),
            "postgres": lambda port: postgres.run(folder / "postgres", port, plan),
            "flood": lambda port: flood.run(folder / "flood", port, plan),
            "in_flight": lambda _port: in_flight.run(folder / "in_flight"),
            "lookups": lambda port: lookups.run(folder / "lookups", port, plan),
        }

    def _throughput(self, port: int) -> list[dict[str, Any]]:
        given, found = self._arguments, self.results
        folder = self._folder / "throughput"
        with throughput.rows(folder, port, given.peers, found["peers"]) as by_kind:
            results = throughput.run(by_kind, given.connections, given.bodies, self._plan)
        found["ratios"].update(throughput.ratios(results))
        return results


PARTS: Final = (
    "throughput",
    "tools_list",
    "audit",
    "postgres",
    "flood",
    "in_flight",
    "lookups",
)


def parsed(words: Sequence[str] | None) -> argparse.Namespace:
    """The options; `--quick` is a form that only shows that everything works."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0, help="per row and round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 8, 32, 128])
    bodies = list(throughput.BODIES)
    parser.add_argument("--bodies", nargs="+", choices=bodies, default=bodies)
    parser.add_argument("--peers", nargs="*", choices=list(PEERS), default=list(PEERS))
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument(
        "--out", type=Path, help="where the results go; a whole run writes the committed ones"
    )
    parser.add_argument(
        "--quick", action="store_true", help="seconds long; its figures say nothing"
    )
    given = parser.parse_args(words)
    if given.quick:
        given.seconds, given.rounds, given.connections = 0.2, 1, [4]
        given.bodies, given.peers, given.parts = bodies[:1], [], ["throughput"]
    return given


def main(words: Sequence[str] | None = None) -> int:
    """Run, write, and print the headline; 1 when a part failed."""
    given = parsed(words)
    os.sched_setaffinity(0, {machine.LOAD_CORE})
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(given, Path(name))
        bench.run()
    _report(bench.results)
    whole = not bench.failed and set(given.parts) == set(PARTS)
    if given.out or whole:
        (given.out or RESULTS).write_text(json.dumps(bench.results, indent=1) + "\n")
    if whole and not given.out:
        PICTURE.write_text(picture(bench.results))
    return 1 if bench.failed else 0


def _report(results: dict[str, Any]) -> None:
    for name, value in results["ratios"].items():
        print(f"{name:>40}  {value}")
    for goal in results["goals"]:
        verdict = "reached" if goal["reached"] else "NOT REACHED"
        print(f"{goal['text']:>55}  {goal['measured']:>9}  {goal['wanted']:<14} {verdict}")
    busy = max(results["busy_before"], results["busy_after"])
    if busy > BUSY:
        print(f"Others used {busy:.0%} of the machine: take the figures again when it is quiet.")


if __name__ == "__main__":
    sys.exit(main())
