"""An MCP server as commands reach it: its URL and the secrets beside it, none in a command line."""

import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from yarl import URL

from mcpassport.cli.output import errors
from mcpassport.errors import UsageError
from mcpassport.limits import HEADER_API_TOKEN
from mcpassport.settings import named_variable

HOLDS_TOKEN = "/mcp/"


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


NO_PROOFS = Proofs()


def check_url(text: str) -> None:
    """`UsageError`, which never repeats it, unless it is the address of an MCP server."""
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


def secret_headers(proofs: Proofs) -> tuple[tuple[str, str], ...]:
    """The headers that prove who is asking."""
    server = secret(proofs.server_token_env, proofs.server_token_file)
    api = secret(proofs.api_token_env, proofs.api_token_file)
    found = []
    if server is not None:
        found.append(("authorization", f"Bearer {server}"))
    if api is not None:
        found.append((HEADER_API_TOKEN, api))
    return tuple(found)


def secret(variable: str | None, file: Path | None) -> str | None:
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
        text = named_variable(variable)
    else:
        return None
    found = text.strip()
    if not found or not found.isprintable():
        raise UsageError(f"{file or f'The variable {variable}'} holds no usable text.")
    return found
