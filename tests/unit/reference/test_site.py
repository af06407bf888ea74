"""The document as files."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mcpassport.catalog.build import build
from mcpassport.integrations.load import load_folder
from mcpassport.reference.compose import compose
from mcpassport.reference.inputs import Inputs
from mcpassport.reference.site import write


def test_every_format_is_written_twice_the_same(
    tmp_path: Path, make_inputs: Callable[..., Inputs]
) -> None:
    """Every format has its file; the second build changes no byte."""
    first = write(compose(make_inputs()), tmp_path / "a")
    second = write(compose(make_inputs()), tmp_path / "b")
    assert [path.name for path in first] == [
        "index.html",
        "reference.md",
        "reference.json",
        "reference.schema.json",
        "catalog.csv",
        "server.json",
        "llms.txt",
    ]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_a_real_integration_makes_a_reference(
    tmp_path: Path, make_inputs: Callable[..., Inputs], request: pytest.FixtureRequest
) -> None:
    """From a folder of data to the files, through the loader and the catalog."""
    folder = request.config.rootpath / "tests" / "fixtures" / "integrations" / "notes"
    loaded = load_folder(folder)
    assert loaded.integration is not None
    catalog = build(loaded.integration)
    made = make_inputs()
    inputs = Inputs(
        facts=made.facts,
        integration=loaded.integration,
        catalog=catalog,
        vendor=made.vendor,
        generated_at=made.generated_at,
        build=made.build,
    )
    write(compose(inputs), tmp_path)
    content = json.loads((tmp_path / "reference.json").read_text())
    assert content["catalog_digest"] == catalog.digest.hex()
    assert content["tool_count"] == len(catalog.tools) > 0
