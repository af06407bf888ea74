"""`mcpassport reference`: build the published reference."""

from datetime import UTC, datetime
from pathlib import Path

import msgspec
from cyclopts import App

from mcpassport import __version__
from mcpassport.catalog.build import build as build_catalog
from mcpassport.cli.client import segment
from mcpassport.cli.integration import load_usable
from mcpassport.cli.options import DEFAULTS, Options
from mcpassport.cli.output import console, print_json
from mcpassport.errors import DataFolderError, UsageError
from mcpassport.reference.compose import compose
from mcpassport.reference.document import Document
from mcpassport.reference.inputs import Inputs
from mcpassport.reference.site import write
from mcpassport.reference.vendor import load_vendor
from mcpassport.settings import load
from mcpassport.stated import assurance_of, build_digest, facts_of, vendor_of

app = App(name="reference", help="The published reference of an integration.")


@app.command
async def build(
    source: str,
    *,
    out: Path,
    vendor: Path | None = None,
    at: datetime | None = None,
    evidence: Path | None = None,
    options: Options = DEFAULTS,
) -> None:
    """Write the reference as HTML, Markdown and JSON.

    The same input, settings and time give the same bytes.

    Parameters
    ----------
    source
        Name of a pushed integration, or an integration's folder (needs no running server).
    out
        Folder to write into.
    vendor
        vendor.yaml that brands the document; for a folder only.
    at
        Time to print as the time of generation, with zone; absent: now. For a folder only.
    evidence
        evidence.json of `evidence run`, which the grades come from; for a folder only.
    """
    folder = Path(source)
    if folder.is_dir():
        document = from_folder(folder, vendor, at, options, evidence)
    elif vendor or at or evidence:
        raise UsageError(
            "--vendor, --at and --evidence go with a folder; a deployment has its own."
        )
    else:
        document = await _from_deployment(source, options)
    try:
        files = write(document, out)
    except OSError as error:
        raise DataFolderError(f"{out} cannot be written: {error.strerror}.") from None
    if options.json:
        print_json([str(file) for file in files])
        return
    for file in files:
        console.print(str(file))


def from_folder(
    folder: Path,
    vendor: Path | None,
    at: datetime | None,
    options: Options,
    evidence: Path | None = None,
) -> Document:
    """The document of a folder, with the facts of the settings found here or the defaults."""
    integration = load_usable(folder).integration
    assert integration is not None
    moment = at or datetime.now(UTC)
    if moment.tzinfo is None:
        raise UsageError("--at has no zone; write 2030-01-31T12:00:00Z.")
    settings = load(options.config)
    if evidence:
        settings = settings.model_copy(update={"evidence_file": evidence})
    catalog = build_catalog(integration)
    assurance = assurance_of(settings, build_digest())
    return compose(
        Inputs(
            facts=facts_of(settings),
            integration=integration,
            catalog=catalog,
            vendor=load_vendor(vendor) if vendor else vendor_of(settings),
            generated_at=moment,
            build=__version__,
            known=assurance.known(catalog.digest.hex(), moment),
        )
    )


async def _from_deployment(name: str, options: Options) -> Document:
    async with options.api() as api:
        document = await api.call("GET", f"/reference/{segment(name)}/current.json")
    return msgspec.convert(document, Document)
