"""`mcpassport stdio`: an MCP server for clients that only start commands."""

import os
import stat
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
from mcpassport.cli.output import OK, errors
from mcpassport.errors import UsageError
from mcpassport.http import HttpClient
from mcpassport.limits import HEADER_API_TOKEN, Limits

HOLDS_TOKEN = "/mcp/"
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


@Parameter(name="*")
@dataclass(frozen=True)
class Proofs:
    """What proves who is asking; never on the command line."""

    server_token_env: Annotated[
        str | None,
        Parameter(help="environment variable that holds the server's token, for /mcp/s/ URLs"),
    ] = None
    server_token_file: Annotated[
        Path | None, Parameter(help="file that holds the server's token, for /mcp/s/ URLs")
    ] = None
    api_token_env: Annotated[
        str | None,
        Parameter(
            help="environment variable that holds an API token of the role `factor`, where the "
            "server demands one"
        ),
    ] = None
    api_token_file: Annotated[Path | None, Parameter(help="file that holds that API token")] = None


NOWHERE = Address()
NO_PROOFS = Proofs()


async def stdio(*, address: Address = NOWHERE, proofs: Proofs = NO_PROOFS) -> int:
    """Serve an MCP server on standard input and output, for clients that only start commands.

    Each line of standard input is a JSON-RPC message and becomes one POST to the server; its
    answer is a line of standard output. Nothing else is written there; messages for people go to
    standard error. Ends with the end of standard input, once the last answer is written.
    """
    server = Server(_url(address), _secret_headers(proofs))
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
    text = address.url or _secret(address.url_env, address.url_file) or ""
    try:
        url = URL(text, encoded=True)
    except ValueError:
        url = URL()
    if url.scheme not in {"http", "https"} or not url.host or url.user or url.password:
        raise UsageError("The URL is not an http(s) address such as https://mcp.example/mcp/….")
    if HOLDS_TOKEN not in url.raw_path:
        raise UsageError(
            "The URL is not one of an MCP server: its path holds no /mcp/. Give the `url` or "
            "`header_url` that the server's creation answered."
        )
    return text


def _secret_headers(proofs: Proofs) -> tuple[tuple[str, str], ...]:
    server = _secret(proofs.server_token_env, proofs.server_token_file)
    api = _secret(proofs.api_token_env, proofs.api_token_file)
    found = []
    if server is not None:
        found.append(("authorization", f"Bearer {server}"))
    if api is not None:
        found.append((HEADER_API_TOKEN, api))
    return tuple(found)


def _secret(variable: str | None, file: Path | None) -> str | None:
    """What the variable or the file holds; `UsageError` without a word of it."""
    if variable is not None and file is not None:
        raise UsageError("Give a variable or a file for each secret, not both.")
    if file is not None:
        try:
            text = file.read_text()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not text"
            raise UsageError(f"{file}: {reason}") from None
        if stat.S_IMODE(file.stat().st_mode) & 0o077:
            errors.print(f"[yellow]{file} can be read by others; use chmod 600.[/yellow]")
    elif variable is not None:
        text = os.environ.get(variable, "")
    else:
        return None
    found = text.strip()
    if not found or not found.isprintable():
        raise UsageError(f"{file or f'The variable {variable}'} holds no usable text.")
    return found


def _warn(address: Address, url: URL) -> None:
    """Say what is risky about the way it was started."""
    if address.url is not None and HOLDS_NONE not in url.raw_path:
        errors.print(
            "[yellow]--url holds a token that other processes can read in the command line; "
            "use --url-env or --url-file.[/yellow]"
        )
    if url.scheme == "http" and url.host not in LOCAL:
        errors.print(f"[yellow]{url.host} is reached without TLS: tokens travel in clear.[/yellow]")
