"""`mcpassport token`: API tokens, shown once."""

from typing import Annotated, Literal

from cyclopts import App, Parameter

from mcpassport.cli.client import segment
from mcpassport.cli.options import DEFAULTS, Options, moment
from mcpassport.cli.output import confirm, tell_change, tell_object, tell_rows

app = App(name="token", help="API tokens: for the management API, or as a second factor.")


@app.command
async def create(
    *,
    role: Literal["admin", "tenant", "auditor", "factor"],
    name: str,
    tenant: str | None = None,
    expires_at: str | None = None,
    options: Options = DEFAULTS,
) -> None:
    """Create an API token and show it, this once.

    Parameters
    ----------
    role
        admin manages the deployment, tenant its own accounts and servers, auditor reads, factor
        opens nothing and serves as a second factor only.
    name
        Who holds it.
    tenant
        The tenant it belongs to; required for tenant and factor.
    expires_at
        ISO 8601 time with zone; absent: no expiry.
    """
    until = None if expires_at is None else moment(expires_at)
    body = {"role": role, "name": name, "tenant": tenant, "expires_at": until}
    async with options.api() as api:
        token = await api.call("POST", "/api-token", body=body)
    shown = "\nThe token is shown this once: keep it as you keep a password."
    tell_object(token, json=options.json, then=shown)


@app.command(name="list")
async def list_(*, tenant: str | None = None, options: Options = DEFAULTS) -> None:
    """List API tokens, without their secrets.

    Parameters
    ----------
    tenant
        The tenant's tokens; absent: the deployment's own.
    """
    async with options.api() as api:
        tokens = await api.pages("/api-token", query={"tenant": tenant})
    tell_rows(
        "API tokens",
        {
            "id": "id",
            "role": "role",
            "name": "name",
            "status": "status",
            "expires": "expires_at",
            "last used": "last_used_at",
        },
        tokens,
        "No API token.",
        json=options.json,
    )


@app.command
async def revoke(
    token: str,
    /,  # `--token` is the one that goes with --url
    *,
    tenant: str | None = None,
    yes: Annotated[bool, Parameter(negative="")] = False,
    options: Options = DEFAULTS,
) -> None:
    """Revoke an API token, from the next request on.

    Parameters
    ----------
    token
        The token's id (tok_...), not the secret.
    tenant
        The tenant it belongs to; absent: the deployment's own.
    yes
        Do not ask.
    """
    confirm(f"Revoke API token {token}?", yes=yes)
    async with options.api() as api:
        await api.call("DELETE", f"/api-token/{segment(token)}", query={"tenant": tenant})
    tell_change({"revoked": token}, f"API token {token} is revoked.", json=options.json)
