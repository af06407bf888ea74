"""`init`: a deployment in one step, and nothing overwritten."""

import stat
from pathlib import Path

import pytest
from tests.support.commands import Shell

from mcpassport.settings import load


def test_init_makes_a_deployment_that_works(tmp_path: Path, bare: Shell) -> None:
    """Settings, key and folder are private, the token is printed once, the next step is told."""
    out = bare.ok("init", tmp_path / "here", "--public-url", "https://mcp.example/base")
    token = next(word for word in out.split() if word.startswith("mcpp_api_"))
    assert "mcpassport serve --config" in out
    assert "shown this once" in out
    config = tmp_path / "here" / "mcpassport.toml"
    assert load(config, {}).public_url == "https://mcp.example/base"
    for path, mode in ((config, 0o600), (config.with_name("master.key"), 0o600)):
        assert stat.S_IMODE(path.stat().st_mode) == mode
    assert stat.S_IMODE((config.parent / "data").stat().st_mode) == 0o700
    for file in (tmp_path / "here").rglob("*"):
        assert file.is_dir() or token.encode() not in file.read_bytes()
    listed = bare.json("token", "list", "--config", config)
    assert [(entry["role"], entry["name"]) for entry in listed] == [("admin", "first admin")]


def test_a_deployment_is_found_where_init_made_it(bare: Shell) -> None:
    """Without options `init` makes ./mcpassport, and commands beside it need no --config."""
    document = bare.json("init")
    assert set(document) == {"config", "token", "token_id"}
    assert bare.json("tenant", "list") == []


def test_init_overwrites_nothing(shell: Shell, bare: Shell) -> None:
    """A deployment that is there stays as it is, to the byte."""
    assert shell.config is not None
    folder = shell.config.parent
    before = {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert "initialised already" in bare.refused(2, "init", folder)
    assert before == {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_key_that_is_there_is_used(tmp_path: Path, bare: Shell) -> None:
    """A new settings file over an old key and old data opens both."""
    bare.ok("init", tmp_path / "a")
    (tmp_path / "a" / "mcpassport.toml").unlink()
    key = (tmp_path / "a" / "master.key").read_bytes()
    bare.ok("init", tmp_path / "a")
    assert (tmp_path / "a" / "master.key").read_bytes() == key


def test_data_of_another_key_is_refused_and_no_settings_file_is_left(
    tmp_path: Path, bare: Shell
) -> None:
    """Half a deployment would look like a whole one."""
    bare.ok("init", tmp_path / "a")
    bare.ok("init", tmp_path / "b")
    for name in ("mcpassport.toml", "master.key"):
        (tmp_path / "a" / name).unlink()
    (tmp_path / "b" / "master.key").rename(tmp_path / "a" / "master.key")
    assert "another master key" in bare.refused(2, "init", tmp_path / "a")
    assert not (tmp_path / "a" / "mcpassport.toml").exists()


@pytest.mark.parametrize(
    "url", ["mcp.example", "https://a b", 'https://x"\nport = 1', "http://u@x"]
)
def test_a_public_url_that_is_none_makes_nothing(url: str, tmp_path: Path, bare: Shell) -> None:
    """It is judged before the first file is written."""
    assert "public URL" in bare.refused(2, "init", tmp_path / "a", "--public-url", url)
    assert not (tmp_path / "a").exists()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path, bare: Shell) -> None:
    """A file in the way, and a place where nobody can write."""
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/here")):
        assert "cannot be made" in bare.refused(2, "init", folder)


def test_init_works_on_this_machine_only(tmp_path: Path, bare: Shell) -> None:
    """Options that mean another deployment are refused, not ignored."""
    for more in (("--url", "http://127.0.0.1:1"), ("--config", "x.toml")):
        assert "leave" in bare.refused(2, "init", tmp_path / "a", *more)
