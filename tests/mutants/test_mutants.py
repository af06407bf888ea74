"""Each patch breaks a copy of the product; exactly the claims that its header names turn red.

A short run takes the mutants that `choice` names; the others are slow, and belong to the long tier.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.mutants.choice import ROOT, Mutant, all_mutants, choose
from tests.support.deployment import NOTES

from mcpassport.evidence.checks import CHECKS

MUTANTS = all_mutants()
CHOSEN = choose(MUTANTS).mutants
PARAMETERS = [
    pytest.param(
        each, id=each.patch.stem, marks=() if each.patch in CHOSEN else (pytest.mark.slow,)
    )
    for each in MUTANTS
]


@pytest.mark.parametrize("mutant", PARAMETERS)
def test_a_mutant_turns_exactly_its_claims_red(mutant: Mutant, tmp_path: Path) -> None:
    """The patch applies to the source as it stands, and only the named claims fail."""
    # Compiled files come along: they hold for every source that the patch leaves alone.
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("*.egg-info"))
    alone = {**os.environ, "GIT_CEILING_DIRECTORIES": str(tmp_path.parent)}
    apply = ["git", "apply", "--whitespace=nowarn", str(mutant.patch)]
    subprocess.run(apply, cwd=tmp_path, env=alone, check=True)
    out = tmp_path / "evidence.json"
    command = [sys.executable, "-m", "mcpassport", "evidence", "run", str(NOTES)]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "src")}
    ran = subprocess.run(
        [*command, "--out", str(out)],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1, ran.stderr
    results = json.loads(out.read_text())["results"]
    red = {each["claim"] for each in results if each["verdict"] == "fail"}
    assert red == mutant.claims, ran.stdout


def test_every_check_has_a_mutant() -> None:
    """A check that no break of the product ever turned red proves little."""
    assert {each.patch.stem for each in MUTANTS} == set(CHECKS)
    assert all(each.patch.stem in each.claims for each in MUTANTS)
