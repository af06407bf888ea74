"""A deployment made once by `init` and copied for each test, and a shell to run commands in."""

import json
import shutil
from pathlib import Path

import pytest
from tests.support.commands import Answering, Shell, Terminal, copied
from tests.support.deployment import CREDENTIAL, NOTES

from mcpassport.cli.main import main


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `init` makes."""
    folder = tmp_path_factory.mktemp("template") / "deployment"
    with pytest.raises(SystemExit) as left:
        main(["init", str(folder), "--json"])
    assert left.value.code == 0
    return folder


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands run where no settings file is."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MCPASSPORT_CONFIG", raising=False)


@pytest.fixture
def bare(capsys: pytest.CaptureFixture[str]) -> Shell:
    """A shell without a deployment."""
    return Shell(capsys)


@pytest.fixture
def shell(template: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    """A shell on a fresh deployment."""
    return Shell(capsys, copied(template, tmp_path))


@pytest.fixture(scope="session")
def furnished(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template with the notes integration, the tenant acme, and an account of its own."""
    config = copied(template, tmp_path_factory.mktemp("furnished"))
    credential = config.with_name("credential.json")
    credential.write_text(json.dumps({"token": CREDENTIAL}))
    for command in (
        ("integration", "push", str(NOTES)),
        ("tenant", "create", "Acme", "--id", "acme"),
        (
            *("account", "create", "notes", "--tenant", "acme", "--name", "Notes"),
            *("--kind", "bearer", "--credential-file", str(credential)),
        ),
    ):
        with pytest.raises(SystemExit) as left:
            main([*command, "--config", str(config), "--json"])
        assert left.value.code == 0
    return config.parent


@pytest.fixture
def account(shell: Shell, furnished: Path) -> str:
    """The shell's deployment is furnished; the id of its account."""
    assert shell.config is not None
    shutil.rmtree(shell.config.parent)
    shutil.copytree(furnished, shell.config.parent)
    return str(shell.json("account", "list", "--tenant", "acme")[0]["id"])


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Answering:
    """Sits somebody at the terminal."""

    def sit(answer: str) -> None:
        monkeypatch.setattr("sys.stdin", Terminal(answer + "\n"))

    return sit
