"""Each patch breaks a copy of the product; exactly the claims that its header names turn red."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.deployment import NOTES

from mcpassport.evidence.checks import CHECKS

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PATCHES = sorted(HERE.glob("*.patch"))


@pytest.mark.parametrize("patch", PATCHES, ids=lambda path: path.stem)
def test_a_mutant_turns_exactly_its_claims_red(patch: Path, tmp_path: Path) -> None:
    """The patch applies to the source as it stands, and only the named claims fail."""
    shutil.copytree(
        ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
    )
    subprocess.run(["git", "apply", "--whitespace=nowarn", str(patch)], cwd=tmp_path, check=True)
    out = tmp_path / "evidence.json"
    command = [sys.executable, "-m", "mcpassport", "evidence", "run", str(NOTES)]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "src")}
    ran = subprocess.run([*command, "--out", str(out)], env=environment, cwd=tmp_path, check=False)
    assert ran.returncode == 1
    results = json.loads(out.read_text())["results"]
    red = {each["claim"] for each in results if each["verdict"] == "fail"}
    assert red == set(patch.read_text().partition("\n")[0].removeprefix("Red:").split())


def test_every_check_has_a_mutant() -> None:
    """A check that no break of the product ever turned red proves little."""
    assert {patch.stem for patch in PATCHES} == set(CHECKS)
