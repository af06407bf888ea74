"""Options that every command takes, and the two API tokens a command can be given."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from mcpassport.cli.client import Api, Remote, open_api
from mcpassport.errors import UsageError


@Parameter(name="*")
@dataclass(frozen=True)
class Options:
    """Where to work and how to print."""

    json: Annotated[bool, Parameter(negative="", help="print JSON for scripts")] = False
    config: Annotated[
        Path | None, Parameter(help="settings file (default: mcpassport.toml, here or below)")
    ] = None
    url: Annotated[
        str | None, Parameter(help="work on a running deployment instead of the data folder")
    ] = None
    token: Annotated[str | None, Parameter(help="API token for --url")] = None
    token_file: Annotated[
        Path | None, Parameter(help="file that holds the API token for --url")
    ] = None

    def remote(self) -> Remote | None:
        """The deployment to call, or None for the data folder; `UsageError` if half is given."""
        if self.url is None:
            if self.token or self.token_file:
                raise UsageError("--token and --token-file go with --url.")
            return None
        token = self.token
        if self.token_file is not None:
            try:
                token = self.token_file.read_text().strip()
            except OSError as error:
                raise UsageError(f"{self.token_file}: {error.strerror}") from None
        if not token:
            raise UsageError("--url needs --token-file FILE or --token TOKEN.")
        return Remote(self.url, token)

    @asynccontextmanager
    async def api(self) -> AsyncIterator[Api]:
        """The management API that these options mean."""
        async with open_api(self.config, self.remote()) as api:
            yield api


DEFAULTS = Options()


def moment(text: str) -> str:
    """An ISO 8601 time with zone, as the management API takes it; `UsageError` for others."""
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{text!r} is not an ISO 8601 time such as 2030-01-31T12:00Z.") from None
    if parsed.tzinfo is None:
        raise UsageError(f"{text!r} has no zone; write 2030-01-31T12:00Z.")
    return parsed.isoformat()


def numbers(given: Sequence[str]) -> dict[str, int]:
    """`NAME=NUMBER` as the management API takes it; `UsageError` for anything else."""
    found = {}
    for text in given:
        name, _, number = text.partition("=")
        if not name or not number.isdecimal():
            raise UsageError(f"{text!r} is not NAME=NUMBER, such as calls_per_10s=100.")
        found[name] = int(number[:20])
    return found


Flag = Annotated[bool, Parameter(negative="")]
Repeated = Annotated[list[str] | None, Parameter(negative="", consume_multiple=False)]


@Parameter(name="*")
@dataclass(frozen=True)
class Filters:
    """Which tools: methods AND tags AND resources, less what is denied; absent means no limit."""

    method: Annotated[
        list[str] | None,
        Parameter(
            negative="",
            consume_multiple=False,
            help="read, write, custom, or an exact method name; repeat it",
        ),
    ] = None
    tag: Annotated[
        list[str] | None,
        Parameter(negative="", consume_multiple=False, help="a tag; repeat it for any of several"),
    ] = None
    resource: Annotated[
        list[str] | None,
        Parameter(negative="", consume_multiple=False, help="a resource; repeat it"),
    ] = None
    deny: Annotated[
        list[str] | None,
        Parameter(
            negative="",
            consume_multiple=False,
            help="a tool to leave out, by name or resource.method; repeat it",
        ),
    ] = None

    def document(self) -> dict[str, list[str] | None]:
        """The filters as the management API takes them."""
        return {
            "methods": self.method,
            "tags": self.tag,
            "resources": self.resource,
            "deny": self.deny or [],
        }


NO_FILTERS = Filters()
