"""The product for evidence: a throw-away process of the same build, composed by `app.py`.

`python -m mcpassport.sandbox --folder NEW --steer FD --upstream HOST:PORT… [--config FILE]` serves
on loopback, on a folder and a master key that it makes itself, and says where in one JSON line over
the inherited socket. Each line that comes over it steps the clock by so many seconds and is
acknowledged; its end ends the process. With `--again` it serves the folder of a sandbox that was
killed. `substitutions` lists what it replaces; all other settings are the deployment's.
"""

import argparse
import asyncio
import json
import secrets
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels
from granian.server.embed import Server
from msgspec import structs

from mcpassport.app import open_application, open_services
from mcpassport.edge.api.services import Services
from mcpassport.errors import DataFolderError, McpassportError
from mcpassport.evidence.probe import KEY_FILE, PROXY_SECRET
from mcpassport.gate.api_tokens import TokenDraft
from mcpassport.limits import LIMITS, Limits
from mcpassport.observe.process import settle_process
from mcpassport.records.evidence import Substitution
from mcpassport.records.grants import Principal
from mcpassport.records.masked import KeyMaterial, SharedSecret
from mcpassport.setting_types import MASTER_KEY_BYTES
from mcpassport.settings import Settings, load

LOOPBACK: Final = "127.0.0.1"
PAGE: Final = "https://evidence.invalid"
"""A page that checks call from; no browser can be there (RFC 6761, 6.4)."""
ADMIN: Final = "tok_evidence_"
_PRINCIPAL: Final = Principal("cli:evidence", "admin")
_UNUSABLE: Final = 2


class SteppingClock:
    """The wall clock, moved forward by whoever holds the other end of the socket."""

    def __init__(self) -> None:
        self._ahead = timedelta()
        self._stepped = asyncio.Event()

    def __call__(self) -> datetime:
        """The time, as the sandbox knows it."""
        return datetime.now(UTC) + self._ahead

    def step(self, line: bytes) -> None:
        """Go forward by that many seconds; never back."""
        self._ahead += timedelta(seconds=max(0.0, float(line)))
        self._stepped.set()
        self._stepped = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        """Wait until so much time has passed by this clock: a step ends it, as time would."""
        until = self() + timedelta(seconds=seconds)
        while (left := (until - self()).total_seconds()) > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stepped.wait(), left)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m mcpassport.sandbox", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="a folder that does not exist")
    parser.add_argument("--again", action="store_true", help="the folder of an earlier sandbox")
    parser.add_argument("--steer", type=int, required=True, help="descriptor of the socket")
    parser.add_argument(
        "--upstream", nargs="+", required=True, help="each host:port that calls may reach"
    )
    parser.add_argument("--config", type=Path, help="settings of the deployment")
    return parser.parse_args()


def new_folder(folder: Path) -> KeyMaterial:
    """Make the folder with a data folder and a master key; it must not exist yet."""
    key = secrets.token_bytes(MASTER_KEY_BYTES)
    try:
        folder.mkdir(mode=0o700)
        (folder / "data").mkdir(mode=0o700)
        (folder / KEY_FILE).touch(mode=0o600)
        (folder / KEY_FILE).write_bytes(key)
    except OSError as error:
        raise DataFolderError(f"{folder} cannot be made: {error.strerror}.") from None
    return KeyMaterial(key)


def known_folder(folder: Path) -> KeyMaterial:
    """The master key of a folder that a sandbox made; no other folder is ever served."""
    try:
        return KeyMaterial((folder / KEY_FILE).read_bytes())
    except OSError:
        raise DataFolderError(f"{folder} was not made by a sandbox.") from None


def substituted(
    settings: Settings, folder: Path, key: KeyMaterial, upstreams: Sequence[str]
) -> Settings:
    """The deployment's settings on that folder; see `substitutions`."""
    return settings.model_copy(
        update={
            "data_dir": folder / "data",
            "store_url": None,
            "keys_url": None,
            "master_key": key,
            "private_hosts": tuple(upstreams),
            "allowed_hosts": (),
            "allowed_origins": (*settings.allowed_origins, PAGE),
            "trusted_proxies": (*settings.trusted_proxies, f"{LOOPBACK}/32"),
            "proxy_secret": SharedSecret(PROXY_SECRET.encode()),
            "client_cert_header": "rfc9440",
            "workers": 1,
            "host": LOOPBACK,
            "publish": "open",  # what the checks push must be live
            "evidence_file": None,  # what this run is to write need not be there yet
            "limits": _roomy(settings.limits),
        }
    )


def substitutions(settings: Settings) -> tuple[Substitution, ...]:
    """What a sandbox has in place of that deployment's own."""
    found: list[Substitution] = ["store", "master key", "upstream", "clock", "address", "one page"]
    found.append("proxy")
    urls = (settings.records_url, settings.keyring_url)
    if not all(url.startswith("sqlite:") for url in urls):
        found.append("kind of store")
    if settings.publish != "open":
        found.append("publishing")
    if settings.workers != 1:
        found.append("workers")
    if _roomy(settings.limits) != settings.limits:
        found.append("limits")
    return tuple(found)


def _roomy(limits: Limits) -> Limits:
    """The checks need what the defaults allow; a tighter deployment must not fail them by that."""
    given = structs.asdict(limits)
    return Limits(**{name: max(value, LIMITS[name].default) for name, value in given.items()})


async def _serve(arguments: argparse.Namespace) -> None:
    clock = SteppingClock()
    settings = load(arguments.config)
    key = (known_folder if arguments.again else new_folder)(arguments.folder)
    chosen = substituted(settings, arguments.folder, key, arguments.upstream)
    reader, writer = await asyncio.open_connection(sock=socket.socket(fileno=arguments.steer))
    async with (
        open_services(chosen, clock=clock) as services,
        open_application(services, sleep=clock.sleep) as application,
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
        writer.write(await _ready(services, settings, port))
        while line := await reader.readline():
            clock.step(line)
            writer.write(b"{}\n")
        server.stop()  # type: ignore[no-untyped-call]  # the library leaves it untyped
        await serving


async def _ready(services: Services, settings: Settings, port: int) -> bytes:
    """The line that says where it serves, and the secret of its admin."""
    draft = TokenDraft(id=ADMIN + secrets.token_hex(8), tenant="", role="admin", name="evidence")
    _, token = await services.api_tokens.create(draft, _PRINCIPAL)
    ready = {
        "port": port,
        "token": token,
        "build_digest": services.build_digest,
        "settings_digest": settings.digest(),
        "substitutions": substitutions(settings),
        "public_url": settings.public_url,
        "origin": PAGE,
        "limits": structs.asdict(services.settings.limits),
    }
    return json.dumps(ready).encode() + b"\n"


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


def main() -> int:
    """Serve until the socket ends; what hinders it is told on standard error."""
    settle_process()
    try:
        asyncio.run(_serve(_arguments()))
    except McpassportError as error:
        sys.stderr.write(f"{error}\n")
        return _UNUSABLE
    return 0


if __name__ == "__main__":
    sys.exit(main())
