"""`mcpassport store`: backup, restore, and what a restored deployment needs before it serves."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from mcpassport.app import open_services, utc_now
from mcpassport.cli.client import local_settings
from mcpassport.cli.migrate import migrate
from mcpassport.cli.options import DEFAULTS, Flag, Options, Repeated
from mcpassport.cli.output import confirm, showing, tell_object
from mcpassport.cli.revive import end_all_grants, replay_logs
from mcpassport.errors import UsageError
from mcpassport.settings import Settings
from mcpassport.store import folder_url
from mcpassport.store.copies.archive import Kind
from mcpassport.store.copies.backup import take
from mcpassport.store.copies.restore import Wanted
from mcpassport.store.copies.restore import restore as unpack
from mcpassport.store.unready import mark_of

app = App(name="store", help="Backup, restore and migration of what is stored, on the host.")
app.command(migrate)


@app.command
async def backup(*, out: Path, options: Options = DEFAULTS) -> None:
    """Copy records and audit into one file, while the deployment may be serving.

    The keys are not in it: `store backup-keys` copies them, to be kept apart.

    Parameters
    ----------
    out
        The new file.
    """
    await _take("data", out, options)


@app.command
async def backup_keys(*, out: Path, options: Options = DEFAULTS) -> None:
    """Copy the keys, each wrapped by the master key, into one file; keep it apart from the data.

    A key that is destroyed later lives on in this copy: delete old copies (`key_backup_days`).

    Parameters
    ----------
    out
        The new file.
    """
    await _take("keys", out, options)


async def _take(kind: Kind, out: Path, options: Options) -> None:
    settings = _here(options)
    url = settings.records_url if kind == "data" else settings.keyring_url
    with showing("copying") as told:
        manifest = await take(url, kind, out, utc_now(), told)
    facts = {
        "file": str(out),
        "kind": kind,
        "taken_at": manifest.taken_at.isoformat(),
        "files": {name: packed.sha256 for name, packed in manifest.files.items()},
    }
    if kind == "keys":
        until = manifest.taken_at + timedelta(days=settings.key_backup_days)
        facts["delete_by"] = until.isoformat()
    tell_object(facts, json=options.json)


@app.command
async def restore(
    archive: Path,
    *,
    into: Path | None = None,
    keys: Path | None = None,
    options: Options = DEFAULTS,
) -> None:
    """Bring a backup into an empty place, of any engine; `store replay` must follow.

    An interrupted restore into PostgreSQL goes on when it is run again.

    Parameters
    ----------
    archive
        What `store backup` made.
    into
        The data folder to make; absent: where the settings keep records and keys.
    keys
        What `store backup-keys` made, as new as the backup or newer.
    """
    if into is None:
        settings = _here(options)
        url, keys_url = settings.records_url, settings.keyring_url
    else:
        url = keys_url = folder_url(into)
    wanted = [Wanted("data", archive, url)]
    if keys is not None:
        wanted.append(Wanted("keys", keys, keys_url))
    with showing("restoring") as told:
        manifest = await unpack(wanted, utc_now(), told)
    facts = {
        "restored": str(into or "where the settings say"),
        "taken_at": manifest.taken_at.isoformat(),
        "version": manifest.version,
        "keys": "restored" if keys else "missing",
    }
    next_step = "It does not serve yet: run `mcpassport store replay`."
    if keys is None:
        next_step = "Nothing can be opened without the keys: restore again with --keys FILE."
    tell_object(facts, json=options.json, then=next_step)


@app.command
async def replay(  # each option is one of the ways
    *,
    revocations: Annotated[
        list[Path] | None, Parameter(negative="", consume_multiple=False)
    ] = None,
    without: Repeated = None,
    accept_revived_grants: Flag = False,
    yes: Flag = False,
    options: Options = DEFAULTS,
) -> None:
    """Do again what was revoked since the backup, so that the restored deployment may serve.

    Parameters
    ----------
    revocations
        The newest revocations.log of the deployment that was backed up; repeat it, one for each
        machine.
    without
        The id of a log that is not needed: of a machine that ended before the backup; repeat it.
    accept_revived_grants
        There is no log: suspend every MCP server, to be resumed one by one, and revoke every API
        token. A new admin token is shown once.
    yes
        Do not ask before every API token is revoked.
    """
    if bool(revocations) is accept_revived_grants:
        raise UsageError("Give one of --revocations FILE and --accept-revived-grants.")
    async with open_services(_here(options)) as services:
        mark = await mark_of(services.store)
        if mark is None:
            raise UsageError("This is not a restored backup that awaits a replay.")
        done: dict[str, Any]
        if revocations:
            done = await replay_logs(services, mark, revocations, without or ())
        else:
            confirm("Suspend every MCP server and revoke every API token?", yes=yes)
            done = await end_all_grants(services, mark)
    once = (
        "" if revocations else "The admin token is shown this once: keep it as you keep a password."
    )
    tell_object(done, json=options.json, then=once)


def _here(options: Options) -> Settings:
    if options.url:
        raise UsageError("What is stored is on the host of the deployment; leave --url out.")
    return local_settings(options.config)
