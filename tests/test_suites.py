"""Results of the long tier are bound to the sources they were made from."""

import json
from pathlib import Path

import pytest
from tests import suites


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(suites, "RESULTS", tmp_path)
    monkeypatch.setattr(suites, "digest_of", lambda suite: f"digest of {suite}")
    return tmp_path


def write(folder: Path, suite: str, *, passed: bool = True, sources: str | None = None) -> None:
    found = {"passed": passed, "sources": sources or f"digest of {suite}"}
    (folder / f"{suite}.json").write_text(json.dumps(found))


def test_a_suite_is_stale_until_it_passed_on_these_sources(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Missing, red and outdated results are named, each with its reason; valid ones are not."""
    for suite in suites.SUITES:
        write(results, suite)
    assert suites.main(["stale", "--fail"]) == 0
    (results / "unit.json").unlink()
    write(results, "e2e", passed=False)
    write(results, "whole", sources="of yesterday")
    assert suites.main(["stale", "--fail"]) == 1
    assert suites.main(["stale"]) == 0, "a warning only, without --fail"
    printed = capsys.readouterr().out
    assert "unit: never run" in printed
    assert "e2e: failed" in printed
    assert "whole: its sources changed" in printed
    assert "contracts" not in printed


def test_every_test_file_belongs_to_a_suite() -> None:
    """No test is left out of the long tier."""
    root = suites.ROOT / "tests"
    places = {suites.ROOT / place for given in suites.SUITES.values() for place in given}
    for file in sorted(root.rglob("test_*.py")):
        assert any(place == file or place in file.parents for place in places), file


def test_the_digest_follows_the_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One changed byte in a covered file is another digest."""
    file = tmp_path / "a.py"
    file.write_text("1")
    monkeypatch.setattr(suites, "ROOT", tmp_path)
    monkeypatch.setattr(suites, "files_of", lambda _suite: iter([file]))
    before = suites.digest_of("unit")
    file.write_text("2")
    assert suites.digest_of("unit") != before
