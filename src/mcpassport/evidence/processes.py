"""The processes of a run: the lab, and the product as a sandbox that can be steered and killed."""

import asyncio
import json
import os
import socket
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

import msgspec

from mcpassport.errors import UsageError
from mcpassport.evidence.probe import KEY_FILE
from mcpassport.http import HttpClient
from mcpassport.limits import Limits
from mcpassport.records.evidence import Substitution
from mcpassport.records.masked import KeyMaterial

START_S: Final = 60
STOP_S: Final = 10
USER_AGENT: Final = "mcpassport-evidence"
TELLING: Final = Path("/proc/self/fdinfo").is_dir()
"""Whether this system tells what a process has open, and what it may leave (Linux does)."""
_TOLD: Final = 400
"""Characters of what a process said when it did not start."""


class Ready(msgspec.Struct, frozen=True):
    """What a sandbox says once it serves."""

    port: int
    token: str
    build_digest: str
    settings_digest: str
    substitutions: tuple[Substitution, ...]
    public_url: str = ""
    origin: str = ""
    """A page that may call, beside those of the deployment."""
    limits: Mapping[str, int] = msgspec.field(default_factory=dict)


class Sandbox:
    """The product in a process of its own. All that it may write lies below `folder`."""

    def __init__(self, folder: Path, upstreams: Sequence[str], config: Path | None) -> None:
        self.folder = folder
        self.ready = Ready(0, "", "", "", ())
        self._upstreams = upstreams
        self._config = config
        self._http: HttpClient | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._steering: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    @property
    def origin(self) -> str:
        """Where it serves."""
        return f"http://127.0.0.1:{self.ready.port}"

    @property
    def data(self) -> Path:
        """Its data folder."""
        return self.folder / "home" / "data"

    @property
    def master_key(self) -> KeyMaterial:
        """What its keys are wrapped with."""
        return KeyMaterial((self.folder / "home" / KEY_FILE).read_bytes())

    @property
    def http(self) -> HttpClient:
        """The client that reaches it, and nothing else on this machine."""
        assert self._http is not None
        return self._http

    @property
    def processes(self) -> list[int]:
        """Its process id, and those of its children where the system tells; none when killed."""
        running = self._process is not None and self._process.returncode is None
        return list(_tree(self._process.pid)) if self._process and running else []

    async def start(self) -> None:
        """Start it on a new folder; `UsageError` says why it did not."""
        self.folder.mkdir()
        (self.folder / "tmp").mkdir()
        await self._start()

    async def step(self, seconds: float) -> None:
        """Move its clock forward."""
        assert self._steering is not None
        reader, writer = self._steering
        writer.write(f"{seconds}\n".encode())
        await reader.readline()

    async def kill(self) -> None:
        """End it at once, as a power switch would."""
        assert self._process is not None
        self._process.kill()
        await self._process.wait()
        await self._released()

    async def revive(self) -> None:
        """Start it again on what the killed one left."""
        await self._start("--again")

    async def close(self) -> None:
        """Let it end; it is killed if it does not."""
        await self._released()
        if self._process is not None:
            await _ended(self._process)
            self._process = None

    async def _start(self, *more: str) -> None:
        ours, theirs = socket.socketpair()
        command = [
            *("/usr/bin/env", f"TMPDIR={self.folder / 'tmp'}"),
            *(sys.executable, "-m", "mcpassport.sandbox", *more),
            *("--folder", str(self.folder / "home"), "--steer", str(theirs.fileno())),
            *("--upstream", *self._upstreams),
            *(() if self._config is None else ("--config", str(self._config))),
        ]
        with theirs, (self.folder / "output.log").open("ab") as said:
            self._process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                pass_fds=(theirs.fileno(),),
            )
        reader, writer = self._steering = await asyncio.open_connection(sock=ours)
        line = await _first_line(reader)
        if not line:
            writer.close()
            raise UsageError(f"The sandbox did not start: {_told(self.folder / 'output.log')}")
        self.ready = msgspec.json.decode(line, type=Ready)
        self._http = client(f"127.0.0.1:{self.ready.port}")

    async def _released(self) -> None:
        """Our ends of the socket and of the connections; its end of the socket ends it."""
        if self._http is not None:
            await self._http.close()
            self._http = None
        if self._steering is not None:
            self._steering[1].close()
            self._steering = None


def client(address: str) -> HttpClient:
    """An HTTP client that reaches that address of this machine."""
    return HttpClient(limits=Limits(), private_hosts=(address,), user_agent=USER_AGENT)


@asynccontextmanager
async def running_lab(log: Path) -> AsyncIterator[str]:
    """The lab; yields its `host:port`."""
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "mcpassport.lab", "--with-stdin"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
        )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        line = await _first_line(process.stdout)
        if not line:
            raise UsageError(f"The lab did not start: {_told(log)}")
        said: Mapping[str, Any] = json.loads(line)
        yield f"{said['host']}:{said['port']}"
    finally:
        process.stdin.close()
        await _ended(process)


def core_dumps(process: int) -> bool:
    """Whether that process may leave a core dump; only where the system is `TELLING`."""
    limits = _field(Path(f"/proc/{process}/limits"), "Max core file size").split()
    return limits[:2] != ["0", "0"]


def open_for_writing(process: int) -> dict[str, Path]:
    """Name -> what to read, of each file that the process can write, deleted ones among them.

    Empty where the system is not `TELLING`.
    """
    found: dict[str, Path] = {}
    folder = Path(f"/proc/{process}/fd")
    with suppress(OSError):
        for entry in folder.iterdir():
            with suppress(OSError, ValueError):
                flags = int(_field(Path(f"/proc/{process}/fdinfo/{entry.name}"), "flags:"), 8)
                if entry.is_file() and flags & (os.O_WRONLY | os.O_RDWR):
                    found[str(entry.readlink())] = entry
    return found


def _field(path: Path, name: str) -> str:
    lines = path.read_text().splitlines()
    return next(line.removeprefix(name) for line in lines if line.startswith(name))


def _tree(process: int) -> Iterator[int]:
    yield process
    with suppress(OSError):
        for child in Path(f"/proc/{process}/task/{process}/children").read_text().split():
            yield from _tree(int(child))


async def _first_line(reader: asyncio.StreamReader) -> bytes:
    try:
        async with asyncio.timeout(START_S):
            return await reader.readline()
    except (TimeoutError, ConnectionError):
        return b""


def _told(log: Path) -> str:
    return log.read_text(errors="replace").strip()[-_TOLD:] or "it said nothing"


async def _ended(process: asyncio.subprocess.Process) -> None:
    try:
        async with asyncio.timeout(STOP_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
