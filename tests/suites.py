"""The suites of the long tier: run them, keep what came of it, and say which results are stale.

    python -m tests.suites run [NAME ...]   runs, and writes docs/results/<suite>.json
    python -m tests.suites stale [--fail]   lists suites whose sources changed since their result

A result holds the digest of the sources it covers: the program, the suite's own tests and support,
and the locks. A suite that failed leaves a result that says so, which counts as stale.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "docs" / "results"
COVERED = ("src", "requirements", "integrations", "deploy", "pyproject.toml")
"""What every suite depends on, beside its own files and `tests/support`."""

SUITES: dict[str, tuple[str, ...]] = {
    "rules": (
        *("tests/test_layers.py", "tests/test_house_rules.py", "tests/test_docs.py"),
        "tests/test_suites.py",
    ),
    "unit": ("tests/unit", "tests/test_secrets_confined.py"),
    "contracts": ("tests/contracts",),
    "whole": ("tests/whole",),
    "fuzz": ("tests/fuzz",),
    "mutants": ("tests/mutants",),
    "bench": ("bench", "tests/test_bench.py"),
    "docs": ("tests/test_docs_examples.py",),
    "e2e": ("tests/e2e",),
    "peers": ("tests/peers",),
    "browser": ("tests/browser",),
    "deploy": ("tests/deploy",),
}
"""Suite -> what pytest is given."""


def files_of(suite: str) -> Iterator[Path]:
    """Every file that a result of this suite depends on, in order."""
    places = [*COVERED, *SUITES[suite], "tests/support", "tests/fixtures", "tests/cases"]
    names = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", *places],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    for name in sorted(set(names)):
        if (ROOT / name).is_file():
            yield ROOT / name


def digest_of(suite: str) -> str:
    """SHA-256 over names and contents of the sources that the suite covers."""
    total = hashlib.sha256()
    for path in files_of(suite):
        total.update(str(path.relative_to(ROOT)).encode() + b"\0")
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def run(suite: str) -> dict[str, Any]:
    """Run one suite; its result, also written to docs/results."""
    digest, started = digest_of(suite), time.time()
    with TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [
            *(sys.executable, "-m", "pytest", "-q", "-n", "auto", "--dist", "loadgroup"),
            *(f"--junitxml={report}", *SUITES[suite]),
        ]
        code = subprocess.run(command, cwd=ROOT, check=False).returncode
        counts = _counts(report)
    result = {
        "suite": suite,
        "passed": code == 0,
        "exit_code": code,
        **counts,
        "seconds": round(time.time() - started),
        "python": sys.version.split()[0],
        "sources": digest,
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{suite}.json").write_text(json.dumps(result, indent=2) + "\n")
    return result


def _counts(report: Path) -> dict[str, int]:
    if not report.exists():
        return {"tests": 0, "failures": 0, "skipped": 0}
    suite = ET.parse(report).getroot().find("testsuite")
    found = {} if suite is None else suite.attrib
    failures = int(found.get("failures", 0)) + int(found.get("errors", 0))
    return {
        "tests": int(found.get("tests", 0)),
        "failures": failures,
        "skipped": int(found.get("skipped", 0)),
    }


def stale() -> list[str]:
    """Why each suite has no valid result, for those that have none."""
    found: list[str] = []
    for suite in SUITES:
        path = RESULTS / f"{suite}.json"
        if not path.exists():
            found.append(f"{suite}: never run by make test-all")
            continue
        result = json.loads(path.read_text())
        if not result["passed"]:
            found.append(f"{suite}: failed when it was last run")
        elif result["sources"] != digest_of(suite):
            found.append(f"{suite}: its sources changed since it was run")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, or list what is stale."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    runner = commands.add_parser("run", help="run suites and write their results")
    runner.add_argument("names", nargs="*", choices=[*SUITES, []], default=[])
    lister = commands.add_parser("stale", help="list suites without a valid result")
    lister.add_argument("--fail", action="store_true", help="exit with 1 if there is one")
    given = parser.parse_args(arguments)
    if given.command == "run":
        results = [run(suite) for suite in given.names or SUITES]
        for result in results:
            verdict = "passed" if result["passed"] else "FAILED"
            print(f"{result['suite']:>10}  {verdict}  {result['tests']} tests")
        return 0 if all(result["passed"] for result in results) else 1
    found = stale()
    for line in found:
        print(f"stale result of the long tier: {line}")
    return 1 if found and given.fail else 0


if __name__ == "__main__":
    sys.exit(main())
