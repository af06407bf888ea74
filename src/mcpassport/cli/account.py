"""`mcpassport account`: integrated accounts, a tenant's connections to an upstream API."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import App, Parameter

from mcpassport.cli.client import segment
from mcpassport.cli.options import DEFAULTS, NO_FILTERS, Filters, Flag, Options
from mcpassport.cli.output import (
    confirm,
    print_json,
    print_table,
    tell_change,
    tell_object,
    tell_rows,
)
from mcpassport.errors import UsageError

app = App(name="account", help="Integrated accounts: one tenant's connection to one integration.")


def pairs(given: list[str] | None, option: str) -> dict[str, str]:
    """`NAME=VALUE` options as a mapping; `UsageError` without repeating a value."""
    found: dict[str, str] = {}
    for text in given or ():
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise UsageError(f"Write {option} NAME=VALUE.")
        found[name] = value
    return found


@Parameter(name="*")
@dataclass(frozen=True)
class Connection:
    """What an account brings."""

    kind: Annotated[
        str | None, Parameter(help="credential kind the integration declares, such as bearer")
    ] = None
    credential: Annotated[
        list[str] | None,
        Parameter(
            negative="",
            consume_multiple=False,
            help="NAME=VALUE of a credential field; repeat it. Prefer --credential-file: "
            "a command line is visible to other processes",
        ),
    ] = None
    credential_file: Annotated[
        Path | None, Parameter(help="JSON object with the credential fields")
    ] = None
    context: Annotated[
        list[str] | None,
        Parameter(
            negative="",
            consume_multiple=False,
            help="NAME=VALUE that the integration's templates need; repeat it",
        ),
    ] = None

    def document(self) -> dict[str, Any]:
        """The members that were given, as the management API takes them."""
        found: dict[str, Any] = {}
        if self.kind:
            found["credential_kind"] = self.kind
        if self.credential or self.credential_file:
            from_file = _texts(self.credential_file) if self.credential_file else {}
            found["credential"] = from_file | pairs(self.credential, "--credential")
        if self.context:
            found["context"] = pairs(self.context, "--context")
        return found


NO_CONNECTION = Connection()


def _texts(file: Path) -> dict[str, str]:
    document = read_json(file)
    if not isinstance(document, dict) or not all(isinstance(v, str) for v in document.values()):
        raise UsageError(f'{file} is not a JSON object of texts such as {{"token": "..."}}.')
    return document


@app.command
async def create(
    integration: str,
    *,
    tenant: str,
    name: str,
    connection: Connection = NO_CONNECTION,
    options: Options = DEFAULTS,
) -> None:
    """Connect an account with static credentials; they are sealed and never shown again.

    Parameters
    ----------
    integration
        The integration's name.
    tenant
        The tenant's id.
    name
        What people call this connection.
    """
    body = {
        "tenant": tenant,
        "integration": integration,
        "name": name,
        "credential_kind": "",
        "credential": {},
        **connection.document(),
    }
    async with options.api() as api:
        account = await api.call("POST", "/integrated-account", body=body)
    tell_object(account, json=options.json)


@app.command(name="list")
async def list_(
    *, tenant: str, integration: str | None = None, options: Options = DEFAULTS
) -> None:
    """List a tenant's accounts.

    Parameters
    ----------
    tenant
        The tenant's id.
    integration
        Only accounts of this integration.
    """
    query = {"tenant": tenant, "integration": integration}
    async with options.api() as api:
        accounts = await api.pages("/integrated-account", query=query)
    tell_rows(
        f"Accounts of {tenant}",
        {"id": "id", "name": "name", "integration": "integration", "status": "status"},
        accounts,
        "No account yet: mcpassport account create INTEGRATION --tenant ... --name ... --kind ...",
        json=options.json,
    )


@app.command
async def show(account: str, *, options: Options = DEFAULTS) -> None:
    """Show one account, without its credential.

    Parameters
    ----------
    account
        The account's id.
    """
    async with options.api() as api:
        document = await api.call("GET", f"/integrated-account/{segment(account)}")
    tell_object(document, json=options.json)


@app.command
async def update(
    account: str,
    *,
    name: str | None = None,
    connection: Connection = NO_CONNECTION,
    overrides: Path | None = None,
    options: Options = DEFAULTS,
) -> None:
    """Change an account; a credential given here replaces all of the old one.

    Parameters
    ----------
    account
        The account's id.
    name
        A new name.
    overrides
        JSON file with the overrides: context, headers, timeout_s, removed_methods.
    """
    body: dict[str, Any] = {"name": name, **connection.document()}
    if overrides is not None:
        body["overrides"] = read_json(overrides)
    async with options.api() as api:
        document = await api.call("PATCH", f"/integrated-account/{segment(account)}", body=body)
    tell_object(document, json=options.json)


def read_json(file: Path) -> Any:
    """A JSON file's document, or `UsageError`."""
    try:
        return msgspec.json.decode(file.read_bytes())
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}") from None
    except msgspec.DecodeError:
        raise UsageError(f"{file} is not JSON.") from None


@app.command
async def delete(
    account: str,
    *,
    yes: Flag = False,
    options: Options = DEFAULTS,
) -> None:
    """Delete an account and its credential, and revoke its MCP servers.

    Parameters
    ----------
    account
        The account's id.
    yes
        Do not ask.
    """
    confirm(f"Delete account {account}, its credential, and revoke its MCP servers?", yes=yes)
    async with options.api() as api:
        await api.call("DELETE", f"/integrated-account/{segment(account)}")
    tell_change(
        {"deleted": account},
        f"Account {account} is deleted; its MCP servers are revoked.",
        json=options.json,
    )


@app.command
async def tools(
    account: str,
    *,
    filters: Filters = NO_FILTERS,
    options: Options = DEFAULTS,
) -> None:
    """Preview the tools that an MCP server with these filters would expose.

    Parameters
    ----------
    account
        The account's id.
    """
    query = filters.document()
    async with options.api() as api:
        preview = await api.call(
            "GET", f"/integrated-account/{segment(account)}/tools", query=query
        )
    if options.json:
        print_json(preview)
        return
    print_table(
        f"{len(preview['result'])} tools of {preview['integration']}@{preview['version']}",
        {"tool": "name", "reads only": "read_only", "destructive": "destructive", "tags": "tags"},
        preview["result"],
        "No tool.",
    )
