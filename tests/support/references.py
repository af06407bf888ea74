"""Documents of the reference to look at: real descriptions, large catalogs, hostile text."""

from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.support.descriptions import FIXTURES

from mcpassport.catalog.build import build
from mcpassport.cli.openapi import write as write_folder
from mcpassport.integrations.load import load_folder
from mcpassport.integrations.openapi import import_openapi
from mcpassport.records.integration import (
    Annotations,
    Authorization,
    Credential,
    Integration,
    Method,
    Pagination,
    Resource,
)
from mcpassport.records.tool import Catalog, Route, Tool
from mcpassport.reference.compose import compose
from mcpassport.reference.document import Document
from mcpassport.reference.facts import Facts
from mcpassport.reference.inputs import Inputs
from mcpassport.reference.site import write
from mcpassport.reference.vendor import Statements, Vendor

NOTES = FIXTURES.parent / "integrations" / "notes"
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
VENDOR = Vendor(
    name="Example Software",
    product="Example for agents",
    footer="Example Software GmbH, Berlin",
    statements=Statements(
        sub_processors="Hosting Example GmbH, Frankfurt", data_residency="European Union"
    ),
)


def of_folder(folder: Path, **changes: Any) -> Document:
    """The document of `inputs_of` that folder."""
    return compose(inputs_of(folder, **changes))


def inputs_of(folder: Path, **changes: Any) -> Inputs:
    """What the document of a folder is made of: a made-up deployment, a fixed time.

    `changes` replace fields.
    """
    integration = load_folder(folder).integration
    assert integration is not None
    given: dict[str, Any] = {
        "facts": Facts(public_url="https://mcp.example.com", environment="production"),
        "integration": integration,
        "catalog": build(integration),
        "vendor": VENDOR,
        "generated_at": AT,
        "build": "0.1.0",
        **changes,
    }
    return Inputs(**given)


def of_description(name: str) -> Document:
    """The document of an API description of `tests/fixtures/openapi`."""
    with TemporaryDirectory() as place:
        folder = Path(place) / "api"
        write_folder(import_openapi(FIXTURES / name, name=None), folder)
        return of_folder(folder)


def intercom() -> Document:
    """A real API of middling size, with long descriptions and nested schemas."""
    return of_description("intercom-2.14-reduced.yaml")


def built(document: Document, folder: Path) -> str:
    """The address of the document's page in that folder, written there in every format."""
    write(document, folder)
    return (folder / "index.html").resolve().as_uri()


def tool(name: str, schema: dict[str, Any], description: str) -> Tool:
    """A tool of a list method with that input schema and description."""
    method = Method(
        resource="things",
        method="list",
        http="GET",
        base_url="https://api.example.com",
        path=f"/{name}",
        authorization=Authorization(kind="bearer"),
        pagination=Pagination(kind="none"),
        annotations=Annotations(read_only=True, destructive=False, idempotent=True),
    )
    return Tool(
        name=name,
        title=f"Title of {name}",
        description=description,
        input_schema=schema,
        annotations=method.annotations,
        tags=("things",),
        scopes=(),
        routes=tuple(Route(each, "query", each) for each in schema.get("properties", {})),
        method=method,
        visible=sha256(name.encode()).digest(),
        wiring=sha256(name.encode()[::-1]).digest(),
    )


def of_tools(tools: tuple[Tool, ...], *, label: str = "Shop", description: str = "") -> Document:
    """The document of a catalog made by hand: whatever stands in it, no loader saw it."""
    integration = Integration(
        name="shop",
        label=label,
        description=description,
        base_url="https://api.example.com",
        allowed_hosts=(),
        credentials=(Credential(kind="bearer", fields=()),),
        authorization=Authorization(kind="bearer"),
        resources=(Resource(name="things", label="Things", singular="thing"),),
        methods=tuple(each.method for each in tools),
        documentation=(),
        digest="ab" * 32,
        version=1,
    )
    catalog = Catalog(
        integration="shop", label=label, version=1, tools=tools, dropped=(), digest=bytes(32)
    )
    return compose(
        Inputs(
            facts=Facts(public_url="https://mcp.example.com"),
            integration=integration,
            catalog=catalog,
            vendor=VENDOR,
            generated_at=AT,
            build="0.1.0",
        )
    )
