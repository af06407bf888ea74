"""`mcpassport tenant`: the vendor's customers."""

from cyclopts import App

from mcpassport.cli.client import segment
from mcpassport.cli.options import DEFAULTS, Flag, Options
from mcpassport.cli.output import confirm, tell_change, tell_object, tell_rows

app = App(name="tenant", help="The vendor's customers. Nothing crosses tenants.")


@app.command
async def create(name: str, *, id: str | None = None, options: Options = DEFAULTS) -> None:
    """Create a tenant and its data key.

    Parameters
    ----------
    name
        What people call the tenant.
    id
        Slug to use in every other command; one is made when absent.
    """
    async with options.api() as api:
        tenant = await api.call("POST", "/tenant", body={"name": name, "id": id})
    tell_object(tenant, json=options.json)


@app.command(name="list")
async def list_(*, options: Options = DEFAULTS) -> None:
    """List every tenant."""
    async with options.api() as api:
        tenants = await api.pages("/tenant")
    tell_rows(
        "Tenants",
        {"id": "id", "name": "name", "status": "status", "created": "created_at"},
        tenants,
        "No tenant yet: mcpassport tenant create NAME",
        json=options.json,
    )


@app.command
async def show(tenant: str, *, options: Options = DEFAULTS) -> None:
    """Show one tenant.

    Parameters
    ----------
    tenant
        The tenant's id.
    """
    async with options.api() as api:
        document = await api.call("GET", f"/tenant/{segment(tenant)}")
    tell_object(document, json=options.json)


@app.command
async def suspend(tenant: str, *, yes: Flag = False, options: Options = DEFAULTS) -> None:
    """Suspend a tenant: all its MCP servers and API tokens are refused until it is resumed.

    Parameters
    ----------
    tenant
        The tenant's id.
    yes
        Do not ask.
    """
    confirm(f"Suspend tenant {tenant}? All its agents stop working at once.", yes=yes)
    await _turn(tenant, "suspend", options)


@app.command
async def resume(tenant: str, *, options: Options = DEFAULTS) -> None:
    """Resume a suspended tenant, from the next request on.

    Parameters
    ----------
    tenant
        The tenant's id.
    """
    await _turn(tenant, "resume", options)


async def _turn(tenant: str, turn: str, options: Options) -> None:
    async with options.api() as api:
        document = await api.call("POST", f"/tenant/{segment(tenant)}/{turn}")
    tell_change(document, f"Tenant {tenant} is {document['status']}.", json=options.json)
