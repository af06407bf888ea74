"""The table of commands: help for everything, and one exit code per kind of end."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cyclopts import App
from tests.support.commands import Shell

from mcpassport import __version__
from mcpassport.cli.main import app, main

COMMANDS = {
    *("init", "serve", "demo", "doctor"),
    *(f"tenant {name}" for name in ("create", "list", "show")),
    *(
        f"integration {name}"
        for name in ("import-openapi", "check", "push", "list", "versions", "diff", "rollback")
    ),
    "integration try",
    *(f"account {name}" for name in ("create", "list", "show", "update", "delete", "tools")),
    *(f"server {name}" for name in ("create", "list", "show", "revoke")),
    *(f"token {name}" for name in ("create", "list", "revoke")),
    "reference build",
    "audit list",
}


def leaves(group: App, path: tuple[str, ...] = ()) -> Iterator[tuple[str, App]]:
    """Every command with its full name."""
    for name in group:
        if name.startswith("-"):
            continue
        inside = list(leaves(group[name], (*path, name)))
        yield from inside or [(" ".join((*path, name)), group[name])]


LEAVES = list(leaves(app))


def test_the_commands_are_these() -> None:
    """A command that is added or lost shows here."""
    assert {name for name, _ in LEAVES} >= COMMANDS


@pytest.mark.parametrize(("name", "command"), LEAVES, ids=[name for name, _ in LEAVES])
def test_every_command_and_every_parameter_says_what_it_is(
    name: str, command: App, bare: Shell
) -> None:
    """`--help` prints a description, and no parameter comes without a text."""
    out = bare.ok(*name.split(), "--help")
    assert "Usage: mcpassport" in out
    assert command.help
    arguments = command.assemble_argument_collection(parse_docstring=True)
    silent = [argument.name for argument in arguments if argument.show and not _help(argument)]
    assert not silent
    for argument in arguments:
        if argument.show:
            assert _help(argument).split()[0] in out


def _help(argument: Any) -> str:
    return str(argument.parameter.help or "")


@pytest.mark.parametrize("group", ["tenant", "integration", "account", "server", "token", "audit"])
def test_a_group_without_a_command_shows_its_commands(group: str, bare: Shell) -> None:
    """Nobody has to guess what may follow."""
    out = bare.ok(group)
    for name in COMMANDS:
        if name.startswith(group + " "):
            assert name.split()[1] in out


def test_the_version_is_printed(bare: Shell) -> None:
    """`--version` is one line."""
    assert bare.ok("--version").strip() == __version__


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("tenant", "nonsense"),
        ("tenant", "create"),
        ("tenant", "create", "a", "b"),
        ("tenant", "create", "a", "--nonsense"),
        ("audit", "list", "--limit", "0"),
        ("audit", "list", "--limit", "many"),
        ("token", "create", "--role", "king", "--name", "x"),
        ("integration", "diff", "notes", "one", "2"),
        ("reference", "build", "x"),
        ("reference", "build", "x", "--out", "y", "--at", "yesterday"),
    ],
)
def test_what_cannot_be_parsed_is_exit_code_2(arguments: tuple[str, ...], shell: Shell) -> None:
    """It is said what was wrong, and nothing is done."""
    shell.refused(2, *arguments)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--token", "x"), "go with --url"),
        (("--token-file", "x"), "go with --url"),
        (("--url", "http://127.0.0.1:1"), "--token-file FILE"),
        (("--url", "ftp://x", "--token", "x"), "not an http(s) address"),
        (("--url", "http://127.0.0.1:1", "--token-file", "absent"), "No such file"),
    ],
)
def test_half_an_address_is_refused(arguments: tuple[str, ...], says: str, bare: Shell) -> None:
    """`--url` and a token go together; the message says what is missing."""
    assert says in bare.refused(2, "tenant", "list", *arguments)


def test_nobody_there_is_exit_code_1(bare: Shell) -> None:
    """A deployment that does not answer is told in one line."""
    where = ("--url", "http://127.0.0.1:1", "--token", "x")
    said = bare.refused(1, "tenant", "list", *where)
    assert "No usable answer from http://127.0.0.1:1" in said
    assert "upstream" not in said


def test_without_a_deployment_every_command_says_how_to_make_one(bare: Shell) -> None:
    """A missing settings file, master key or folder leads to `mcpassport init`."""
    said = bare.refused(2, "tenant", "list")
    assert "mcpassport init" in said
    assert "mcpassport init" in bare.refused(2, "tenant", "list", "--config", "absent.toml")


def test_settings_with_problems_are_listed(tmp_path: Path, bare: Shell) -> None:
    """Each with its place, once."""
    path = tmp_path / "bad.toml"
    path.write_text('port = "x"\nnonsense = 1\n')
    said = bare.refused(2, "tenant", "list", "--config", path)
    assert said.count("nonsense") == 1
    assert said.count("port") == 1


def test_an_interrupt_ends_a_command_quietly(monkeypatch: pytest.MonkeyPatch, bare: Shell) -> None:
    """Ctrl-C is exit code 130 and no stack."""

    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("mcpassport.cli.main.app", interrupted)
    assert bare("tenant", "list").code == 130


def test_arguments_come_from_the_command_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without arguments of its own, `main` reads those of the process."""
    monkeypatch.setattr("sys.argv", ["mcpassport", "--version"])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 0
    assert __version__ in capsys.readouterr().out
