"""OpenAPI 3.1, 3.0 and Swagger 2.0 descriptions, read into the files of an integration.

`read` makes values of text, `documents` follows `$ref`s, the dialects (`openapi3`, `swagger2`) say
what is in a description in terms of `model`, `naming` and `mapping` turn that into resources,
methods and records, `write` makes text of it. What could not be mapped is a finding, never silence.
"""

from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

from msgspec import Struct

from mcpassport.errors import InvalidIntegration, Problem
from mcpassport.integrations.openapi.documents import Documents, Node
from mcpassport.integrations.openapi.mapping import Mapped, Wishes, build
from mcpassport.integrations.openapi.openapi3 import OpenApi3
from mcpassport.integrations.openapi.operations import Dialect, Source, read_api
from mcpassport.integrations.openapi.report import Report
from mcpassport.integrations.openapi.swagger2 import Swagger2
from mcpassport.integrations.openapi.write import to_yaml
from mcpassport.records.findings import Finding

DIALECTS: Final = MappingProxyType[str, Dialect](
    {"2.0": Swagger2(), "3.0": OpenApi3(), "3.1": OpenApi3(modern=True)}
)
"""The versions that can be read, by the first two numbers of `swagger` or `openapi`."""


class Imported(Struct, frozen=True):
    """The files of the new folder by relative path, and what they do not cover."""

    files: dict[str, str]
    unmapped: tuple[Finding, ...]
    methods: int


def import_openapi(
    path: Path, *, name: str | None, include: Sequence[str] = (), base_url: str | None = None
) -> Imported:
    """Read the description at `path` and write an integration.

    `include` keeps resources, or `resource.method`, by pattern; `base_url` replaces the described
    one (without a path of its own it takes the described path). Nothing is fetched, and nothing
    outside the description's folder is read. The same description always gives the same bytes.
    `InvalidIntegration` when it cannot be read, is of another version, or describes no method.
    """
    report = Report()
    documents = Documents(path, report)
    dialect = _dialect(documents.root)
    api = read_api(Source(documents, report, modern=dialect.modern), dialect)
    mapped = build(api, Wishes(name, include, base_url), report)
    methods = sum(map(len, mapped.records.values()))
    return Imported(_files(mapped, api.file), mapped.unmapped, methods)


def _dialect(root: Node) -> Dialect:
    said = root.mapping.get("openapi", root.mapping.get("swagger"))
    version = str(said)[:20] if isinstance(said, str | float | int) else ""
    known = DIALECTS.get(".".join(version.split(".")[:2]))
    if known is not None:
        return known
    message = (
        f"OpenAPI {version} is not in this version."
        if version
        else "It names no version: neither 'openapi' nor 'swagger' is at its top."
    )
    mend = "Use OpenAPI 3.1 or 3.0, or Swagger 2.0; most converters write 3.0."
    problem = Problem(f"{root.file}#", "openapi_version", message, mend)
    raise InvalidIntegration(f"{root.file}: {message} {mend}", problems=(problem,))


def _files(mapped: Mapped, file: str) -> dict[str, str]:
    note = f"Imported from {file[:200]!r}. Hand edits belong into overlay.yaml."
    files = {"integration.yaml": to_yaml(mapped.config, note=note)}
    for resource in sorted(mapped.records):
        files[f"docs/{resource}.yaml"] = to_yaml(mapped.records[resource], note=note)
    return files
