"""`mcpassport store migrate`: records, audit trail and keys from one engine to another."""

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Final

from cyclopts import Parameter

from mcpassport.app import utc_now
from mcpassport.audit.whole import broken_at
from mcpassport.cli.client import local_settings
from mcpassport.cli.options import DEFAULTS, Flag, Options
from mcpassport.cli.output import (
    FOUND,
    OK,
    console,
    errors,
    print_facts,
    print_json,
    print_table,
    showing,
)
from mcpassport.errors import UsageError
from mcpassport.settings import Settings
from mcpassport.store import folder_of, open_audit, open_keyring, open_store, scheme_of
from mcpassport.store.copies.layout import DATA
from mcpassport.store.copies.migrate import Plan, Report, look
from mcpassport.store.copies.migrate import migrate as move
from mcpassport.store.copies.sides import opened
from mcpassport.store.linefile import adopt, lines_of
from mcpassport.store.master import master_keys
from mcpassport.store.revocations import REVOCATIONS_FILE
from mcpassport.store.trouble import os_data_folder_error

_LAPSE_S: Final = 15.0
"""A process that was stopped is known to be gone by then."""


@Parameter(name="*")
@dataclass(frozen=True)
class Places:
    """Where everything is, and where it goes."""

    to: Annotated[
        str, Parameter(help="store URL of the target: sqlite:////folder or postgresql://…")
    ]
    source: Annotated[
        str | None, Parameter(name="--from", help="store URL of the source; absent: the settings'")
    ] = None
    keys_from: Annotated[
        str | None, Parameter(help="URL of the keys; absent: beside --from, or the settings'")
    ] = None
    keys_to: Annotated[str | None, Parameter(help="URL where the keys go; absent: beside --to")] = (
        None
    )

    def plan(self, settings: Settings) -> Plan:
        """The four URLs. Keys that `keys_url` keeps apart from the records stay where they are."""
        keys = self.keys_from or self.source or settings.keyring_url
        stay = settings.keys_url is not None and keys == settings.keyring_url
        keys_to = self.keys_to or (keys if stay else self.to)
        return Plan(self.source or settings.records_url, self.to, keys, keys_to)


async def migrate(
    places: Places, *, dry_run: Flag = False, restart: Flag = False, options: Options = DEFAULTS
) -> int:
    """Copy everything to another engine, compare both, and verify every audit chain.

    Stop `serve` first. The source stays as it is; nothing serves the target before the copy is
    complete. Run again after an interruption, and it goes on. A password need not be in the URL:
    the driver reads PGPASSFILE and PGPASSWORD. Exit code 1: a dry run found what would refuse it,
    or a chain was broken in the source already.

    Parameters
    ----------
    places
        Where everything is, and where it goes.
    dry_run
        Count, and say what would refuse the migration; change nothing.
    restart
        Remove what an interrupted migration has brought, and begin anew.
    """
    if options.url:
        raise UsageError("What is stored is on the host of the deployment; leave --url out.")
    settings = local_settings(options.config)
    plan = places.plan(settings)
    await _check_keys(plan.keys_source, plan.source, settings)
    if dry_run:
        with showing("looking") as told:
            report = await look(plan, utc_now(), told)
        return _print(report, [], "dry run", options)
    await _until_stopped(plan)
    broken: list[dict[str, Any]] = []

    async def checked(chains: Sequence[str]) -> None:
        broken.extend(await _broken(plan, chains))
        await _check_keys(plan.keys_target, plan.target, settings)

    with showing("migrating") as told:
        report = await move(plan, utc_now(), told, checked, restart=restart)
    _take_log_along(plan, settings)
    return _print(report, broken, "migrated", options)


async def _check_keys(url: str, records: str, settings: Settings) -> None:
    """`DataFolderError` unless the master key fits the keys of those records."""
    master, previous = master_keys(settings)
    store = open_store(records)
    try:
        keys = await open_keyring(
            url, master, store, clock=utc_now, random=secrets.token_bytes, previous=previous
        )
        await keys.close()
    finally:
        await store.close()


async def _until_stopped(plan: Plan) -> None:
    """Wait for the leases of processes that were stopped a moment ago."""
    async with opened(plan.source, DATA, "read") as side:
        until = await side.served_until()
    now = utc_now()
    if until is not None and now < until < now + timedelta(seconds=_LAPSE_S):
        errors.print(f"Waiting until {until:%H:%M:%S} UTC, to see that no process serves it.")
        await asyncio.sleep((until - now).total_seconds() + 0.1)


async def _broken(plan: Plan, chains: Sequence[str]) -> list[dict[str, Any]]:
    """The chains that are not whole: the copy is exact, so the source's are not either."""
    audit = open_audit(plan.target)
    try:
        found = [(chain, await broken_at(audit, chain)) for chain in chains]
    finally:
        await audit.close()
    return [
        {"chain": chain, "row": broken.sequence, "reason": broken.reason}
        for chain, broken in found
        if broken is not None
    ]


def _take_log_along(plan: Plan, settings: Settings) -> None:
    """The revocation log goes on in the data folder of the target."""
    here, there = (
        (folder_of(url) if scheme_of(url) == "sqlite" else settings.data_dir) / REVOCATIONS_FILE
        for url in (plan.source, plan.target)
    )
    if here.absolute() == there.absolute() or not here.exists():
        return
    try:
        adopt(there, lines_of(here))
    except OSError as error:
        raise os_data_folder_error(there, error) from None


def _print(report: Report, broken: list[dict[str, Any]], what: str, options: Options) -> int:
    facts = {
        what: report.source,
        "to": report.target,
        "rows": sum(report.rows.values()),
        "resumed": report.resumed,
    }
    if options.json:
        print_json(
            facts | {"tables": report.rows, "refused": report.refusals, "broken_chains": broken}
        )
    else:
        print_facts(facts)
        rows = [{"table": name, "rows": count} for name, count in report.rows.items()]
        print_table("Tables", {"table": "table", "rows": "rows"}, rows, "Nothing.")
        for refusal in report.refusals:
            errors.print(f"Would be refused: {refusal}", markup=False)
        for chain in broken:
            errors.print(
                f"Audit chain {chain['chain'] or 'of the deployment'} is broken at row "
                f"{chain['row']}, in the source too: {chain['reason']}",
                markup=False,
            )
        if what == "migrated":
            console.print("Now set store_url (and keys_url) to the target, and start it.")
    return FOUND if report.refusals or broken else OK
