"""`mcpassport switch`: the kill switches."""

from typing import Literal

from cyclopts import App

from mcpassport.cli.client import segment
from mcpassport.cli.options import DEFAULTS, Flag, Options
from mcpassport.cli.output import confirm, tell_change, tell_rows

app = App(name="switch", help="Kill switches: stop calls of all, an integration, or a tenant.")
Scope = Literal["all", "integration", "tenant"]


@app.command(name="list")
async def list_(*, options: Options = DEFAULTS) -> None:
    """List the switches that are off."""
    async with options.api() as api:
        switches = await api.pages("/switch")
    tell_rows(
        "Switched off",
        {"id": "id", "since": "since", "by": "by", "reason": "reason"},
        switches,
        "Nothing is switched off.",
        json=options.json,
    )


@app.command
async def off(
    scope: Scope,
    name: str = "",
    *,
    reason: str = "",
    yes: Flag = False,
    options: Options = DEFAULTS,
) -> None:
    """Stop calls from the next request on, and cancel those under way.

    Parameters
    ----------
    scope
        What it covers: everything, one integration, or one tenant.
    name
        Of the integration or the tenant.
    reason
        For whoever looks at it later; callers do not see it.
    yes
        Do not ask.
    """
    about = f"{scope} {name}".strip()
    confirm(f"Switch off {about}? Its agents are refused at once.", yes=yes)
    body = {"scope": scope, "name": name, "reason": reason}
    async with options.api() as api:
        switch = await api.call("POST", "/switch", body=body)
    then = f"{switch['id']} is off. Turn it on with: mcpassport switch on {switch['id']}"
    tell_change(switch, then, json=options.json)


@app.command
async def on(switch: str, *, options: Options = DEFAULTS) -> None:
    """Let calls through again, from the next request on.

    Parameters
    ----------
    switch
        The switch's id, as `switch list` shows it.
    """
    async with options.api() as api:
        await api.call("DELETE", f"/switch/{segment(switch)}")
    tell_change({"on": switch}, f"{switch} is on.", json=options.json)
