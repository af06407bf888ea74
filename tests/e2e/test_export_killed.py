"""An export that follows a real deployment, while one and then the other is killed."""

import asyncio
import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.support.chains import bodies

from mcpassport.app import open_services
from mcpassport.audit.chain import link
from mcpassport.audit.checkpoint import fingerprint_of
from mcpassport.audit.verification import verify_file
from mcpassport.cli.client import Remote, open_api
from mcpassport.cli.demo.processes import free_port, running
from mcpassport.cli.init import make_deployment
from mcpassport.settings import load
from mcpassport.store.protocol import Pending

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.xdist_group("killed")]

ROWS = 12_000
WAIT_S = 120


@dataclass
class House:
    """A deployment whose tenant has a long chain already, and how to serve and to follow it."""

    folder: Path
    config: Path
    port: int
    token: Path

    @contextmanager
    def serving(self) -> Iterator[int]:
        """`mcpassport serve`; the id of its process group."""
        command = [sys.executable, "-m", "mcpassport", "serve", "--config", str(self.config)]
        command += ["--port", str(self.port)]
        log = self.folder / f"serve-{time.monotonic_ns()}.log"
        with running(command, log, ready=(self.port, "/version")) as process:
            yield process.pid

    @contextmanager
    def following(self, path: Path, form: str) -> "Iterator[subprocess.Popen[bytes]]":
        """An export that follows, its messages beside the file."""
        command = [sys.executable, "-m", "mcpassport", "audit", "export", "--tenant", "acme"]
        command += ["--out", str(path), "--format", form, "--follow", "--resume", "--every", "1"]
        command += ["--url", f"http://127.0.0.1:{self.port}", "--token-file", str(self.token)]
        with said(path).open("ab") as messages:
            export = subprocess.Popen(command, stdout=messages, stderr=messages)
        try:
            yield export
        finally:
            export.kill()
            export.wait(WAIT_S)

    async def add(self, count: int) -> None:
        """Events at the end of the chain, through the management API."""
        remote = Remote(f"http://127.0.0.1:{self.port}", self.token.read_text())
        async with open_api(None, remote) as api:
            for _ in range(count):
                body = {"role": "factor", "tenant": "acme", "name": "x"}
                await api.call("POST", "/api-token", body=body)


async def prepared(folder: Path) -> tuple[House, str]:
    """The deployment, and the fingerprint of the key that signed a part of its chain."""
    port = free_port()
    config, _, token = await make_deployment(folder / "home", f"http://127.0.0.1:{port}")
    async with open_services(load(config)) as services:
        await services.tenants.create("acme", "Acme", [])
        rows = [Pending("acme", body) for body in bodies(ROWS)]
        await services.audit_store.append(rows[: ROWS // 2], link)
        await services.keeper.sign()
        await services.audit_store.append(rows[ROWS // 2 :], link)
        fingerprint = fingerprint_of(await services.keeper.public_key())
    file = folder / "token"
    file.write_text(token["token"])
    return House(folder, config, port, file), fingerprint


def said(path: Path) -> Path:
    return path.with_suffix(".said")


def last_of(path: Path) -> int:
    """The sequence of the last row that begins in a whole line of the file; 0: there is none."""
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    start = rb"(\d+)," if path.suffix == ".csv" else rb'\{"chain":"acme","sequence":(\d+)'
    found = (re.match(start, line) for line in reversed(lines))
    return next((int(match[1]) for match in found if match), 0)


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def sequences(path: Path) -> list[int]:
    """Of every row in the file, in its order."""
    if path.suffix == ".csv":
        with path.open(newline="") as file:
            return [int(record[0]) for record in list(csv.reader(file))[1:]]
    lines = map(json.loads, path.read_bytes().splitlines())
    return [line["sequence"] for line in lines if "sequence" in line]


@pytest.mark.parametrize("form", ["ndjson", "csv"])
def test_an_export_survives_both_ends(form: str, tmp_path: Path) -> None:
    """Every row is in the file once and in order, and the file verifies to its end.

    The server is killed in the middle and comes back; then the export is killed, its last line is
    cut, more rows are added, and it goes on.
    """
    house, fingerprint = asyncio.run(prepared(tmp_path))
    path = tmp_path / f"acme.{form}"
    with ExitStack() as both:
        served = both.enter_context(house.serving())
        export = both.enter_context(house.following(path, form))
        until(lambda: last_of(path) > 0, "the first rows come")
        export.send_signal(signal.SIGSTOP)  # so that it is in the middle, however fast it is
        os.killpg(served, signal.SIGKILL)
        export.send_signal(signal.SIGCONT)
        until(lambda: "Trying again in" in said(path).read_text(), "it says that it tries again")
        both.enter_context(house.serving())
        until(lambda: "Going on after row" in said(path).read_text(), "it says that it goes on")
        until(lambda: last_of(path) == ROWS, "the rest comes")
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 20)
    with house.serving(), house.following(path, form) as export:
        asyncio.run(house.add(3))
        until(lambda: last_of(path) == ROWS + 3, "what was added comes")
        export.send_signal(signal.SIGINT)
        assert export.wait(WAIT_S) == 130
    assert sequences(path) == list(range(1, ROWS + 4))
    if form == "ndjson":
        verdict = verify_file(path, fingerprint)
        assert verdict[:4] == ("acme", ROWS + 3, 1, ROWS + 3)
        assert verdict.broken is None
        assert verdict.anchored >= ROWS // 2
