"""`mcpassport reference publish`, `keygen`: releases are made and signed where the key is."""

import secrets
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from msgspec.structs import replace
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from mcpassport import __version__
from mcpassport.app import open_services, os_principal, utc_now
from mcpassport.cli.client import local_settings
from mcpassport.cli.options import DEFAULTS, Flag, Options
from mcpassport.cli.output import FOUND, OK, console, errors, print_json, print_table, tell_object
from mcpassport.edge.api.services import Services
from mcpassport.errors import NoSuchObject, UsageError
from mcpassport.evidence.publish import Draft, Evidenced, described, moment_of, signed, store
from mcpassport.evidence.runner import Plan, run
from mcpassport.records.evidence import Result
from mcpassport.records.release import Release
from mcpassport.reference.inputs import Inputs
from mcpassport.reference.releases import Releases
from mcpassport.reference.signing.key import ReleaseKey, load_key, write_key
from mcpassport.settings import named_variable
from mcpassport.stated import assurance_of, build_digest, facts_of, vendor_of

_REMOTE = (
    "A release is signed where its key is, and the release key never reaches a serving process: "
    "run publish on the publisher's machine, with --config and without --url."
)
PassphraseFrom = Annotated[
    str, Parameter(help="name of the environment variable that holds the key's passphrase")
]


def keygen(file: Path, *, passphrase_env: PassphraseFrom = "", options: Options = DEFAULTS) -> None:
    """Make the release key, in a file that only you may read, and print its fingerprint.

    Tell your customers the fingerprint elsewhere than on the page: in the contract, in DNS.

    Parameters
    ----------
    file
        Where the private key goes; nothing may be there yet.
    """
    key = write_key(file, _passphrase(passphrase_env))
    told = "Give --key this file to `reference publish`; give the fingerprint to your customers."
    tell_object({"file": str(file), "fingerprint": key.fingerprint}, json=options.json, then=told)


async def publish(
    name: str,
    *,
    key: Path,
    passphrase_env: PassphraseFrom = "",
    profile: Literal["quick", "full"] = "full",
    dry_run: Flag = False,
    options: Options = DEFAULTS,
) -> int:
    """Build the reference, run the checks, sign, and publish it as the newest release.

    A version that waits for its release goes live with it. Exit code 1 if a check failed: then
    nothing is published.

    Parameters
    ----------
    name
        The integration.
    key
        The release key's file; `reference keygen` makes one.
    profile
        Which checks to run: full, or quick (without those that kill processes).
    dry_run
        Say which number the release would get, and why, and publish nothing.
    """
    if options.url:
        raise UsageError(_REMOTE)
    signer, settings = load_key(key, _passphrase(passphrase_env)), local_settings(options.config)
    async with open_services(settings) as services:
        releases = Releases(services.store, services.versions)
        draft = await _draft(services, releases, name)
        plan = Plan(draft.integration, profile, config=options.config)
        ready = await _checked(draft, plan, services, signer)
        if ready.failed:
            errors.print(f"Nothing was published: failed checks of {', '.join(ready.failed)}.")
            return FOUND
        bundle = signed(ready, signer, os_principal())
        if not dry_run:
            await store(bundle, releases, os_principal(), utc_now, secrets.token_bytes)
            await services.audit.move_outbox()
    _tell(bundle.release, dry_run=dry_run, json=options.json, root=settings.public_url)
    return OK


async def _draft(services: Services, releases: Releases, name: str) -> Draft:
    """The version that waits for its release, else the live one."""
    versions = services.versions
    head = await versions.held(name) or await versions.head(name)
    if head is None:
        raise NoSuchObject(f"No integration {name!r}; `mcpassport integration list` lists them.")
    integration, history = await versions.integration(head), tuple(await releases.all(name))
    inputs = Inputs(
        facts=facts_of(services.settings),
        integration=integration,
        catalog=await versions.catalog(head),
        vendor=vendor_of(services.settings),
        generated_at=moment_of(services.clock),
        build=__version__,
    )
    previous = await releases.file(history[-1], "reference.json") if history else b""
    return Draft(integration, inputs, history, previous)


async def _checked(draft: Draft, plan: Plan, services: Services, key: ReleaseKey) -> Evidenced:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    assurance = assurance_of(services.settings, build_digest())
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as bar:
        task = bar.add_task("starting", total=len(plan.claims()))

        def progress(claim: str, result: Result | None) -> None:
            bar.update(task, description=claim, advance=0 if result is None else 1)

        evidence = await run(plan, progress)
    known = replace(assurance, evidence=evidence)
    return described(draft, known, key.fingerprint, moment_of(services.clock))


def _tell(release: Release, *, dry_run: bool, json: bool, root: str) -> None:
    if json:
        print_json({"dry_run": dry_run, "release": release})
        return
    columns = {"Level": "level", "Of": "subject", "Name": "name", "Change": "text"}
    rows = [
        {"level": each.level, "subject": each.subject, "name": each.name, "text": each.text}
        for each in release.changes
    ]
    empty = "The first release." if release.ordinal == 1 else "Nothing changed but the evidence."
    print_table(f"{release.integration} {release.number}", columns, rows, empty)
    grades = ", ".join(f"{count} {grade}" for grade, count in release.grades.items())
    console.print(f"Claims: {grades}. Signed with the key {release.key}.")
    if dry_run:
        console.print("A dry run: nothing was published.")
    else:
        console.print(f"Published at {root}/reference/{release.integration}/{release.number}")


def _passphrase(variable: str) -> str:
    if not variable:
        return ""
    found = named_variable(variable)
    if not found:
        raise UsageError(f"--passphrase-env names {variable}, which is not set.")
    return found
