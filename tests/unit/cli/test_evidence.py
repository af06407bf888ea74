"""`evidence run`: table and JSON, the file, the exit codes, and what the reference makes of it."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.support.commands import Shell
from tests.support.deployment import NOTES

from mcpassport.evidence.bench import Bench
from mcpassport.evidence.checks import CHECKS
from mcpassport.evidence.claims import CLAIMS
from mcpassport.evidence.finding import Finding
from mcpassport.settings import load
from mcpassport.stated import build_digest

ONE = ("evidence", "run", NOTES, "--only", "LIM-03")


def test_a_run_is_printed_and_written(tmp_path: Path, shell: Shell) -> None:
    """People get a table and a summary; the file has the digests of build, settings, catalog.

    That the settings name a file which this run has yet to write is no hindrance.
    """
    out = tmp_path / "evidence.json"
    assert shell.config is not None
    shell.config.write_text(f'evidence_file = "{out}"\n{shell.config.read_text()}')
    printed = shell.ok(*ONE, "--out", out)
    assert "LIM-03" in printed
    assert "1 upstream request per call" in printed
    assert f"1 of 1 checks passed. Wrote {out}." in printed
    written = json.loads(out.read_text())
    assert [each["claim"] for each in written["results"]] == ["LIM-03"]
    assert written["build_digest"] == build_digest()
    assert written["settings_digest"] == load(shell.config).digest()


def grades(shell: Shell, folder: Path, evidence: Path) -> dict[str, Any]:
    """The evidence summary and the grade of each claim in a reference that is built from it."""
    shell.ok("reference", "build", NOTES, "--out", folder, "--evidence", evidence)
    [file] = folder.rglob("reference.json")
    document = json.loads(file.read_text())
    nodes = [node for section in document["sections"] for node in section["nodes"]]
    shown = {node["id"]: node["grade"] for node in nodes if node["node"] == "claim"}
    return {"state": document["evidence"]["state"], **shown}


def test_a_run_raises_the_grades_of_what_it_checked(tmp_path: Path, shell: Shell) -> None:
    """Sandbox where the check passed; nothing once the settings are others than the run's."""
    out = tmp_path / "evidence.json"
    printed = shell.json(*ONE, "--out", out)
    assert printed == json.loads(out.read_text())
    shown = grades(shell, tmp_path / "a", out)
    assert (shown["state"], shown["LIM-03"]) == ("run", "sandbox")
    assert shown["SCO-01"] == "not verified"
    assert shell.config is not None
    shell.config.write_text(shell.config.read_text() + "\n[limits]\ncall_timeout_s = 17\n")
    shown = grades(shell, tmp_path / "b", out)
    assert (shown["state"], shown["LIM-03"]) == ("other", "not verified")


def test_a_failed_check_ends_with_1(
    tmp_path: Path, bare: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was seen is printed and written; a check that breaks fails without its error's text.

    An answer that a check cannot read may hold data, and so may the text of its exception.
    """

    async def red(bench: Bench, finding: Finding) -> None:
        finding.control = True
        finding.expect(bench.full, "this holds in full only", "quick")

    async def breaking(_bench: Bench, _finding: Finding) -> None:
        raise KeyError("planted-secret")

    monkeypatch.setitem(CHECKS, "LIM-03", red)
    monkeypatch.setitem(CHECKS, "SCO-01", breaking)
    out = tmp_path / "evidence.json"
    ran = bare(*ONE, "--only", "SCO-01", "--out", out)
    assert ran.code == 1
    assert "NOT: this holds in full only (quick)" in ran.out
    assert "NOT: the check ran to its end (KeyError)" in ran.out
    assert "0 of 2 checks passed. Failed: SCO-01, LIM-03." in ran.out
    found = {each["claim"]: each["control"] for each in json.loads(out.read_text())["results"]}
    assert found == {"SCO-01": False, "LIM-03": True}
    assert "planted-secret" not in ran.out + out.read_text()


def test_what_cannot_be_run_ends_with_2(tmp_path: Path, bare: Shell) -> None:
    """A claim without a check, a folder without integration, wrong settings, a deployment."""
    said = bare.refused(2, "evidence", "run", NOTES, "--only", "AUT-12")
    assert "No check of AUT-12" in said
    bare.refused(2, "evidence", "run", tmp_path / "absent")
    wrong = tmp_path / "wrong.toml"
    wrong.write_text("workers = 0\n")
    assert "workers" in bare.refused(2, *ONE, "--config", wrong)
    remote = ("--url", "http://127.0.0.1:1", "--token", "t")
    assert "process of its own" in bare.refused(2, *ONE, *remote)
    bare.refused(2, *ONE, "--profile", "slow")
    said = bare.refused(2, *ONE, "--out", tmp_path / "absent" / "evidence.json")
    assert "cannot be written" in said


def test_the_claims_with_a_check_are_listed(bare: Shell) -> None:
    """Each with its sentence, and what its check must catch."""
    rows = bare.json("evidence", "list")
    assert [row["claim"] for row in rows] == list(CHECKS)
    assert all(row["sentence"] == CLAIMS[row["claim"]].template for row in rows)
    assert all(row["control"].endswith(".") for row in rows)
    assert "LIM-03" in bare.ok("evidence", "list")
