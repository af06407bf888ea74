"""The runner over a real sandbox and a real lab, and the rules of a verdict."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.support.deployment import NOTES

from mcpassport.catalog.build import build
from mcpassport.cli.main import main
from mcpassport.errors import DataFolderError, UsageError
from mcpassport.evidence.bench import Finding
from mcpassport.evidence.checks import CHECKS
from mcpassport.evidence.claims import CLAIMS
from mcpassport.evidence.runner import Plan
from mcpassport.integrations.load import load_folder
from mcpassport.sandbox import SteppingClock, substituted
from mcpassport.settings import Settings


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
    assert finding.saw == ["it holds", "NOT: it does not"]


def test_a_claim_without_a_check_cannot_be_run() -> None:
    """`--only` names the claims that have a check, and refuses others."""
    integration = load_folder(NOTES).integration
    assert integration is not None
    assert Plan(integration, only=("LIM-03",)).claims() == ("LIM-03",)
    with pytest.raises(UsageError, match="DAT-03"):
        Plan(integration, only=("DAT-03",)).claims()


def test_the_sandbox_uses_no_folder_that_exists(tmp_path: Path) -> None:
    """A data folder that somebody else made is refused; one of its own keeps other settings."""
    with pytest.raises(DataFolderError):
        substituted(Settings(), tmp_path, "127.0.0.1:1")
    live: Any = "postgresql://app@db/live"
    given = Settings(audit_retention_days=90, store_url=live, keys_url=live)
    chosen = substituted(given, tmp_path / "new", "127.0.0.1:1")
    assert {chosen.records_url, chosen.keyring_url} == {f"sqlite:///{tmp_path}/new/data"}
    assert chosen.data_dir == tmp_path / "new" / "data"
    assert chosen.private_hosts == ("127.0.0.1:1",)
    assert chosen.audit_retention_days == 90


def test_the_clock_steps_forward_only() -> None:
    """A line moves the clock ahead by its seconds; a negative one does nothing."""
    clock = SteppingClock()
    before = clock()
    clock.step(b"3600\n")
    clock.step(b"-7200\n")
    assert 3600 <= (clock() - before).total_seconds() < 7200
