"""The demo does what it says, from its own command."""

import subprocess
import sys

import pytest
from tests.e2e.conftest import CHECKOUT

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("demo")]


def test_the_demo_runs_to_its_end() -> None:
    """`mcpassport demo --once` shows every step and ends with exit code 0."""
    done = subprocess.run(
        [sys.executable, "-m", "mcpassport", "demo", "--once", "--checkout", str(CHECKOUT)],
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for promise in (
        "read 230 contacts",
        "a write is refused",
        "without the API token",
        "solved",
        "MCP URL",
        "Reference",
        "curl -s http",
    ):
        assert promise in done.stdout
