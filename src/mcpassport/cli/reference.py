"""`mcpassport reference`: build the published reference, of one integration or as a whole site."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import msgspec
from cyclopts import App, Parameter

from mcpassport import __version__
from mcpassport.catalog.build import build as build_catalog
from mcpassport.cli.client import Api, segment
from mcpassport.cli.integration import load_usable
from mcpassport.cli.options import DEFAULTS, Options
from mcpassport.cli.output import console, print_json, showing
from mcpassport.cli.printing import find_browser, print_pdf
from mcpassport.errors import DataFolderError, UsageError
from mcpassport.reference.compose import compose
from mcpassport.reference.document import Document
from mcpassport.reference.inputs import Inputs
from mcpassport.reference.renderers import FORMATS
from mcpassport.reference.site import write, write_site
from mcpassport.reference.vendor import load_vendor
from mcpassport.settings import load
from mcpassport.stated import assurance_of, build_digest, facts_of, vendor_of

app = App(name="reference", help="The published reference of an integration.")
PDF: Final = "reference.pdf"


@Parameter(name="*")
@dataclass(frozen=True)
class FromFolder:
    """What the document of a folder is made with; a deployment has its own."""

    vendor: Annotated[
        Path | None, Parameter(help="vendor.yaml that brands the document; for a folder only")
    ] = None
    at: Annotated[
        datetime | None,
        Parameter(help="time of generation to print, with zone; absent: now. For a folder only"),
    ] = None
    evidence: Annotated[
        Path | None, Parameter(help="evidence.json that grades come from; for a folder only")
    ] = None

    @property
    def given(self) -> bool:
        """Whether any of it was said."""
        return any((self.vendor, self.at, self.evidence))


NOTHING_SAID: Final = FromFolder()


@Parameter(name="*")
@dataclass(frozen=True)
class Printing:
    """Whether to make a PDF too, and with what."""

    pdf: Annotated[
        bool, Parameter(negative="", help="also write reference.pdf, with a Chromium found here")
    ] = False
    browser: Annotated[
        Path | None, Parameter(help="the Chromium to print with; absent: looked for")
    ] = None


NOT_PRINTED: Final = Printing()


@app.command
async def build(
    source: str,
    *,
    out: Path,
    folder: FromFolder = NOTHING_SAID,
    printing: Printing = NOT_PRINTED,
    options: Options = DEFAULTS,
) -> None:
    """Write the reference as page, Markdown, JSON, CSV, registry entry and llms.txt.

    The same input, settings and time give the same bytes, but for the PDF.

    Parameters
    ----------
    source
        Name of a pushed integration, or an integration's folder (needs no running server).
    out
        Folder to write into.
    """
    browser = find_browser(printing.browser) if printing.pdf else ""
    document = (await _documents([source], folder, options))[0]
    files = _written(lambda: write(document, out), out)
    if browser:
        with showing("printing"):
            print_pdf(out / FORMATS["html"].file, out / PDF, browser)
        files.append(out / PDF)
    _tell(files, options)


@app.command
async def site(
    sources: list[str] | None = None,
    /,
    *,
    out: Path,
    folder: FromFolder = NOTHING_SAID,
    options: Options = DEFAULTS,
) -> None:
    """Write a folder to publish as it is: an index, and every reference in every format.

    Parameters
    ----------
    sources
        Names of pushed integrations, or folders of integrations; absent: every pushed one.
    out
        Folder to write into.
    """
    documents = await _documents(sources or [], folder, options)
    if not documents:
        raise UsageError("There is no integration yet; push one, or name folders.")
    _tell(_written(lambda: write_site(documents, out), out), options)


def _written(write_files: Callable[[], list[Path]], out: Path) -> list[Path]:
    try:
        return write_files()
    except OSError as error:
        raise DataFolderError(f"{out} cannot be written: {error.strerror}.") from None


def _tell(files: Sequence[Path], options: Options) -> None:
    if options.json:
        print_json([str(file) for file in files])
        return
    for file in files:
        console.print(str(file))


async def _documents(
    sources: Sequence[str], folder: FromFolder, options: Options
) -> list[Document]:
    """The document of each source; of every pushed integration where none is named."""
    if sources and all(Path(source).is_dir() for source in sources):
        return [from_folder(Path(source), folder, options) for source in sources]
    if folder.given:
        raise UsageError(
            "--vendor, --at and --evidence go with a folder; a deployment has its own."
        )
    async with options.api() as api:
        names = sources or [each["name"] for each in await api.pages("/integration")]
        return [await _from_deployment(name, api) for name in names]


def from_folder(path: Path, folder: FromFolder, options: Options) -> Document:
    """The document of a folder, with the facts of the settings found here or the defaults."""
    integration = load_usable(path).integration
    assert integration is not None
    moment = folder.at or datetime.now(UTC)
    if moment.tzinfo is None:
        raise UsageError("--at has no zone; write 2030-01-31T12:00:00Z.")
    settings = load(options.config)
    if folder.evidence:
        settings = settings.model_copy(update={"evidence_file": folder.evidence})
    catalog = build_catalog(integration)
    assurance = assurance_of(settings, build_digest())
    return compose(
        Inputs(
            facts=facts_of(settings),
            integration=integration,
            catalog=catalog,
            vendor=load_vendor(folder.vendor) if folder.vendor else vendor_of(settings),
            generated_at=moment,
            build=__version__,
            known=assurance.known(catalog.digest.hex(), moment),
        )
    )


async def _from_deployment(name: str, api: Api) -> Document:
    document = await api.call("GET", f"/reference/{segment(name)}/current.json")
    return msgspec.convert(document, Document)
