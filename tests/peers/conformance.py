"""The official conformance suites, each with the baseline of what is not offered."""

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from tests.peers.npm import LOCKS, ensure_packages, node

BASELINES = Path(__file__).parent / "baselines"
SUITE_S = 300
_PASSED = re.compile(r"^✓ ([\w-]+): [1-9]\d* passed, 0 failed$", re.MULTILINE)
_ENTRY = re.compile(r"  - (\S+)(?:  # (.+))?")


class Entry(NamedTuple):
    """One line of a baseline: a scenario, or `scenario:check`, and why it cannot pass."""

    name: str
    reason: str


@dataclass(frozen=True)
class Suite:
    """A list of scenarios of one version of the suite; `name` is also that of its baseline."""

    name: str
    package: str
    arguments: tuple[str, ...]

    @property
    def baseline(self) -> Path:
        """What is expected to fail."""
        return BASELINES / f"{self.name}.yaml"

    def entries(self) -> Iterator[Entry]:
        """The baseline, line by line: its reasons are comments, which a YAML reader drops."""
        _, _, listed = self.baseline.read_text().partition("server:\n")
        for line in listed.splitlines():
            found = _ENTRY.fullmatch(line)
            assert found is not None, f"{self.baseline.name}: {line!r}"
            yield Entry(found.group(1), found.group(2) or "")

    def version(self) -> str:
        """The version that the lock names."""
        pinned = json.loads((LOCKS / "conformance" / "package.json").read_text())["dependencies"]
        return str(pinned[self.package]).rpartition("@")[2]


SUITES = {
    suite.name: suite
    for suite in (
        Suite("0.1-active", "conformance-0.1", ("--suite", "active")),
        Suite("0.2-2025-11-25", "conformance-0.2", ("--requirements", "2025-11-25")),
        Suite("0.2-2026-07-28", "conformance-0.2", ("--requirements", "2026-07-28")),
    )
}


class Verdict(NamedTuple):
    """How a run ended, what it printed, and the scenarios of which every check passed."""

    code: int
    printed: str
    passed: list[str]


def run(
    package: str, url: str, arguments: tuple[str, ...], expected_failures: Path | None = None
) -> Verdict:
    """Run scenarios against the server of that URL."""
    baseline = ("--expected-failures", str(expected_failures)) if expected_failures else ()
    done = subprocess.run(
        [
            *(str(node()), f"node_modules/{package}/dist/index.js", "server", "--url", url),
            *(*arguments, *baseline),
        ],
        cwd=ensure_packages("conformance"),
        capture_output=True,
        text=True,
        check=False,
        timeout=SUITE_S,
    )
    printed = done.stdout + done.stderr
    summary = done.stdout.partition("=== SUMMARY ===")[2]
    return Verdict(done.returncode, printed, _PASSED.findall(summary))


def facts(suite: Suite, verdict: Verdict) -> dict[str, Any]:
    """What the page on clients says of a suite: what passes, and what is not offered."""
    not_offered = {entry.name: entry.reason for entry in suite.entries()}
    return {
        "version": suite.version(),
        "list": " ".join(suite.arguments).removeprefix("--"),
        "passed": [name for name in verdict.passed if name not in not_offered],
        "not_offered": not_offered,
    }
