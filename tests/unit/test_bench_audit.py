"""The benchmark of the audit trail in its small form: what it measures is there, and right."""

import json
import subprocess
import sys
from pathlib import Path

from tests.support.postgres import postgres_url

BENCH = Path(__file__).parents[2] / "bench" / "audit.py"
ROWS = 6_000


def test_every_figure_is_measured_on_both_stores(tmp_path: Path) -> None:
    """Each question finds the rows that the generated chain has; the export is whole and signed."""
    out = tmp_path / "results.json"
    command = [sys.executable, str(BENCH), "--rows", str(ROWS), "--out", str(out)]
    command += ["--postgres-url", postgres_url(tmp_path)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "verified/s" in ran.stdout
    results = json.loads(out.read_text())
    assert set(results) == {"sqlite", "postgresql"}
    for measured in results.values():
        assert (measured["rows"], measured["segments"]) == (ROWS, ROWS // 128)
        verify = measured["verify"]
        assert (verify["whole"], verify["rows"], verify["anchored_through"]) == (True, ROWS, ROWS)
        found = {name: each["rows"] for name, each in measured["questions"].items()}
        assert found["failed calls (1 in 1,000)"] == ROWS // 2 // 1_000
        assert found["one request"] == found["one request, oldest first"] == 2
        assert found["a server called once"] == 2
        assert found["a second in the middle"] == 20
        assert found["newest"] == found["one phase"] == 50
        assert found["a request that never was"] == found["two values that never meet"] == 0
        figures = [value for name, value in measured.items() if name.endswith("_per_s")]
        assert all(figure > 0 for figure in figures)
