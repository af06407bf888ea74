"""The runner over a real sandbox and a real lab, and the rules of a verdict."""

import json
from pathlib import Path

import pytest
from tests.support.deployment import NOTES

from mcpassport.catalog.build import build
from mcpassport.cli.main import main
from mcpassport.errors import UsageError
from mcpassport.evidence.checks import CHECKS
from mcpassport.evidence.claims import CLAIMS
from mcpassport.evidence.finding import Finding
from mcpassport.evidence.runner import Plan
from mcpassport.integrations.load import load_folder


def test_every_check_passes_and_every_control_fires(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One quick run: each claim with a check is green, with its planted fault caught."""
    out = tmp_path / "evidence.json"
    with pytest.raises(SystemExit) as ended:
        main(["evidence", "run", str(NOTES), "--json", "--out", str(out)])
    written = json.loads(out.read_text())
    assert json.loads(capsys.readouterr().out) == written
    assert ended.value.code == 0, written["results"]
    assert [each["claim"] for each in written["results"]] == list(CHECKS)
    assert {(each["verdict"], each["control"]) for each in written["results"]} == {("pass", True)}
    integration = load_folder(NOTES).integration
    assert integration is not None
    assert written["catalog_digest"] == build(integration).digest.hex()
    assert {"store", "master key", "upstream", "clock"} <= set(written["substitutions"])


def test_each_check_belongs_to_a_claim_that_is_built() -> None:
    """No check without its claim, and none for what this version lacks."""
    assert all(CLAIMS[claim].available for claim in CHECKS)


def test_a_check_whose_control_did_not_fire_fails() -> None:
    """Green without a caught fault proves nothing; one broken fact fails too."""
    finding = Finding()
    finding.expect(True, "it holds")
    verdicts = [finding.verdict]
    finding.control = True
    verdicts.append(finding.verdict)
    finding.expect(False, "it does not")
    assert [*verdicts, finding.verdict] == ["fail", "pass", "fail"]
    finding.expect(False, "nor does this", "but that")
    assert finding.saw == ["it holds", "NOT: it does not", "NOT: nor does this (but that)"]


def test_a_claim_without_a_check_cannot_be_run() -> None:
    """`--only` names the claims that have a check, and refuses others."""
    integration = load_folder(NOTES).integration
    assert integration is not None
    assert Plan(integration, only=("LIM-03",)).claims() == ("LIM-03",)
    with pytest.raises(UsageError, match="DAT-03"):
        Plan(integration, only=("DAT-03",)).claims()
