"""`mcpassport keys`: rotate the master key, data keys and the token key, while all goes on."""

import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from cyclopts import App

from mcpassport.cli.client import Api, segment
from mcpassport.cli.options import DEFAULTS, Flag, Options
from mcpassport.cli.output import confirm, showing, tell_change, tell_object, tell_rows
from mcpassport.errors import UsageError
from mcpassport.store.master import create_master_key

app = App(name="keys", help="Rotate keys, while everything goes on.")
RECENT: Final = timedelta(hours=1)
"""A data key that is younger was made by a run that was interrupted; it is not made again."""


@app.command
async def status(*, options: Options = DEFAULTS) -> None:
    """Show which keys are in use; never a key."""
    async with options.api() as api:
        document = await api.call("GET", "/key")
    flat = {"previous_master_key": document["previous_master_key"], **document["token_key"]}
    tell_object(document if options.json else flat, json=options.json)


@app.command
async def new_master(file: Path, *, json: Flag = False) -> None:
    """Make a master key in a new file, readable for its owner only.

    Parameters
    ----------
    file
        Where it goes; a file that exists is never overwritten.
    json
        Print JSON for scripts.
    """
    create_master_key(file, secrets.token_bytes)
    sentence = (
        f"{file} holds a new master key. Name it as master_key_file, and the one in use as "
        "previous_master_key_file; restart every process; then run: mcpassport keys rotate"
    )
    tell_change({"master_key_file": str(file)}, sentence, json=json)


@app.command
async def rotate(
    *,
    tenant: str = "",
    token_key: Flag = False,
    finish: Flag = False,
    again: Flag = False,
    yes: Flag = False,
    options: Options = DEFAULTS,
) -> None:
    """Wrap every key under the present master key, and give every tenant another data key.

    An interrupted run goes on where it stopped. With --token-key the token key is exchanged
    instead: run it again to see which tokens are left, and with --finish to end those.

    Parameters
    ----------
    tenant
        Only the data key of this tenant.
    token_key
        Exchange the key under which tokens are hashed.
    finish
        With --token-key: destroy the key before; tokens that were not presented since then end.
    again
        Also tenants whose data key is younger than an hour.
    yes
        Do not ask.
    """
    if finish and not token_key:
        raise UsageError("--finish goes with --token-key.")
    if token_key and (tenant or again):
        raise UsageError("The token key is not a tenant's; leave --tenant and --again out.")
    async with options.api() as api:
        if token_key:
            await (_finish(api, options, yes=yes) if finish else _exchange(api, options))
        else:
            await _rotate(api, tenant, again=again, yes=yes, options=options)


async def _rotate(api: Api, tenant: str, *, again: bool, yes: bool, options: Options) -> None:
    done: dict[str, Any] = {"rewrapped": 0, "tenants": 0, "resealed": 0, "unreadable": 0}
    if not tenant and (await api.call("GET", "/key"))["previous_master_key"]:
        confirm(
            "Wrap all keys under the present master key? A process that does not know it yet "
            "could not serve afterwards.",
            yes=yes,
        )
        done["rewrapped"] = await _rewrap(api)
    if not tenant:
        done["resealed"] = (await api.call("POST", "/key/platform/rotate"))["resealed"]
    path = f"/tenant/{segment(tenant)}"
    tenants = [await api.call("GET", path)] if tenant else await api.pages("/tenant")
    due = [each for each in tenants if tenant or _due(each, again=again)]
    with showing("rotating data keys") as progress:
        for number, each in enumerate(due, 1):
            rekeyed = await api.call("POST", f"/tenant/{segment(each['id'])}/rotate-key")
            done["tenants"] += 1
            done["resealed"] += rekeyed["resealed"]
            done["unreadable"] += rekeyed["unreadable"]
            progress(number, len(due))
    then = "Keys that nothing is sealed under any more are destroyed in a day."
    if done["unreadable"]:
        then = "Credentials that do not open stay as they are: connect those accounts again."
    tell_object(done, json=options.json, then=then)


def _due(tenant: dict[str, Any], *, again: bool) -> bool:
    if tenant["status"] == "offboarded":
        return False
    since = tenant["key_since"]
    return again or since is None or datetime.now(UTC) - datetime.fromisoformat(since) > RECENT


async def _rewrap(api: Api) -> int:
    count, cursor = 0, ""
    with showing("wrapping keys anew") as progress:
        while True:
            page = await api.call("POST", "/key/rewrap", query={"cursor": cursor or None})
            count, cursor = count + int(page["rewrapped"]), page["next_cursor"] or ""
            progress(count, 0)
            if not cursor:
                return count


async def _exchange(api: Api, options: Options) -> None:
    found = await api.call("POST", "/key/token-key/rotate")
    if found["next_version"] is not None:
        sentence = (
            f"Token key {found['next_version']} is made; new tokens are hashed under it from "
            f"{found['active_from']} on. Run this again then to see which tokens are left."
        )
        tell_change({**found, "left": None}, sentence, json=options.json)
        return
    left = await api.pages("/key/token-key/left")
    if options.json:
        tell_object({**found, "left": left}, json=True)
        return
    columns = {"kind": "kind", "tenant": "tenant", "id": "id", "name": "name"}
    empty = "No token is left: end this with mcpassport keys rotate --token-key --finish"
    tell_rows(f"{len(left)} tokens not presented yet", columns, left, empty, json=False)


async def _finish(api: Api, options: Options, *, yes: bool) -> None:
    left = await api.pages("/key/token-key/left")
    confirm(f"Destroy the token key before? {len(left)} tokens still need it, and end.", yes=yes)
    found = await api.call("POST", "/key/token-key/finish")
    sentence = f"Tokens are stored under token key {found['version']} only; {len(left)} ended."
    tell_change({**found, "ended": len(left)}, sentence, json=options.json)
