"""The demo does what it says, from its own command."""

import json
import re
import shlex
import shutil
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from tests.e2e.conftest import CHECKOUT

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("demo")]


def found(pattern: str, text: str) -> str:
    """The first group of the pattern, which must be there."""
    match = re.search(pattern, text)
    assert match is not None, text
    return str(match.group(1))


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
        "verified: ",
        "MCP URL",
        "Reference",
        "curl -s http",
    ):
        assert promise in done.stdout


@pytest.mark.slow
def test_the_demo_stays_up_and_what_it_prints_works(tmp_path: Path) -> None:
    """The curl line and the reference address answer; Ctrl-C ends everything with exit code 0."""
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    for name in ("requirements", "integrations"):
        shutil.copytree(CHECKOUT / name, checkout / name)
    (checkout / ".cache").mkdir()
    (checkout / ".cache" / "environments").symlink_to(CHECKOUT / ".cache" / "environments")
    command = [sys.executable, "-u", "-m", "mcpassport", "demo", "--checkout", str(checkout)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None
        printed = ""
        for line in demo.stdout:
            printed += line
            if "until Ctrl-C" in line:
                break
        try:
            curl = shlex.split(found(r"(curl -s .*)", printed))
            request = urllib.request.Request(
                curl[2], curl[6].encode(), dict([curl[4].split(": ", 1)])
            )
            with urllib.request.urlopen(request) as response:
                text = json.load(response)["result"]["content"][0]["text"]
            page = found(r"Reference +(http\S+)", printed)
            with urllib.request.urlopen(page) as response:
                assert "Tenant isolation model" in response.read().decode()
        finally:
            demo.send_signal(signal.SIGINT)
        rest = demo.stdout.read()
    assert len(json.loads(text)["result"]) == 2
    assert "Stopped." in rest
    assert demo.returncode == 0
