"""A folder is read inside its own bounds, and says what is missing."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

import pytest

from mcpassport.errors import InvalidIntegration
from mcpassport.integrations.source import read_folder

WriteFolder: TypeAlias = Callable[[Mapping[str, str]], Path]


def test_files_of_a_folder_are_read_in_the_order_of_their_names(write_folder: WriteFolder) -> None:
    """Records come file by file; hidden files and other suffixes are left alone."""
    folder = write_folder(
        {
            "integration.yaml": "name: x",
            "docs/b.yaml": "- resource: b",
            "docs/a.yml": "- resource: a",
            "docs/.draft.yaml": "- resource: hidden",
            "docs/readme.md": "no: yaml",
            "examples/x.yaml": "- resource: x",
        }
    )
    source = read_folder(folder)
    assert not source.findings
    assert [record["resource"] for record in source.documentation] == ["a", "b"]
    assert [place.file for place in source.documentation.items_at] == ["docs/a.yml", "docs/b.yaml"]
    assert source.overlay is None
    assert len(source.examples) == 1


def test_a_missing_folder_or_file_is_named_with_its_mend(tmp_path: Path) -> None:
    """The two things without which nothing can be read raise, and say what to do."""
    with pytest.raises(InvalidIntegration) as missing_folder:
        read_folder(tmp_path / "nowhere")
    assert "nowhere" in str(missing_folder.value)
    assert missing_folder.value.problems[0].mend
    with pytest.raises(InvalidIntegration) as missing_file:
        read_folder(tmp_path)
    assert missing_file.value.problems[0].where == "integration.yaml"
    assert str(tmp_path) not in str(missing_file.value)


def test_a_link_that_leads_out_of_the_folder_is_not_followed(
    write_folder: WriteFolder, tmp_path: Path
) -> None:
    """A file or folder outside cannot be read through a symbolic link; one inside can."""
    outside = tmp_path / "secret.yaml"
    outside.write_text("- resource: secret", encoding="utf-8")
    folder = write_folder({"integration.yaml": "name: x", "shared.yaml": "- resource: shared"})
    (folder / "docs").mkdir()
    (folder / "docs" / "a.yaml").symlink_to(outside)
    (folder / "docs" / "b.yaml").symlink_to(folder / "shared.yaml")
    (folder / "overlay.yaml").symlink_to("/dev/zero")
    source = read_folder(folder)
    assert [record["resource"] for record in source.documentation] == ["shared"]
    assert source.overlay is None
    assert [finding.where for finding in source.findings] == ["docs/a.yaml:1", "overlay.yaml:1"]


def test_a_folder_of_records_outside_is_not_followed(
    write_folder: WriteFolder, tmp_path: Path
) -> None:
    """A link in place of docs/ opens nothing either."""
    outside = tmp_path / "elsewhere"
    outside.mkdir()
    (outside / "a.yaml").write_text("- resource: secret", encoding="utf-8")
    folder = write_folder({"integration.yaml": "name: x"})
    (folder / "docs").symlink_to(outside)
    source = read_folder(folder)
    assert not source.documentation
    assert [finding.where for finding in source.findings] == ["docs/a.yaml:1"]


def test_text_that_is_not_utf_8_is_a_finding_with_its_line(write_folder: WriteFolder) -> None:
    """The line of the first bad byte is named; other files are still read."""
    folder = write_folder({"integration.yaml": "name: x", "docs/a.yaml": "- resource: a"})
    (folder / "integration.yaml").write_bytes(b"name: x\nlabel: caf\xe9\n")
    source = read_folder(folder)
    assert [finding.where for finding in source.findings] == ["integration.yaml:2"]
    assert source.config is None
    assert len(source.documentation) == 1


def test_wrong_shapes_of_files_are_findings(write_folder: WriteFolder) -> None:
    """integration.yaml holds a mapping, a file of records a list."""
    folder = write_folder({"integration.yaml": "- a", "docs/a.yaml": "a: 1", "overlay.yaml": "x"})
    source = read_folder(folder)
    assert {finding.where for finding in source.findings} == {
        "integration.yaml:1",
        "docs/a.yaml:1",
        "overlay.yaml:1",
    }
