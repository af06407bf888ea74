"""The systemd unit: systemd understands it and finds it confined; the program works so confined."""

import re
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest
from tests.support.debian import program
from tests.support.items import thing
from tests.support.lab import rule, running_lab
from tests.support.serving import served

from mcpassport.serving.supervisor import MARGIN_S
from mcpassport.settings import Settings

UNIT = Path(__file__).parents[2] / "deploy" / "systemd" / "mcpassport.service"
EXPOSURE = 15
"""Tenths, as `systemd-analyze security --threshold` counts; 10 is the most exposed, 100 tenths."""


def value(name: str, text: str) -> str:
    """The value of a directive that stands once."""
    (found,) = re.findall(rf"^{name}=(.*)$", text, re.MULTILINE)
    return str(found)


def analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """`systemd-analyze`; it needs no running systemd."""
    systemd = program("systemd-analyze", "systemd", "libsystemd-shared")
    return subprocess.run(
        [systemd.path, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=systemd.environment,
    )


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit with a program that exists on every machine."""
    text = UNIT.read_text()
    program = value("ExecStart", text).partition(" ")[0]
    moved = tmp_path / UNIT.name
    moved.write_text(text.replace(program, "/bin/true"))
    return moved


def test_systemd_understands_every_line(unit: Path) -> None:
    """No unknown directive, no value that is none; a planted one is told."""
    checked = analyze("verify", unit)
    assert (checked.returncode, checked.stderr) == (0, "")
    unit.write_text(unit.read_text().replace("ProtectHome=yes", "ProtectHom=yes"))
    assert "ProtectHom" in analyze("verify", unit).stderr


def test_systemd_finds_it_confined(unit: Path) -> None:
    """Below the threshold; without its protections it would be above."""
    options = ("security", "--offline=true", f"--threshold={EXPOSURE}")
    assert analyze(*options, unit).returncode == 0
    unit.write_text(
        re.sub(r"^(Protect|Private|Restrict|System).*\n", "", unit.read_text(), flags=re.MULTILINE)
    )
    assert analyze(*options, unit).returncode != 0


def test_it_stops_restarts_and_reloads_as_the_program_expects() -> None:
    """Longer than a drain takes; always back; no core dump; SIGHUP replaces workers."""
    text, settings = UNIT.read_text(), Settings()
    longest = settings.drain_notice_s + settings.drain_timeout_s + MARGIN_S
    assert int(value("TimeoutStopSec", text)) > longest
    assert value("Restart", text) == "always"
    assert value("Type", text) == "notify"
    assert value("LimitCORE", text) == "0"
    assert value("ExecReload", text) == "/bin/kill -HUP $MAINPID"
    assert value("KillMode", text) == "mixed"


def confined(home: Path) -> tuple[str, ...]:
    """What stands before a command that may write to that folder only."""
    return (sys.executable, "-m", "tests.support.confined", str(home), "--", sys.executable)


@pytest.mark.parametrize("forbidden", ["open('/tmp/outside', 'w')", "mmap.mmap(-1, 4096, prot=7)"])
def test_confined_is_confined(forbidden: str, tmp_path: Path) -> None:
    """The control of the next test: the kernel refuses what the unit forbids."""
    command = [*confined(tmp_path), "-c", f"import mmap; {forbidden}"]
    tried = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "PermissionError" in tried.stderr


@pytest.mark.e2e
@pytest.mark.xdist_group("deploy")
async def test_the_program_works_so_confined(tmp_path: Path) -> None:
    """It writes nothing outside its folder, and needs no memory that is written and run."""
    home = tmp_path / "home"
    home.mkdir()
    with running_lab() as lab:
        lab.answers(rule("/*", json={"rows": ["x" * 300_000]}))
        command = (*confined(home), "-m", "mcpassport")
        async with (
            served(tmp_path, lab, {}, {}, program=command) as house,
            aiohttp.ClientSession() as session,
        ):
            small = await house.call(session, "one")
            large = await house.call(session, "two", tool=thing("shape"))
    for answer in (small, large):
        assert answer is not None
        assert "isError" not in answer["result"], answer
