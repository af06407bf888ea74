"""`mcpassport account link, reconnect, test` and `integration oauth-app`: accounts by OAuth."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from mcpassport.cli.account import pairs
from mcpassport.cli.client import segment
from mcpassport.cli.options import DEFAULTS, Flag, Options
from mcpassport.cli.output import FOUND, confirm, stop, tell_change, tell_object
from mcpassport.errors import UsageError

Methods = Annotated[
    list[str] | None,
    Parameter(
        negative="",
        consume_multiple=False,
        help="methods whose scopes are asked for, such as read; repeat it. Absent: all",
    ),
]


@Parameter(name="*")
@dataclass(frozen=True)
class Asked:
    """What a link is to bring, beside what it is for."""

    kind: Annotated[
        str | None, Parameter(help="credential kind the integration declares; absent: its first")
    ] = None
    context: Annotated[
        list[str] | None,
        Parameter(
            negative="",
            consume_multiple=False,
            help="NAME=VALUE that the integration's templates need; repeat it",
        ),
    ] = None
    methods: Methods = None

    def document(self) -> dict[str, Any]:
        """The members that were given, as the management API takes them."""
        found = {"credential_kind": self.kind, "methods": self.methods}
        context = pairs(self.context, "--context")
        return {name: value for name, value in found.items() if value} | (
            {"context": context} if context else {}
        )


NOTHING = Asked()


async def link(
    integration: str,
    *,
    tenant: str,
    name: str,
    asked: Asked = NOTHING,
    options: Options = DEFAULTS,
) -> None:
    """Make a link by which a customer connects an account; single use, and for 15 minutes.

    Parameters
    ----------
    integration
        The integration's name.
    tenant
        The tenant's id.
    name
        What people call this connection.
    """
    body = {"tenant": tenant, "integration": integration, "name": name, **asked.document()}
    async with options.api() as api:
        made = await api.call("POST", "/link-token", body=body)
    _tell(made, options)


async def reconnect(account: str, *, methods: Methods = None, options: Options = DEFAULTS) -> None:
    """Make a link by which an account is connected again; it keeps its id and its servers.

    Parameters
    ----------
    account
        The account's id.

    Methods:
        Methods whose scopes are asked for; repeat it. Absent: all.
    """
    body = {"methods": methods} if methods else {}
    async with options.api() as api:
        path = f"/integrated-account/{segment(account)}/reconnect"
        made = await api.call("POST", path, body=body)
    _tell(made, options)


def _tell(made: dict[str, Any], options: Options) -> None:
    then = "Send the address to the customer: it is shown this once, and holds for 15 minutes."
    tell_object(made, json=options.json, then=then)


async def try_connection(
    account: str, *, tool: str | None = None, options: Options = DEFAULTS
) -> None:
    """Test a connection with one request that reads; exit code 1 if it does not work.

    Parameters
    ----------
    account
        The account's id.
    tool
        A tool that only reads and needs no arguments; absent: the first.
    """
    body = {"tool": tool} if tool else {}
    async with options.api() as api:
        found = await api.call("POST", f"/integrated-account/{segment(account)}/test", body=body)
    tell_object(found, json=options.json)
    if not found["works"]:
        stop(FOUND)


async def oauth_app(
    integration: str,
    *,
    client_id: str | None = None,
    client_secret_file: Path | None = None,
    delete: Flag = False,
    yes: Flag = False,
    options: Options = DEFAULTS,
) -> None:
    """Show the OAuth app of an integration; with --client-id, set it; with --delete, forget it.

    Parameters
    ----------
    integration
        The integration's name.
    client_id
        The client's id at the provider.
    client_secret_file
        File that holds the client's secret; absent: a client without one.
    delete
        Forget the app: accounts connected by it are not renewed any more.
    yes
        Do not ask.
    """
    if delete and client_id:
        raise UsageError("Give --client-id or --delete, not both.")
    if client_secret_file is not None and not client_id:
        raise UsageError("--client-secret-file goes with --client-id.")
    path = f"/integration/{segment(integration)}/oauth-app"
    if delete:
        confirm(f"Forget the OAuth app of {integration}? Its accounts run out.", yes=yes)
    async with options.api() as api:
        if delete:
            await api.call("DELETE", path)
            tell_change({"deleted": integration}, "The OAuth app is forgotten.", json=options.json)
            return
        if client_id is None:
            found = await api.call("GET", path)
        else:
            body = {"client_id": client_id, "client_secret": _secret(client_secret_file)}
            found = await api.call("PUT", path, body=body)
    tell_object(found, json=options.json, then="Register the redirect_uri with the provider.")


def _secret(file: Path | None) -> str:
    if file is None:
        return ""
    try:
        return file.read_text().strip()
    except (OSError, UnicodeDecodeError):
        raise UsageError(f"{file} cannot be read as text.") from None
