"""`reference build`: from a folder or a deployment, the same bytes each time."""

import json
from pathlib import Path

import pytest
from tests.support.commands import Shell
from tests.support.deployment import NOTES

AT = "2030-01-31T12:00:00Z"


def tree(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_folder_gives_the_same_bytes_each_time(tmp_path: Path, bare: Shell) -> None:
    """With the time given, nothing else moves; every file that was written is named."""
    for name in ("a", "b"):
        files = bare.json("reference", "build", NOTES, "--out", tmp_path / name, "--at", AT)
        assert sorted(files) == sorted(
            str(tmp_path / name / file) for file in tree(tmp_path / name)
        )
    assert tree(tmp_path / "a") == tree(tmp_path / "b")
    suffixes = {path.rpartition(".")[2] for path in tree(tmp_path / "a")}
    assert suffixes >= {"html", "md", "json"}
    bare.ok("reference", "build", NOTES, "--out", tmp_path / "c", "--at", "2030-02-01T12:00:00Z")
    assert tree(tmp_path / "a") != tree(tmp_path / "c")


def test_settings_and_vendor_show_in_the_document(tmp_path: Path, shell: Shell) -> None:
    """The facts are those of this deployment, the brand is the vendor's."""
    assert shell.config is not None
    shell.config.write_text(shell.config.read_text() + "\n[limits]\ncall_timeout_s = 17\n")
    vendor = tmp_path / "vendor.yaml"
    vendor.write_text("product: Planted Product\n")
    shell.ok("reference", "build", NOTES, "--out", tmp_path / "a", "--at", AT)
    shell.ok("reference", "build", NOTES, "--out", tmp_path / "b", "--at", AT, "--vendor", vendor)
    first, second = tree(tmp_path / "a"), tree(tmp_path / "b")
    assert any(b"17 s" in body for body in first.values())
    assert any(b"Planted Product" in body for body in second.values())
    assert not any(b"Planted Product" in body for body in first.values())


def test_a_pushed_integration_is_built_by_name(tmp_path: Path, shell: Shell) -> None:
    """What is live, with its version."""
    shell.ok("integration", "push", NOTES)
    shell.ok("reference", "build", "notes", "--out", tmp_path / "a")
    written = tree(tmp_path / "a")
    assert any(b"notes@1" in body or b"version 1" in body for body in written.values())
    assert all(json.loads(body) for name, body in written.items() if name.endswith(".json"))
    said = shell.refused(1, "reference", "build", "absent", "--out", tmp_path / "b")
    assert "No reference of that name" in said
    more = ("--out", tmp_path / "b", "--at", AT)
    assert "go with a folder" in shell.refused(2, "reference", "build", "notes", *more)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (("--at", "2030-01-31T12:00:00"), "no zone"),
        (("--vendor", "absent.yaml"), "absent.yaml"),
    ],
)
def test_what_cannot_be_built_is_told(
    more: tuple[str, ...], says: str, tmp_path: Path, bare: Shell
) -> None:
    """And nothing is written."""
    out = tmp_path / "out"
    assert says in bare.refused(2, "reference", "build", NOTES, "--out", out, *more)
    assert not out.exists()


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path, bare: Shell) -> None:
    """A file stands in the way."""
    (tmp_path / "out").write_text("")
    said = bare.refused(2, "reference", "build", NOTES, "--out", tmp_path / "out", "--at", AT)
    assert "cannot be written" in said


def test_a_folder_with_format_errors_is_told_in_full(tmp_path: Path, bare: Shell) -> None:
    """Each with its place."""
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "integration.yaml").write_text("format: 1\nname: x\n")
    said = bare.refused(2, "reference", "build", tmp_path / "x", "--out", tmp_path / "out")
    assert "base_url" in said


def test_evidence_of_this_build_grades_its_claims(tmp_path: Path, bare: Shell) -> None:
    """A run, then the document: the claims that it checked say `sandbox`, the others do not."""
    evidence = tmp_path / "evidence.json"
    only = ("--only", "SCO-01")
    bare.ok("evidence", "run", NOTES, *only, "--out", evidence)
    bare.ok("reference", "build", NOTES, "--out", tmp_path / "a", "--evidence", evidence)
    document = json.loads((tmp_path / "a" / "reference.json").read_text())
    assert document["evidence"]["state"] == "run"
    grades = {
        node["id"]: node["grade"]
        for section in document["sections"]
        for node in section["nodes"]
        if "grade" in node and "row" in node
    }
    assert [claim for claim, grade in grades.items() if grade == "sandbox"] == ["SCO-01"]
