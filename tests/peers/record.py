"""What the peers did when it was last recorded, and how to record it anew.

    python -m tests.peers.record [clients | conformance]

writes `clients.json` and `conformance.json` in `docs/results/`, of which `make docs` makes the page
on clients. The suites compare what they see with them, so the page cannot differ from what happens.
"""

import argparse
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.peers import conformance
from tests.peers.clients import CLIENTS
from tests.peers.conformance import SUITES
from tests.peers.house import House, house
from tests.peers.npm import CHECKOUT
from tests.peers.observe import facts, travel

RESULTS = CHECKOUT / "docs" / "results"
CLIENTS_FOUND = RESULTS / "clients.json"
CONFORMANCE = RESULTS / "conformance.json"
RENEW = "if this is meant: python -m tests.peers.record, then make docs"


def read(path: Path) -> dict[str, dict[str, Any]]:
    """A record, by the name of the client or suite."""
    known: dict[str, dict[str, Any]] = json.loads(path.read_text())
    return known


def main() -> None:
    """Let every client travel and every suite run, and write what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("only", nargs="?", choices=("clients", "conformance"), help="one of both")
    only = parser.parse_args().only
    with TemporaryDirectory() as folder, house(Path(folder)) as home:
        if only != "clients":
            _write(CONFORMANCE, _suites(home))
        if only != "conformance":
            _write(CLIENTS_FOUND, _clients(home))


def _suites(home: House) -> dict[str, dict[str, Any]]:
    url = home.server("test")["url"]
    found: dict[str, dict[str, Any]] = {}
    for name, suite in SUITES.items():
        verdict = conformance.run(suite.package, url, suite.arguments, suite.baseline)
        assert verdict.code == 0, verdict.printed
        found[name] = conformance.facts(suite, verdict)
        print(f"conformance {name}: {len(found[name]['passed'])} passed")
    return found


def _clients(home: House) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for name, client in CLIENTS.items():
        found[name] = facts(home, client, travel(home, client))
        print(f"{name}: {client.package} {found[name]['version']}")
    return found


def _write(path: Path, found: dict[str, dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
