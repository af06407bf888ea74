"""`mcpassport stdio`: an MCP server for clients that only start commands."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from yarl import URL

from mcpassport import __version__
from mcpassport.cli.bridge.bridge import Bridge, Server
from mcpassport.cli.bridge.lines import Writer, lines_of
from mcpassport.cli.client import host_and_port
from mcpassport.cli.mcp_server import NO_PROOFS, Proofs, check_url, secret, secret_headers
from mcpassport.cli.output import OK, errors
from mcpassport.errors import UsageError
from mcpassport.http import HttpClient
from mcpassport.limits import Limits

HOLDS_NONE = "/mcp/s/"
LOCAL = {"127.0.0.1", "::1", "localhost"}


@Parameter(name="*")
@dataclass(frozen=True)
class Address:
    """Where the MCP server is; exactly one of them."""

    url_env: Annotated[
        str | None, Parameter(help="environment variable that holds the server's URL")
    ] = None
    url_file: Annotated[Path | None, Parameter(help="file that holds the server's URL")] = None
    url: Annotated[
        str | None,
        Parameter(
            help="the server's URL. One that holds a token is a secret, and a command line is "
            "visible to other processes: prefer --url-env or --url-file"
        ),
    ] = None


NOWHERE = Address()


async def stdio(*, address: Address = NOWHERE, proofs: Proofs = NO_PROOFS) -> int:
    """Serve an MCP server on standard input and output, for clients that only start commands.

    Each line of standard input is a JSON-RPC message and becomes one POST to the server; its
    answer is a line of standard output. Nothing else is written there; messages for people go to
    standard error. Ends with the end of standard input, once the last answer is written.
    """
    server = Server(_url(address), secret_headers(proofs))
    _warn(address, URL(server.url))
    answers = os.dup(sys.__stdout__.fileno() if sys.__stdout__ else 1)
    os.dup2(2, 1)  # whatever else prints in this process must not speak to the client
    http = HttpClient(
        limits=Limits(),
        private_hosts=(host_and_port(URL(server.url)),),
        user_agent=f"mcpassport-stdio/{__version__}",
    )
    try:
        await Bridge(server, http, Writer(answers).write).run(lines_of(0))
    except OSError:
        errors.print("[dim]standard output is closed; nobody is left to answer[/dim]")
    finally:
        await http.close()
    return OK


def _url(address: Address) -> str:
    """The URL; `UsageError` that never repeats it."""
    given = [each for each in (address.url, address.url_env, address.url_file) if each is not None]
    if len(given) != 1:
        raise UsageError("Name the MCP server once: --url-env NAME, --url-file FILE or --url URL.")
    text = address.url or secret(address.url_env, address.url_file) or ""
    check_url(text)
    return text


def _warn(address: Address, url: URL) -> None:
    """Say what is risky about the way it was started."""
    if address.url is not None and HOLDS_NONE not in url.raw_path:
        errors.print(
            "[yellow]--url holds a token that other processes can read in the command line; "
            "use --url-env or --url-file.[/yellow]"
        )
    if url.scheme == "http" and url.host not in LOCAL:
        errors.print(f"[yellow]{url.host} is reached without TLS: tokens travel in clear.[/yellow]")
