"""The product for evidence: a throw-away process of the same build, composed by `app.py`.

`python -m mcpassport.sandbox --folder NEW --clock FD --upstream HOST:PORT [--config FILE]` serves
on loopback, on a folder and a master key that it makes itself, and says where in one JSON line.
Each line that comes over the inherited pipe steps the clock by so many seconds; the end of the pipe
ends the process. `SUBSTITUTED` lists what it replaces; all other settings are the deployment's.
"""

import argparse
import asyncio
import json
import os
import secrets
import socket
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels
from granian.server.embed import Server

from mcpassport.app import open_application, open_services
from mcpassport.edge.api.services import Services
from mcpassport.errors import DataFolderError
from mcpassport.gate.api_tokens import TokenDraft
from mcpassport.records.grants import Principal
from mcpassport.records.masked import KeyMaterial
from mcpassport.setting_types import MASTER_KEY_BYTES
from mcpassport.settings import Settings, load

LOOPBACK: Final = "127.0.0.1"
SUBSTITUTED: Final = ("store", "master key", "upstream", "clock", "address", "workers")
_PRINCIPAL: Final = Principal("cli:evidence", "admin")


class SteppingClock:
    """The wall clock, moved forward by whoever holds the other end of the pipe."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def __call__(self) -> datetime:
        """The time, as the sandbox knows it."""
        return datetime.now(UTC) + self._ahead

    def step(self, line: bytes) -> None:
        """Go forward by that many seconds; never back."""
        self._ahead += timedelta(seconds=max(0.0, float(line)))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m mcpassport.sandbox", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="a folder that does not exist")
    parser.add_argument("--clock", type=int, required=True, help="descriptor of the clock's pipe")
    parser.add_argument("--upstream", required=True, help="host:port that calls may reach")
    parser.add_argument("--config", type=Path, help="settings of the deployment")
    return parser.parse_args()


def substituted(settings: Settings, folder: Path, upstream: str) -> Settings:
    """The deployment's settings on a folder of our own; that folder must not exist yet."""
    try:
        folder.mkdir(mode=0o700)
        (folder / "data").mkdir(mode=0o700)
    except OSError as error:
        raise DataFolderError(f"{folder} cannot be made: {error.strerror}.") from None
    return settings.model_copy(
        update={
            "data_dir": folder / "data",
            "store_url": None,
            "keys_url": None,
            "master_key": KeyMaterial(secrets.token_bytes(MASTER_KEY_BYTES)),
            "private_hosts": (upstream,),
            "allowed_hosts": (),
            "workers": 1,
            "host": LOOPBACK,
        }
    )


async def _serve(arguments: argparse.Namespace) -> None:
    clock = SteppingClock()
    settings = load(arguments.config)
    chosen = substituted(settings, arguments.folder, arguments.upstream)
    async with (
        open_services(chosen, clock=clock) as services,
        open_application(services) as application,
    ):
        port = _free_port()
        server = Server(
            application,
            address=LOOPBACK,
            port=port,
            interface=Interfaces.ASGINL,
            http=HTTPModes.http1,
            websockets=False,
            log_level=LogLevels.error,
            log_access=False,
        )
        serving = asyncio.create_task(server.serve())
        await _listening(port)
        await _say(services, settings, port)
        await _steer(clock, arguments.clock)
        server.stop()  # type: ignore[no-untyped-call]  # the library leaves it untyped
        await serving


async def _say(services: Services, settings: Settings, port: int) -> None:
    draft = TokenDraft(id="tok_evidence", tenant="", role="admin", name="evidence")
    _, token = await services.api_tokens.create(draft, _PRINCIPAL)
    ready = {
        "port": port,
        "token": token,
        "build_digest": services.build_digest,
        "settings_digest": settings.digest(),
        "substitutions": SUBSTITUTED,
    }
    sys.stdout.write(json.dumps(ready) + "\n")
    sys.stdout.flush()


async def _steer(clock: SteppingClock, descriptor: int) -> None:
    """Step the clock line by line until the pipe ends; each step is acknowledged by a line."""
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    pipe = os.fdopen(descriptor, "rb", buffering=0)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, pipe)
    while line := await reader.readline():
        clock.step(line)
        sys.stdout.write("{}\n")
        sys.stdout.flush()


async def _listening(port: int) -> None:
    while True:
        with suppress(OSError):
            _, writer = await asyncio.open_connection(LOOPBACK, port)
            writer.close()
            return
        await asyncio.sleep(0.02)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    asyncio.run(_serve(_arguments()))
