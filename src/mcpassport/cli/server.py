"""`mcpassport server`: MCP servers, each behind a URL that is shown once."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter

from mcpassport.cli.client import segment
from mcpassport.cli.options import DEFAULTS, NO_FILTERS, Filters, Flag, Options, moment, numbers
from mcpassport.cli.output import confirm, tell_change, tell_object, tell_rows
from mcpassport.errors import UsageError

app = App(name="server", help="MCP servers: scoped, expiring grants on one integrated account.")


@Parameter(name="*")
@dataclass(frozen=True)
class Terms:
    """What else a server demands, and for how long it lives."""

    require_api_token: Annotated[
        bool,
        Parameter(negative="", help="demand an API token of the role `factor` as well"),
    ] = False
    expires_at: Annotated[
        str | None,
        Parameter(help="ISO 8601 time with zone (default: the deployment's default lifetime)"),
    ] = None
    never_expires: Annotated[
        bool, Parameter(negative="", help="no expiry, where the deployment allows it")
    ] = False
    rate_limit_errors: Annotated[
        Literal["auto", "http_429", "tool_error"],
        Parameter(help="how an upstream 429 reaches the caller"),
    ] = "auto"


NO_TERMS = Terms()


@app.command
async def create(
    account: str,
    *,
    name: str,
    filters: Filters = NO_FILTERS,
    terms: Terms = NO_TERMS,
    options: Options = DEFAULTS,
) -> None:
    """Create an MCP server and show its URL, this once.

    Parameters
    ----------
    account
        The account's id.
    name
        What people call this server.
    """
    config: dict[str, Any] = {
        **filters.document(),
        "require_api_token_auth": terms.require_api_token,
        "rate_limit_errors": terms.rate_limit_errors,
    }
    if terms.never_expires and terms.expires_at:
        raise UsageError("Give one of --expires-at and --never-expires.")
    body: dict[str, Any] = {"name": name, "config": config}
    if terms.never_expires:
        body["expires_at"] = None
    elif terms.expires_at:
        body["expires_at"] = moment(terms.expires_at)
    async with options.api() as api:
        server = await api.call("POST", f"/integrated-account/{segment(account)}/mcp", body=body)
    shown = "\nThe token and the URL are shown this once: keep them as you keep a password."
    tell_object(server, json=options.json, then=shown)


@app.command(name="list")
async def list_(account: str, *, options: Options = DEFAULTS) -> None:
    """List an account's MCP servers, without their tokens.

    Parameters
    ----------
    account
        The account's id.
    """
    async with options.api() as api:
        servers = await api.pages(f"/integrated-account/{segment(account)}/mcp")
    tell_rows(
        f"MCP servers of {account}",
        {"id": "id", "name": "name", "status": "status", "expires": "expires_at"},
        servers,
        "No MCP server yet: mcpassport server create ACCOUNT --name ...",
        json=options.json,
    )


@app.command
async def show(account: str, server: str, *, options: Options = DEFAULTS) -> None:
    """Show one MCP server, without its token.

    Parameters
    ----------
    account
        The account's id.
    server
        The server's id.
    """
    async with options.api() as api:
        document = await api.call(
            "GET", f"/integrated-account/{segment(account)}/mcp/{segment(server)}"
        )
    tell_object(document, json=options.json)


@app.command
async def limits(
    account: str, server: str, *given: str, clear: Flag = False, options: Options = DEFAULTS
) -> None:
    """Set limits for one MCP server, from its next request on; without any, show them.

    Parameters
    ----------
    account
        The account's id.
    server
        The server's id.
    given
        NAME=NUMBER, such as calls_per_10s=100; limits that are not named stay.
    clear
        Take back what was set before: the tenant's limits are in force again.
    """
    path = f"/integrated-account/{segment(account)}/mcp/{segment(server)}"
    wanted = numbers(given)
    async with options.api() as api:
        document = await api.call("GET", path)
        if wanted or clear:
            kept = {} if clear else document["config"]["limits"]
            config = {**document["config"], "limits": {**kept, **wanted}}
            await api.call("PATCH", path, body={"config": config})
            document = await api.call("GET", path)
    tell_object(document, json=options.json)


@app.command
async def revoke(
    account: str, server: str, *, yes: Flag = False, options: Options = DEFAULTS
) -> None:
    """Revoke an MCP server, from the next request on. There is no way back.

    Parameters
    ----------
    account
        The account's id.
    server
        The server's id.
    yes
        Do not ask.
    """
    confirm(f"Revoke MCP server {server}? Its URL stops working at once.", yes=yes)
    async with options.api() as api:
        await api.call("DELETE", f"/integrated-account/{segment(account)}/mcp/{segment(server)}")
    tell_change({"revoked": server}, f"MCP server {server} is revoked.", json=options.json)


@app.command
async def rotate(
    account: str,
    server: str,
    *,
    overlap: Annotated[int, Parameter(help="seconds for which the old URL still works")] = 0,
    yes: Flag = False,
    options: Options = DEFAULTS,
) -> None:
    """Give an MCP server another token and URL, shown this once; the one before ends.

    Parameters
    ----------
    account
        The account's id.
    server
        The server's id.
    yes
        Do not ask.
    """
    ends = f"in {overlap} seconds" if overlap else "at once"
    confirm(f"Rotate MCP server {server}? Its URL of today stops working {ends}.", yes=yes)
    path = f"/integrated-account/{segment(account)}/mcp/{segment(server)}/rotate"
    async with options.api() as api:
        document = await api.call("POST", path, body={"overlap_seconds": overlap})
    shown = f"\nThe token and the URL are shown this once. The ones before stop working {ends}."
    tell_object(document, json=options.json, then=shown)


@app.command
async def suspend(account: str, server: str, *, options: Options = DEFAULTS) -> None:
    """Suspend an MCP server, from the next request on, until it is resumed.

    Parameters
    ----------
    account
        The account's id.
    server
        The server's id.
    """
    await _turn(account, server, "suspend", options)


@app.command
async def resume(account: str, server: str, *, options: Options = DEFAULTS) -> None:
    """Resume a suspended MCP server, from the next request on.

    Parameters
    ----------
    account
        The account's id.
    server
        The server's id.
    """
    await _turn(account, server, "resume", options)


async def _turn(account: str, server: str, turn: str, options: Options) -> None:
    path = f"/integrated-account/{segment(account)}/mcp/{segment(server)}/{turn}"
    async with options.api() as api:
        document = await api.call("POST", path)
    tell_change(document, f"MCP server {server} is {document['status']}.", json=options.json)
