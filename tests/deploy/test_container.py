"""The container file: linted, and its steps run in a folder, since no engine runs here.

What only an engine can show is not shown: that the base image exists, and the layers fit together.
"""

import http.client
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.support.proxies import tool

from mcpassport.cli.demo.processes import free_port, running

ROOT = Path(__file__).parents[2]
FILE = ROOT / "deploy" / "container" / "Containerfile"
PREFIX = "/opt/mcpassport"


class Step(NamedTuple):
    """One instruction."""

    name: str
    text: str


def stages() -> list[list[Step]]:
    """The instructions of each stage, in order; lines that go on are joined."""
    joined = re.sub(r"\\\n\s*", "", FILE.read_text())
    lines = [line for line in joined.splitlines() if line and not line.startswith("#")]
    found: list[list[Step]] = []
    for line in lines:
        name, _, text = line.partition(" ")
        if name == "FROM":
            found.append([])
        if found:
            found[-1].append(Step(name, text.strip()))
    return found


def texts(stage: list[Step], name: str) -> list[str]:
    """What each instruction of that name says."""
    return [step.text for step in stage if step.name == name]


def variables() -> dict[str, str]:
    """What `ENV` of the image sets."""
    _, image = stages()
    pairs = (pair.partition("=") for text in texts(image, "ENV") for pair in shlex.split(text))
    return {name: value for name, _, value in pairs}


def test_the_linter_finds_nothing(tmp_path: Path) -> None:
    """hadolint, with its default rules; a planted fault is found."""
    assert subprocess.run([tool("hadolint"), str(FILE)], check=False).returncode == 0
    planted = tmp_path / "Containerfile"
    planted.write_text(FILE.read_text().replace("WORKDIR /build", "WORKDIR build"))
    assert subprocess.run([tool("hadolint"), str(planted)], check=False).returncode == 1


def test_the_image_runs_as_nobody_in_particular() -> None:
    """Not root, by number; one folder to write in; SIGTERM; a health check; no shell form."""
    build, image = stages()
    assert texts(image, "USER") == ["10001:10001"]
    assert json.loads(texts(image, "VOLUME")[0]) == ["/data"]
    assert texts(image, "STOPSIGNAL") == ["SIGTERM"]
    for name in ("ENTRYPOINT", "CMD"):
        assert isinstance(json.loads(texts(image, name)[0]), list)
    order = [step.name for step in image]
    assert order.index("USER") > order.index("COPY")
    copied = [text.split()[-1] for text in texts(image, "COPY")]
    assert copied == [PREFIX], "nothing of the build but the program"
    installs = [text for text in texts(build, "RUN") if "install" in text]
    assert all("--require-hashes" in text or "--no-deps" in text for text in installs)


def test_the_build_sees_what_it_copies_and_nothing_else() -> None:
    """`.dockerignore` lets through what `COPY` names: no data, key, history or cache."""
    rules = (ROOT / ".dockerignore").read_text().split()
    build, _ = stages()
    wanted = {part for text in texts(build, "COPY") for part in text.split()[:-1]}
    assert rules[0] == "*"
    assert {rule[1:] for rule in rules if rule.startswith("!")} == wanted
    assert all((ROOT / part).exists() for part in wanted)
    assert any(fnmatch("a/__pycache__", rule) for rule in rules)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program as the build stage installs it, under a folder instead of `/`."""
    folder = tmp_path_factory.mktemp("image")
    work, program = folder / "build", folder / "program"
    work.mkdir()
    build, _ = stages()
    for step in build:
        if step.name == "COPY":
            *sources, target = step.text.split()
            for source in sources:
                _copy(ROOT / source, work / target)
        elif step.name == "RUN":
            command = step.text.replace(PREFIX, str(program)).replace("python -m venv", _VENV)
            subprocess.run(["bash", "-euc", command], cwd=work, check=True, env=_ENVIRONMENT)
    return program


_VENV = f"{shlex.quote(sys.executable)} -m venv"
_ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(source, target, ignore=ignored)
    else:
        shutil.copy(source, target / source.name if target.is_dir() else target)


@pytest.mark.slow
@pytest.mark.e2e
@pytest.mark.xdist_group("deploy")
def test_what_the_build_installs_serves_and_is_healthy(installed: Path, tmp_path: Path) -> None:
    """From the locks alone, without pip in the end; the image's own health check says so."""
    assert not list(installed.glob("lib/*/site-packages/pip"))
    data, key, port = tmp_path / "data", tmp_path / "key", free_port()
    program = [str(installed / "bin" / "mcpassport")]
    plain = {"PATH": f"{installed}/bin:{os.environ['PATH']}"}
    subprocess.run([*program, "init", str(tmp_path / "home")], check=True, env=plain)
    (tmp_path / "home" / "data").rename(data)
    (tmp_path / "home" / "master.key").rename(key)
    moved = {
        "MCPASSPORT_DATA_DIR": str(data),
        "MCPASSPORT_MASTER_KEY_FILE": str(key),
        "MCPASSPORT_PORT": str(port),
        "MCPASSPORT_HOST": "127.0.0.1",
        "PATH": plain["PATH"],
    }
    given = variables()
    assert moved.keys() <= given.keys(), "the image sets each of them"
    environment = {**given, **moved}
    _, image = stages()
    health = json.loads(texts(image, "HEALTHCHECK")[0].partition("CMD ")[2])
    assert subprocess.run(health, check=False, env=environment).returncode != 0
    command = ["env", "-i", *(f"{n}={v}" for n, v in environment.items())]
    serve = [
        *command,
        *json.loads(texts(image, "ENTRYPOINT")[0]),
        *json.loads(texts(image, "CMD")[0]),
    ]
    with running(serve, tmp_path / "serve.log", ready=(port, "/healthz")) as process:
        assert subprocess.run(health, check=False, env=environment).returncode == 0
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", "/version")
        assert json.loads(connection.getresponse().read())
        connection.close()
        process.terminate()
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
    assert process.returncode == 0
