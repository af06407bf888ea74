"""The official conformance suites: whatever a server of tools alone can pass, passes."""

from pathlib import Path
from typing import Any

import pytest
from tests.peers.conformance import SUITES, Suite, facts, run
from tests.peers.house import House
from tests.peers.record import CONFORMANCE, RENEW, read

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("conformance")]

QUICK = "0.2-2026-07-28"
SINGLY = [
    ("conformance-0.2", "http-header-validation", "test"),
    ("conformance-0.2", "http-custom-header-server-validation", "test"),
    ("conformance-0.2", "json-schema-2020-12", "json"),
    ("conformance-0.1", "json-schema-2020-12", "json"),
]


@pytest.fixture(scope="module")
def servers(home: House) -> dict[str, dict[str, Any]]:
    """A server over each fixture integration."""
    return {name: home.server(name) for name in ("test", "json")}


@pytest.mark.parametrize("suite", SUITES.values(), ids=SUITES)
def test_every_expected_failure_has_its_reason(suite: Suite) -> None:
    """A baseline that gives no reason would hide a defect."""
    entries = list(suite.entries())
    assert entries
    assert all(entry.reason for entry in entries)


@pytest.mark.parametrize(
    "name",
    [name if name == QUICK else pytest.param(name, marks=pytest.mark.slow) for name in SUITES],
)
def test_what_is_offered_conforms(name: str, servers: dict[str, dict[str, Any]]) -> None:
    """No scenario fails but those of the baseline, each of those does, and the page says so."""
    suite = SUITES[name]
    verdict = run(suite.package, servers["test"]["url"], suite.arguments, suite.baseline)
    assert verdict.code == 0, verdict.printed
    assert facts(suite, verdict) == read(CONFORMANCE)[name], RENEW


@pytest.mark.slow
@pytest.mark.parametrize(("package", "scenario", "integration"), SINGLY)
def test_a_scenario_outside_the_lists_conforms(
    package: str, scenario: str, integration: str, servers: dict[str, dict[str, Any]]
) -> None:
    """Header rules and schema keywords, which no list of requirements scores, pass as well."""
    verdict = run(package, servers[integration]["url"], ("--scenario", scenario))
    assert verdict.code == 0, verdict.printed
    assert "0 failed, 0 warnings" in verdict.printed


@pytest.mark.slow
@pytest.mark.parametrize("package", ["conformance-0.1", "conformance-0.2"])
def test_the_suite_sees_failures_and_stale_entries(
    package: str, servers: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    """Control: what is not offered fails without a baseline, what passes must not stand in one."""
    url = servers["test"]["url"]
    assert run(package, url, ("--scenario", "prompts-list")).code == 1
    stale = tmp_path / "stale.yaml"
    stale.write_text("server:\n  - tools-list\n")
    verdict = run(package, url, ("--scenario", "tools-list"), stale)
    assert verdict.code == 1
    assert "stale" in verdict.printed.lower()
