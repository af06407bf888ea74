"""`mcpassport tenant`: the vendor's customers."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from io import FileIO
from pathlib import Path

from cyclopts import App

from mcpassport.cli.client import segment
from mcpassport.cli.deletion import read_report, tell_report, tell_verified
from mcpassport.cli.options import DEFAULTS, Flag, Options, numbers
from mcpassport.cli.output import confirm, errors, tell_change, tell_object, tell_rows
from mcpassport.errors import UsageError

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


@app.command
async def offboard(
    tenant: str, *, out: Path | None = None, yes: Flag = False, options: Options = DEFAULTS
) -> None:
    """Offboard a tenant, for good: revoke, delete, destroy its keys; show the signed report.

    Repeat it if it was interrupted. The report can be read again with `tenant deletion-report`.

    Parameters
    ----------
    tenant
        The tenant's id.
    out
        File to write the report to, as it is signed.
    yes
        Do not ask.
    """
    confirm(
        f"Offboard tenant {tenant}? Its servers, tokens, accounts and keys are destroyed, and "
        "nobody can bring them back.",
        yes=yes,
    )
    async with options.api() as api:
        report = await api.call("POST", f"/tenant/{segment(tenant)}/offboard")
    tell_report(report, out, json=options.json)


@app.command
async def deletion_report(
    tenant: str, *, out: Path | None = None, options: Options = DEFAULTS
) -> None:
    """Show the signed report of a tenant that was offboarded.

    Parameters
    ----------
    tenant
        The tenant's id.
    out
        File to write the report to, as it is signed.
    """
    async with options.api() as api:
        report = (await api.call("GET", f"/tenant/{segment(tenant)}"))["deletion_report"]
    if report is None:
        raise UsageError(f"Tenant {tenant} has no deletion report: it is not offboarded.")
    tell_report(report, out, json=options.json)


@app.command
async def verify_report(file: Path, *, key: str, json: Flag = False) -> None:
    """Check a deletion report, without any deployment; exit code 1 if it does not hold.

    Parameters
    ----------
    file
        The report, as the deployment gave it.
    key
        Fingerprint of the operations key: `GET /audit/key`, or the published reference.
    json
        Print JSON for scripts.
    """
    tell_verified(read_report(file), key, json=json)


@app.command
async def limits(
    tenant: str, *given: str, clear: Flag = False, options: Options = DEFAULTS
) -> None:
    """Set limits for one tenant, from its next request on; without any, show them.

    Parameters
    ----------
    tenant
        The tenant's id.
    given
        NAME=NUMBER, such as in_flight_tenant=128; limits that are not named stay.
    clear
        Take back what was set before: the deployment's limits are in force again.
    """
    path, wanted = f"/tenant/{segment(tenant)}", numbers(given)
    async with options.api() as api:
        document = await api.call("GET", path)
        if wanted or clear:
            kept = {} if clear else document["limits"]
            document = await api.call("PATCH", path, body={"limits": {**kept, **wanted}})
    tell_object(document, json=options.json)


@app.command
async def fingerprint_key(
    tenant: str, *, out: Path | None = None, yes: Flag = False, options: Options = DEFAULTS
) -> None:
    """Disclose the key of a tenant's argument fingerprints, this once, for `audit fingerprint`.

    Parameters
    ----------
    tenant
        The tenant's id.
    out
        Write the key into this new file, readable for you only, instead of showing it.
    yes
        Do not ask.
    """
    confirm(f"Disclose the fingerprint key of {tenant}? It can be had only once.", yes=yes)
    path = f"/tenant/{segment(tenant)}/fingerprint-key"
    with _new_file(out) as file:
        async with options.api() as api:
            document = await api.call("POST", path)
        kept = file is not None and _keep(file, document["key"])
    if kept:
        document = {**document, "key": None, "file": str(out)}
    after = "\nThe key is shown this once: keep it as you keep a password."
    tell_object(document, json=options.json, then="" if kept else after)


@contextmanager
def _new_file(out: Path | None) -> Iterator[FileIO | None]:
    """A file made before the key is asked for, and gone again if there is none to keep."""
    if out is None:
        yield None
        return
    try:
        file = FileIO(out, "x", opener=partial(os.open, mode=0o600))
    except OSError as error:
        raise UsageError(f"{out}: {error.strerror}; name a new file.") from None
    with file:
        try:
            yield file
        except BaseException:
            out.unlink(missing_ok=True)  # ours: "x" made it above
            raise


def _keep(file: FileIO, key: str) -> bool:
    """Whether the key is in the file; if not, it must be shown, since it can be had only once."""
    try:
        file.write(key.encode() + b"\n")
    except OSError as error:
        errors.print(f"The file cannot be written: {error.strerror}.")
        return False
    return True


async def _turn(tenant: str, turn: str, options: Options) -> None:
    async with options.api() as api:
        document = await api.call("POST", f"/tenant/{segment(tenant)}/{turn}")
    tell_change(document, f"Tenant {tenant} is {document['status']}.", json=options.json)
