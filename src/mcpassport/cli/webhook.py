"""`mcpassport webhook`: addresses that are told of events."""

from typing import Annotated

from cyclopts import App, Parameter

from mcpassport.cli.client import segment
from mcpassport.cli.options import DEFAULTS, Flag, Options
from mcpassport.cli.output import FOUND, confirm, stop, tell_change, tell_object, tell_rows

app = App(name="webhook", help="Webhooks: addresses that are told of events, signed and retried.")
Events = Annotated[
    list[str] | None,
    Parameter(
        negative="",
        consume_multiple=False,
        help="action that is told, such as server.revoke; repeat it. Absent: all",
    ),
]


@app.command
async def create(
    address: str,
    *,
    tenant: str | None = None,
    events: Events = None,
    options: Options = DEFAULTS,
) -> None:
    """Make a webhook and show the key it is signed with, this once.

    Parameters
    ----------
    address
        Where events are sent: https://…
    tenant
        Whose events; absent: the deployment's own.
    """
    body = {"url": address, "tenant": tenant, "events": events or []}
    async with options.api() as api:
        made = await api.call("POST", "/webhook", body=body)
    shown = "\nThe key is shown this once: whoever has it can sign events."
    tell_object(made, json=options.json, then=shown)


@app.command(name="list")
async def list_(*, tenant: str | None = None, options: Options = DEFAULTS) -> None:
    """List webhooks, and how they fare.

    Parameters
    ----------
    tenant
        The tenant's webhooks; absent: the deployment's own.
    """
    async with options.api() as api:
        hooks = await api.pages("/webhook", query={"tenant": tenant})
    columns = {"id": "id", "address": "url", "status": "status", "failures": "failures"}
    tell_rows("Webhooks", columns, hooks, "No webhook.", json=options.json)


@app.command
async def show(webhook: str, *, tenant: str | None = None, options: Options = DEFAULTS) -> None:
    """Show one webhook: whether it is told, and what its last answer was.

    Parameters
    ----------
    webhook
        The webhook's id.
    tenant
        The tenant it belongs to; absent: the deployment's own.
    """
    async with options.api() as api:
        found = await api.call("GET", f"/webhook/{segment(webhook)}", query={"tenant": tenant})
    tell_object(found, json=options.json)


@app.command(name="test")
async def try_out(webhook: str, *, tenant: str | None = None, options: Options = DEFAULTS) -> None:
    """Send the event webhook.test; exit code 1 if it is not taken.

    Parameters
    ----------
    webhook
        The webhook's id.
    tenant
        The tenant it belongs to; absent: the deployment's own.
    """
    async with options.api() as api:
        path = f"/webhook/{segment(webhook)}/test"
        found = await api.call("POST", path, query={"tenant": tenant})
    tell_object(found, json=options.json)
    if not found["taken"]:
        stop(FOUND)


@app.command
async def resume(webhook: str, *, tenant: str | None = None, options: Options = DEFAULTS) -> None:
    """Try again at once, from the event that was next.

    Parameters
    ----------
    webhook
        The webhook's id.
    tenant
        The tenant it belongs to; absent: the deployment's own.
    """
    async with options.api() as api:
        path = f"/webhook/{segment(webhook)}/resume"
        found = await api.call("POST", path, query={"tenant": tenant})
    tell_change(found, f"Webhook {webhook} is told again.", json=options.json)


@app.command
async def delete(
    webhook: str,
    *,
    tenant: str | None = None,
    yes: Flag = False,
    options: Options = DEFAULTS,
) -> None:
    """Tell a webhook nothing any more.

    Parameters
    ----------
    webhook
        The webhook's id.
    tenant
        The tenant it belongs to; absent: the deployment's own.
    yes
        Do not ask.
    """
    confirm(f"Delete webhook {webhook}?", yes=yes)
    async with options.api() as api:
        await api.call("DELETE", f"/webhook/{segment(webhook)}", query={"tenant": tenant})
    tell_change({"deleted": webhook}, f"Webhook {webhook} is deleted.", json=options.json)
