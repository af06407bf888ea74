"""`mcpassport serve`: the live MCP servers, the reference and the management API.

Workers that cannot start would be started again and again, so everything that can be wrong is tried
here first: settings, files, keys, vendor's words, certificate, address.
"""

import asyncio
import os

from mcpassport.app import open_application, open_services
from mcpassport.cli.client import local_settings
from mcpassport.cli.options import DEFAULTS, Options
from mcpassport.cli.output import console
from mcpassport.errors import UsageError
from mcpassport.observe.process import settle_process
from mcpassport.serving.listener import Listener
from mcpassport.serving.supervisor import Supervisor
from mcpassport.serving.tls import check_tls
from mcpassport.settings import CONFIG_VARIABLE, Settings, load


def serve(*, host: str | None = None, port: int | None = None, options: Options = DEFAULTS) -> int:
    """Serve until told to stop: SIGTERM drains, SIGHUP brings new settings into force.

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
    check_tls(settings)
    asyncio.run(_try_everything(settings))
    listener = Listener(address, number)
    settle_process()
    supervisor = Supervisor(listener, settings, load)
    return asyncio.run(supervisor.run(lambda: _say_where(listener, settings)))


async def _try_everything(settings: Settings) -> None:
    """Open what a worker opens, and close it again; raises what a person can mend."""
    async with open_services(settings) as services, open_application(services):
        pass


def _say_where(listener: Listener, settings: Settings) -> None:
    host = f"[{listener.host}]" if ":" in listener.host else listener.host
    listening = f"http{'s' if settings.terminates_tls else ''}://{host}:{listener.port}"
    console.print(f"mcpassport listens on {listening}")
    console.print(f"  reference   {listening}/reference")
    console.print(f"  management  {listening}/openapi.json")
    if settings.public_url != listening:
        console.print(f"  URLs of MCP servers begin with {settings.public_url} (public_url)")
