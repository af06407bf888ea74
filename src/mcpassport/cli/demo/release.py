"""The demo publishes a release as a vendor does, and checks it as a customer does."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from mcpassport.cli.demo.agents import expect
from mcpassport.errors import UsageError


def publish_release(name: str, config: Path, folder: Path) -> tuple[str, dict[str, Any]]:
    """Make a release key, run the checks, sign and publish; fingerprint and release."""
    key = folder / "release.key"
    made = _command("reference", "keygen", str(key))
    published = _command(
        *("reference", "publish", name, "--key", str(key)),
        *("--profile", "quick", "--config", str(config)),
    )
    return made["fingerprint"], published["release"]


def verify_release(address: str, fingerprint: str) -> dict[str, Any]:
    """What `reference verify` says of a published address to who knows the fingerprint."""
    verdict: dict[str, Any] = _command("reference", "verify", address, "--trust", fingerprint)
    expect(verdict["verdict"] == "verified", "the release is what was signed, by the trusted key")
    return verdict


def _command(*arguments: str) -> Any:
    """The JSON of a command of the product."""
    done = subprocess.run(  # noqa: S603 our own command
        [sys.executable, "-m", "mcpassport", *arguments, "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise UsageError(f"`mcpassport {' '.join(arguments[:2])}` failed: {done.stderr.strip()}")
    return json.loads(done.stdout)
