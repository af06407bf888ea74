"""`mcpassport integration import-openapi`: an API description becomes an integration folder."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from yarl import URL

from mcpassport import __version__
from mcpassport.cli.client import host_and_port
from mcpassport.cli.options import DEFAULTS, Options, Repeated
from mcpassport.cli.output import console, print_json, print_table
from mcpassport.errors import UpstreamError, UsageError, envelope_of
from mcpassport.http import HttpClient
from mcpassport.integrations.openapi import Imported
from mcpassport.integrations.openapi import import_openapi as read_description
from mcpassport.limits import Limits
from mcpassport.records.calls import OutboundRequest

DESCRIPTION_MAX_BYTES = 64 * 1024 * 1024
HTTP_OK = 200
OVERLAY = "overlay.yaml"


async def import_openapi(
    spec: str,
    *,
    out: Path,
    name: str | None = None,
    include: Repeated = None,
    base_url: str | None = None,
    options: Options = DEFAULTS,
) -> None:
    """Write an integration folder from OpenAPI 3.0 or Swagger 2.0, and say what was not mapped.

    Importing again gives the same files; an overlay.yaml in the folder is never touched.

    Parameters
    ----------
    spec
        File, or http(s) address, of the description (JSON or YAML).
    out
        Folder to write.
    name
        The integration's name; absent: from the description's title.
    include
        Only this resource, or RESOURCE.METHOD, by pattern such as contact*; repeat it.
    base_url
        Where the API lives, when the description does not say or says it wrong.
    """
    imported = await read(spec, name=name, include=include or (), base_url=base_url)
    write(imported, out)
    if options.json:
        print_json(
            {
                "out": str(out),
                "files": sorted(imported.files),
                "methods": imported.methods,
                "unmapped": msgspec.to_builtins(imported.unmapped),
            }
        )
        return
    rows = [msgspec.structs.asdict(finding) for finding in imported.unmapped]
    columns = {"where": "where", "rule": "rule", "what": "message", "mend": "mend"}
    print_table("Not mapped", columns, rows, "Everything was mapped.")
    console.print(f"{imported.methods} methods in {out}")
    console.print(f"Next: mcpassport integration check {out}")


async def read(
    spec: str, *, name: str | None, include: Sequence[str], base_url: str | None
) -> Imported:
    """Import a description from a file or an address."""
    if not spec.lower().startswith(("http://", "https://")):
        return read_description(Path(spec), name=name, include=include, base_url=base_url)
    with TemporaryDirectory() as folder:
        suffix = ".yaml" if spec.endswith((".yaml", ".yml")) else ".json"
        file = Path(folder) / f"description{suffix}"
        file.write_bytes(await _fetch(spec))
        return read_description(file, name=name, include=include, base_url=base_url)


def write(imported: Imported, out: Path) -> None:
    """Write the folder; files of an earlier import that are gone now are removed."""
    try:
        (out / "docs").mkdir(parents=True, exist_ok=True)
        for old in (out / "docs").glob("*.yaml"):
            if f"docs/{old.name}" not in imported.files:
                old.unlink()
        for name, text in imported.files.items():
            (out / name).write_text(text)
    except OSError as error:
        raise UsageError(f"{out} cannot be written: {error.strerror}.") from None


async def _fetch(address: str) -> bytes:
    try:
        url = URL(address)
    except ValueError:
        url = URL()
    if not url.host:
        raise UsageError(f"{address} is not an http(s) address.")
    http = HttpClient(
        limits=Limits(),
        private_hosts=(host_and_port(url),),
        user_agent=f"mcpassport-cli/{__version__}",
    )
    try:
        response = await http.send(
            OutboundRequest(method="GET", url=address, max_body=DESCRIPTION_MAX_BYTES)
        )
    except UpstreamError as error:
        raise UsageError(f"{address}: {envelope_of(error).message}") from None
    finally:
        await http.close()
    if response.status != HTTP_OK:
        raise UsageError(f"{address} answered HTTP {response.status}.")
    return response.body
