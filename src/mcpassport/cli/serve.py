"""`mcpassport serve`: the live MCP servers, the reference and the management API.

The server library goes on without its app when the app cannot start, so everything that can be
wrong is tried here first: settings, files, keys, vendor's words, address.
"""

import asyncio
import os
import socket

from granian import Granian
from granian.constants import HTTPModes, Interfaces, Loops
from granian.http import HTTP1Settings
from granian.log import LogLevels

from mcpassport.app import open_application, open_services
from mcpassport.cli.client import local_settings
from mcpassport.cli.options import DEFAULTS, Options
from mcpassport.cli.output import console
from mcpassport.errors import UsageError
from mcpassport.settings import CONFIG_VARIABLE, Settings

DRAIN_S = 30
HEADER_READ_MS = 10_000
MAX_HEADER_BYTES = 64 * 1024


def serve(*, host: str | None = None, port: int | None = None, options: Options = DEFAULTS) -> None:
    """Serve until interrupted.

    Parameters
    ----------
    host
        Address to listen on; absent: from the settings.
    port
        Port to listen on; absent: from the settings.
    """
    if options.url:
        raise UsageError("serve runs a deployment of its own; leave --url out.")
    settings = local_settings(options.config)
    if options.config is not None:
        os.environ[CONFIG_VARIABLE] = str(options.config.absolute())
    address, number = host or settings.host, settings.port if port is None else port
    asyncio.run(_try_everything(settings))
    _check_address(address, number)
    _say_where(f"http://{f'[{address}]' if ':' in address else address}:{number}", settings)
    Granian(
        "mcpassport.serving:serving_app",
        factory=True,
        address=address,
        port=number,
        interface=Interfaces.ASGI,
        http=HTTPModes.http1,
        loop=Loops.uvloop,
        http1_settings=HTTP1Settings(
            header_read_timeout=HEADER_READ_MS, max_buffer_size=MAX_HEADER_BYTES
        ),
        workers=settings.workers,
        backpressure=settings.limits.in_flight_process,
        respawn_failed_workers=True,
        workers_kill_timeout=DRAIN_S,
        log_level=LogLevels.warning,
        log_access=False,
        websockets=False,
        url_path_prefix=None,
    ).serve()


async def _try_everything(settings: Settings) -> None:
    """Open what a worker opens, and close it again; raises what a person can mend."""
    async with open_services(settings) as services, open_application(services):
        pass


def _check_address(address: str, port: int) -> None:
    """`UsageError` if nobody can listen there."""
    try:
        family = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address, port))
            # Others may have bound with SO_REUSEADDR too; of two listeners only one is let.
            probe.listen()
    except (OSError, OverflowError) as error:
        cause = error.strerror if isinstance(error, OSError) else "there is no such port"
        raise UsageError(
            f"Cannot listen on {address} port {port}: {cause}. "
            "Stop what listens there, or choose another with --host and --port."
        ) from None


def _say_where(listening: str, settings: Settings) -> None:
    console.print(f"mcpassport listens on {listening}")
    console.print(f"  reference   {listening}/reference")
    console.print(f"  management  {listening}/openapi.json")
    if settings.public_url != listening:
        console.print(f"  URLs of MCP servers begin with {settings.public_url} (public_url)")
