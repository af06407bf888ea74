"""`mcpassport store`: backup, restore, and what a restored deployment needs before it serves."""

from pathlib import Path
from typing import Literal

from cyclopts import App

from mcpassport.app import open_services, utc_now
from mcpassport.cli.client import local_settings
from mcpassport.cli.options import DEFAULTS, Flag, Options
from mcpassport.cli.output import tell_object
from mcpassport.cli.revive import replay as replay_all
from mcpassport.cli.revive import suspend_all
from mcpassport.errors import UsageError
from mcpassport.settings import Settings
from mcpassport.store.backup import restore as unpack
from mcpassport.store.backup import take
from mcpassport.store.restored import MARK_FILE, read_mark
from mcpassport.store.revocations import adopt, read_log

app = App(name="store", help="Backup and restore of the data folder, on the host.")


@app.command
def backup(*, out: Path, options: Options = DEFAULTS) -> None:
    """Copy records and audit into one file, while the deployment may be serving.

    The keys are not in it: `store backup-keys` copies them, to be kept apart.

    Parameters
    ----------
    out
        The new file.
    """
    _take("data", out, options)


@app.command
def backup_keys(*, out: Path, options: Options = DEFAULTS) -> None:
    """Copy the keys, each wrapped by the master key, into one file; keep it apart from the data.

    A key that is destroyed later lives on in this copy: delete old copies.

    Parameters
    ----------
    out
        The new file.
    """
    _take("keys", out, options)


def _take(kind: Literal["data", "keys"], out: Path, options: Options) -> None:
    manifest = take(_here(options).data_dir, kind, out, utc_now())
    facts = {
        "file": str(out),
        "kind": kind,
        "taken_at": manifest.taken_at.isoformat(),
        "files": {name: packed.sha256 for name, packed in manifest.files.items()},
    }
    tell_object(facts, json=options.json)


@app.command
def restore(
    archive: Path, *, into: Path, keys: Path | None = None, options: Options = DEFAULTS
) -> None:
    """Unpack a backup into an empty or new data folder; `store replay` must follow.

    Parameters
    ----------
    archive
        What `store backup` made.
    into
        The data folder to make.
    keys
        What `store backup-keys` made, as new as the backup or newer.
    """
    manifest = unpack([archive] if keys is None else [archive, keys], into)
    facts = {
        "restored": str(into),
        "taken_at": manifest.taken_at.isoformat(),
        "version": manifest.version,
        "keys": "restored" if keys else "missing",
    }
    next_step = "It does not serve yet: run `mcpassport store replay`."
    if keys is None:
        next_step = "Nothing can be opened without the keys: restore again with --keys FILE."
    tell_object(facts, json=options.json, then=next_step)


@app.command
async def replay(
    *,
    revocations: Path | None = None,
    accept_revived_grants: Flag = False,
    options: Options = DEFAULTS,
) -> None:
    """Do again what was revoked since the backup, so that the restored deployment may serve.

    Parameters
    ----------
    revocations
        The newest revocations.log of the deployment that was backed up.
    accept_revived_grants
        There is no log: suspend every MCP server instead, to be resumed one by one.
    """
    if (revocations is None) is not accept_revived_grants:
        raise UsageError("Give one of --revocations FILE and --accept-revived-grants.")
    settings = _here(options)
    mark = read_mark(settings.data_dir)
    if mark is None:
        raise UsageError(f"{settings.data_dir} is not a restored backup that awaits a replay.")
    done: dict[str, int] = {}
    if revocations is not None:
        content, lines = read_log(revocations, mark.log)
        async with open_services(settings) as services:
            done["replayed"] = await replay_all(services, lines)
        adopt(settings.data_dir, content)
    else:
        async with open_services(settings) as services:
            done["suspended"] = await suspend_all(services)
    (settings.data_dir / MARK_FILE).unlink()
    tell_object(done, json=options.json)


def _here(options: Options) -> Settings:
    if options.url:
        raise UsageError("The data folder is on the host of the deployment; leave --url out.")
    return local_settings(options.config)
