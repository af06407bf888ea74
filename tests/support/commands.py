"""Runs commands in this process, as a person at a terminal or a script would."""

import io
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from mcpassport.cli.main import main


class Ran(NamedTuple):
    """What a command came to."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """Standard output as one JSON document."""
        return json.loads(self.out)


class Terminal(io.StringIO):
    """Standard input with somebody at it."""

    def isatty(self) -> bool:
        return True


@dataclass
class Shell:
    """Runs commands; with a deployment, on its data folder."""

    capsys: pytest.CaptureFixture[str]
    config: Path | None = None
    before: list[str] = field(default_factory=list)

    def __call__(self, *arguments: object) -> Ran:
        """Run one command, whatever it comes to."""
        given = [str(argument) for argument in arguments]
        where = [] if self.config is None else ["--config", str(self.config)]
        self.capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main([*given, *where])
        out, err = self.capsys.readouterr()
        assert "Traceback" not in out + err
        code = left.value.code
        assert isinstance(code, int)
        return Ran(code, out, err)

    def ok(self, *arguments: object) -> str:
        """Run one command that must succeed; what it printed."""
        ran = self(*arguments)
        assert ran.code == 0, ran
        assert ran.err == ""
        return ran.out

    def json(self, *arguments: object) -> Any:
        """Run one command with --json that must succeed; its document."""
        return json.loads(self.ok(*arguments, "--json"))

    def refused(self, code: int, *arguments: object) -> str:
        """Run one command that must fail with that code; what it said on standard error."""
        ran = self(*arguments)
        assert ran.code == code, ran
        assert ran.err
        return ran.err


def copied(template: Path, folder: Path) -> Path:
    """A copy of a deployment made by `init`; its settings file."""
    shutil.copytree(template, folder / "deployment")
    return folder / "deployment" / "mcpassport.toml"


Answering = Callable[[str], None]
"""Sits somebody at the terminal who answers so."""
