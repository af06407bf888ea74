"""The master key's file: private, never overwritten, and never shown by a message."""

import base64
import os
import stat
from pathlib import Path

import pytest

from mcpassport.errors import DataFolderError
from mcpassport.store.master import create_master_key, load_master_key


def test_a_master_key_is_made_private_and_read_back(tmp_path: Path) -> None:
    """The file is 0600 and holds base64 of 32 random bytes."""
    path = tmp_path / "master.key"
    made = create_master_key(path, lambda count: bytes(range(count)))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert base64.b64decode(path.read_text()) == made.unwrap() == bytes(range(32))
    assert load_master_key(path).unwrap() == made.unwrap()


@pytest.mark.parametrize("there", ["file", "folder", "link"])
def test_a_master_key_is_never_overwritten(tmp_path: Path, there: str) -> None:
    """Whatever stands at the path stays."""
    path = tmp_path / "master.key"
    if there == "file":
        path.write_text("precious")
    elif there == "folder":
        path.mkdir()
    else:
        path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DataFolderError, match="never overwritten"):
        create_master_key(path, os.urandom)
    assert there != "file" or path.read_text() == "precious"
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644, 0o601, 0o777])
def test_a_master_key_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    """Any right for group or others is refused, with the command that mends it."""
    path = tmp_path / "master.key"
    create_master_key(path, os.urandom)
    path.chmod(mode)
    with pytest.raises(DataFolderError) as refused:
        load_master_key(path)
    assert f"chmod 600 {path}" in str(refused.value)


@pytest.mark.parametrize(
    "content",
    [b"", b"\n", b"x", b"not base64 at all!", base64.b64encode(bytes(31)), bytes(32), b"A" * 5000],
)
def test_what_is_no_master_key_is_refused_without_showing_it(
    tmp_path: Path, content: bytes
) -> None:
    """A file of another form is refused; the message does not repeat what it holds."""
    path = tmp_path / "master.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(DataFolderError) as refused:
        load_master_key(path)
    assert "not a master key" in str(refused.value)
    assert content.strip() == b"" or content.decode() not in str(refused.value).replace(
        str(path), ""
    )


def test_a_master_key_that_is_not_there_is_told(tmp_path: Path) -> None:
    """A missing key, and a path through a file, are told with the path."""
    path = tmp_path / "master.key"
    with pytest.raises(DataFolderError, match="no master key here"):
        load_master_key(path)
    path.touch()
    with pytest.raises(DataFolderError, match="a file stands where a folder belongs"):
        load_master_key(path / "deeper")
    with pytest.raises(DataFolderError, match="a file stands where a folder belongs"):
        create_master_key(path / "deeper", os.urandom)


def test_a_master_key_that_is_no_file_is_told(tmp_path: Path) -> None:
    """A pipe is refused without waiting for a writer; a folder too."""
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(DataFolderError, match="not a master key"):
        load_master_key(tmp_path / "pipe")
    (tmp_path / "folder").mkdir(0o700)
    with pytest.raises(DataFolderError, match="a folder stands where a file belongs"):
        load_master_key(tmp_path / "folder")
