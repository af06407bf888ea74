"""`reference build --pdf` and `reference site`: what is written, and what is said instead."""

from pathlib import Path

import pytest
from tests.support.browser import chromium
from tests.support.commands import Shell
from tests.support.deployment import NOTES

from mcpassport.cli import printing

AT = "2030-01-31T12:00:00Z"


def test_without_a_browser_the_mend_is_told(
    tmp_path: Path, bare: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is written before it is known that a PDF can be made."""
    monkeypatch.setattr(printing, "BROWSERS", ())
    out = tmp_path / "out"
    said = bare.refused(2, "reference", "build", NOTES, "--out", out, "--pdf")
    assert "No Chromium was found" in said
    assert "--browser" in said
    said = bare.refused(2, "reference", "build", NOTES, "--out", out, "--pdf", "--browser", "/none")
    assert "/none" in said
    assert not out.exists()


def test_a_browser_that_prints_nothing_is_told(tmp_path: Path, bare: Shell) -> None:
    """A program that is no Chromium."""
    more = ("--pdf", "--browser", "/bin/true")
    said = bare.refused(2, "reference", "build", NOTES, "--out", tmp_path / "out", *more)
    assert "made no PDF" in said


@pytest.mark.slow
@pytest.mark.xdist_group("browser")
def test_a_chromium_prints_the_page(
    tmp_path: Path, bare: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A PDF beside the other forms."""
    browser = chromium()
    for name in ("LD_LIBRARY_PATH", "FONTCONFIG_FILE"):
        monkeypatch.setenv(name, browser.environment[name])
    more = ("--pdf", "--browser", browser.path, "--at", AT)
    files = bare.json("reference", "build", NOTES, "--out", tmp_path / "out", *more)
    assert files[-1].endswith("reference.pdf")
    assert Path(files[-1]).read_bytes().startswith(b"%PDF-")
    assert Path(files[-1]).stat().st_size > 50_000


def test_a_site_of_folders(tmp_path: Path, bare: Shell) -> None:
    """An index and a folder per integration, without a deployment."""
    files = bare.json("reference", "site", NOTES, "--out", tmp_path / "site", "--at", AT)
    names = {str(Path(file).relative_to(tmp_path / "site")) for file in files}
    assert {"index.html", "llms.txt", "notes/index.html", "notes/catalog.csv"} <= names


def test_a_site_of_all_that_is_pushed(tmp_path: Path, shell: Shell) -> None:
    """Without names every integration; none is an error that says so."""
    out = tmp_path / "site"
    assert "no integration yet" in shell.refused(2, "reference", "site", "--out", out)
    shell.ok("integration", "push", NOTES)
    shell.ok("reference", "site", "--out", out)
    assert "version 1" in (out / "index.html").read_text().lower()
    assert (out / "notes" / "server.json").is_file()
