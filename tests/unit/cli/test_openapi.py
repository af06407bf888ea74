"""`integration import-openapi`: from a description to a folder that can be pushed."""

from pathlib import Path

import pytest
from tests.support.commands import Shell
from tests.support.lab import rule, running_lab

FIXTURES = Path(__file__).parents[2] / "fixtures" / "openapi"


def tree(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("name", ["kinto-26.json", "intercom-2.14-reduced.yaml"])
def test_a_description_becomes_a_folder(name: str, tmp_path: Path, bare: Shell) -> None:
    """It loads, a second import changes nothing, and the next step is told."""
    out = tmp_path / "out"
    more = ("--base-url", "https://api.example", "--name", "imported")
    said = bare.ok("integration", "import-openapi", FIXTURES / name, "--out", out, *more)
    assert f"Next: mcpassport integration check {out}" in said
    assert bare("integration", "check", out).code in {0, 1}
    before = tree(out)
    document = bare.json("integration", "import-openapi", FIXTURES / name, "--out", out, *more)
    assert tree(out) == before
    assert document["methods"] > 10
    assert set(document["files"]) == set(before)


def test_an_overlay_and_other_files_stay_and_stale_ones_go(tmp_path: Path, bare: Shell) -> None:
    """Importing less removes the documentation of what is gone, and nothing that a person wrote."""
    out = tmp_path / "out"
    command = ("integration", "import-openapi", FIXTURES / "kinto-26.json", "--out", out)
    bare.ok(*command, "--base-url", "https://api.example")
    (out / "overlay.yaml").write_text("# mine\n")
    (out / "notes.txt").write_text("mine")
    whole = set(tree(out))
    bare.ok(*command, "--base-url", "https://api.example", "--include", "bucket*")
    rest = set(tree(out))
    assert rest < whole
    assert {"overlay.yaml", "notes.txt"} <= rest


def test_a_description_is_fetched_from_an_address(tmp_path: Path, bare: Shell) -> None:
    """Also from this machine, which is where a vendor's staging often runs."""
    body = (FIXTURES / "kinto-26.json").read_bytes()
    with running_lab() as lab:
        lab.answers(
            rule("/api.json", body, headers=[["Content-Type", "application/json"]]),
            rule("/broken", status=500),
        )
        out = tmp_path / "out"
        more = ("--out", out, "--base-url", "https://api.example")
        bare.ok("integration", "import-openapi", f"{lab.origin}/api.json", *more)
        assert (out / "integration.yaml").is_file()
        said = bare.refused(2, "integration", "import-openapi", f"{lab.origin}/broken", *more)
        assert "answered HTTP 500" in said
    said = bare.refused(2, "integration", "import-openapi", "http://127.0.0.1:1/x", *more)
    assert "127.0.0.1:1" in said


@pytest.mark.parametrize("address", ["http://", "https://:80/x", "http://[::1/x", "http://a:b/x"])
def test_an_address_that_is_none_is_told(address: str, tmp_path: Path, bare: Shell) -> None:
    """Not a crash."""
    assert bare.refused(2, "integration", "import-openapi", address, "--out", tmp_path / "out")


def test_what_cannot_be_read_or_written_is_told(tmp_path: Path, bare: Shell) -> None:
    """A missing file, one that is no description, a folder with a file in the way."""
    out = tmp_path / "out"
    command = ("integration", "import-openapi")
    assert "absent" in bare.refused(2, *command, tmp_path / "absent.json", "--out", out)
    (tmp_path / "none.json").write_text("[]")
    assert bare.refused(2, *command, tmp_path / "none.json", "--out", out)
    out.write_text("")
    good = (FIXTURES / "kinto-26.json", "--base-url", "https://api.example")
    assert "cannot be written" in bare.refused(2, *command, *good, "--out", out)
