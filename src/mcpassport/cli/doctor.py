"""`mcpassport doctor`: is this deployment what its settings say it is?"""

import os
import stat
from collections.abc import Callable
from pathlib import Path

from mcpassport.app import open_services
from mcpassport.cli.diagnosis.finding import Diagnosis
from mcpassport.cli.diagnosis.machine import MACHINE
from mcpassport.cli.diagnosis.reach import REACH
from mcpassport.cli.options import DEFAULTS, Options
from mcpassport.cli.output import FOUND, OK, tell_rows
from mcpassport.errors import McpassportError, UsageError, envelope_of
from mcpassport.reference.facts import KEYS_PLACES
from mcpassport.settings import Settings, load
from mcpassport.stated import vendor_of
from mcpassport.store import keys_beside


def _data_folder(settings: Settings) -> Diagnosis:
    folder = settings.data_dir
    if folder.exists() and not folder.is_dir():
        return Diagnosis("data folder", "bad", f"{folder} is a file", "name a folder in data_dir")
    if not folder.is_dir() and settings.store_url is not None and folder.parent.is_dir():
        return Diagnosis("data folder", "good", f"{folder} is made for the revocation log")
    if not folder.is_dir():
        return Diagnosis("data folder", "bad", f"{folder} is missing", "run mcpassport init")
    if not os.access(folder, os.W_OK):
        return Diagnosis("data folder", "bad", f"{folder} is read-only", "give us write access")
    if _open_to_others(folder):
        return Diagnosis("data folder", "warn", f"{folder} is readable by others", "chmod 700")
    return Diagnosis("data folder", "good", str(folder))


def _master_key(settings: Settings) -> Diagnosis:
    if settings.master_key is not None:
        return Diagnosis("master key", "good", "from the environment")
    path = settings.master_key_file
    if not path.is_file():
        return Diagnosis("master key", "bad", f"{path} is missing", "restore it from its escrow")
    if _open_to_others(path):
        return Diagnosis("master key", "bad", f"{path} is readable by others", "chmod 600")
    if path.absolute().is_relative_to(settings.data_dir.absolute()):
        return Diagnosis(
            "master key", "bad", "it lies inside the data folder", "move it out: backups carry it"
        )
    return Diagnosis("master key", "good", str(path))


def _keys(settings: Settings) -> Diagnosis:
    place = keys_beside(settings.records_url, settings.keyring_url)
    if place == "schema":
        return Diagnosis(
            "keys",
            "warn",
            KEYS_PLACES[place],
            "leave the schema that ends in _keys out of dumps of the database, or set keys_url",
        )
    return Diagnosis("keys", "good", KEYS_PLACES[place])


def _private_hosts(settings: Settings) -> Diagnosis:
    if settings.private_hosts:
        return Diagnosis(
            "private hosts",
            "warn",
            ", ".join(settings.private_hosts),
            "upstream calls may reach these private addresses; the reference prints them",
        )
    return Diagnosis("private hosts", "good", "none: private networks are out of reach")


def _vendor(settings: Settings) -> Diagnosis:
    try:
        vendor_of(settings)
    except McpassportError as error:
        return Diagnosis("vendor file", "bad", envelope_of(error).message, "mend vendor_file")
    return Diagnosis("vendor file", "good", str(settings.vendor_file or "none: unbranded"))


CHECKS: tuple[Callable[[Settings], Diagnosis], ...] = (
    _data_folder,
    _master_key,
    _keys,
    *REACH,
    _private_hosts,
    _vendor,
    *MACHINE,
)


def _open_to_others(path: Path) -> bool:
    return bool(path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))


async def _store(settings: Settings) -> list[Diagnosis]:
    try:
        async with open_services(settings) as services:
            heads, _ = await services.versions.names(None, 200)
    except McpassportError as error:
        return [Diagnosis("store", "bad", envelope_of(error).message)]
    live = ", ".join(f"{head.name}@{head.version}" for head in heads)
    return [
        Diagnosis("store", "good", "opens, and the master key fits"),
        Diagnosis("integrations", "good", live)
        if heads
        else Diagnosis("integrations", "warn", "none", "mcpassport integration push FOLDER"),
    ]


async def doctor(*, options: Options = DEFAULTS) -> int:
    """Check settings, files, keys, how callers reach it, machine and store; exit code 1 if bad."""
    if options.url:
        raise UsageError("doctor looks at the deployment on this machine; leave --url out.")
    settings = load(options.config)
    found = [check(settings) for check in CHECKS]
    if all(item.verdict != "bad" for item in found):
        found += await _store(settings)
    rows = [item._asdict() for item in found]
    columns = {"what": "subject", "verdict": "verdict", "seen": "seen", "mend": "mend"}
    tell_rows("Deployment", columns, rows, "Nothing to check.", json=options.json)
    return FOUND if any(item.verdict == "bad" for item in found) else OK
