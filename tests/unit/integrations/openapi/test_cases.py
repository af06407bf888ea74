"""Golden cases: `tests/cases/openapi/<case>/spec.*` and the folder that is expected of it."""

from pathlib import Path

import pytest
from tests.support.descriptions import CASES

from mcpassport.catalog.build import build
from mcpassport.integrations.load import load_folder
from mcpassport.integrations.openapi import Imported, import_openapi

FOLDERS = sorted(CASES.iterdir())


def files_of(imported: Imported) -> dict[str, str]:
    """The files of an import, and one more with its findings."""
    lines = [
        f"{item.severity} {item.rule} {item.where} {item.resource}.{item.method}: {item.message}\n"
        for item in imported.unmapped
    ]
    return {**imported.files, "unmapped.txt": "".join(lines)}


@pytest.fixture(params=FOLDERS, ids=lambda path: path.name)
def case(request: pytest.FixtureRequest) -> Path:
    folder: Path = request.param
    return folder


def imported(case: Path) -> Imported:
    (spec,) = case.glob("spec.*")
    return import_openapi(spec, name=None)


def test_a_description_becomes_exactly_the_expected_files(case: Path) -> None:
    """Every file, and every finding, is what the case expects."""
    expected = {
        path.relative_to(case / "expected").as_posix(): path.read_text()
        for path in (case / "expected").rglob("*")
        if path.is_file()
    }
    assert files_of(imported(case)) == expected


def test_importing_twice_gives_the_same_bytes(case: Path) -> None:
    """Nothing depends on the time, the order of sets, or what was imported before."""
    assert imported(case) == imported(case)


def test_what_was_imported_loads_and_makes_tools(case: Path) -> None:
    """The loader has nothing to say, and only methods without a description are no tools."""
    loaded = load_folder(case / "expected")
    assert loaded.findings == ()
    assert loaded.integration is not None
    rules = {item.rule for item in build(loaded.integration).dropped}
    assert rules <= {"empty_description"}


def test_every_finding_says_what_to_do(case: Path) -> None:
    """Each names a place and a mend."""
    for finding in imported(case).unmapped:
        assert "#" in finding.where
        assert finding.message.endswith(".")
        assert finding.mend.endswith(".")
