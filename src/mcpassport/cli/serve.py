"""`mcpassport serve`: the live MCP servers, the reference and the management API."""

import os

from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels

from mcpassport.cli.options import DEFAULTS, Options
from mcpassport.cli.output import console
from mcpassport.settings import CONFIG_VARIABLE, load

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
    settings = load(options.config)
    if options.config is not None:
        os.environ[CONFIG_VARIABLE] = str(options.config.absolute())
    address, number = host or settings.host, port or settings.port
    console.print(f"mcpassport listens on http://{address}:{number}")
    console.print(f"  reference   {settings.public_url}/reference")
    console.print(f"  management  {settings.public_url}/openapi.json")
    Granian(
        "mcpassport.app:serving_app",
        factory=True,
        address=address,
        port=number,
        interface=Interfaces.ASGI,
        http=HTTPModes.http1,
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
