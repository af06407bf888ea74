"""The reference of the notes integration, to the byte: what a change does to the document shows.

Renew after a change that is meant: `.venv/bin/python -m tests.unit.reference.test_golden`
"""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from mcpassport.catalog.build import build
from mcpassport.integrations.load import load_folder
from mcpassport.reference.compose import compose
from mcpassport.reference.document import Document
from mcpassport.reference.facts import Facts
from mcpassport.reference.inputs import Inputs
from mcpassport.reference.renderers import RENDERERS
from mcpassport.reference.vendor import Statements, Vendor

TESTS = Path(__file__).parents[2]
NOTES = TESTS / "fixtures" / "integrations" / "notes"
GOLDEN = TESTS / "cases" / "reference" / "notes"
FORMATS = ("json", "md")
RENEW = "python -m tests.unit.reference.test_golden"


def document() -> Document:
    """Notes on a made-up deployment, at a fixed time."""
    integration = load_folder(NOTES).integration
    assert integration is not None
    statements = Statements(
        sub_processors="Hosting Example GmbH, Frankfurt", data_residency="European Union"
    )
    return compose(
        Inputs(
            facts=Facts(public_url="https://mcp.notes.example", environment="golden"),
            integration=integration,
            catalog=build(integration),
            vendor=Vendor(name="Notes Ltd", product="Notes for agents", statements=statements),
            generated_at=datetime(2026, 3, 1, 12, tzinfo=UTC),
            build="0.0.0",
        )
    )


@pytest.mark.parametrize("name", FORMATS)
def test_the_rendering_is_the_golden_one(name: str) -> None:
    """Each format equals its file in `tests/cases/reference/notes`."""
    expected = (GOLDEN / f"reference.{name}").read_bytes()
    assert RENDERERS[name](document()) == expected, f"if this is meant: {RENEW}"


if __name__ == "__main__":
    for kind in FORMATS:
        (GOLDEN / f"reference.{kind}").write_bytes(RENDERERS[kind](document()))
