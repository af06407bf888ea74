"""The formats: suffix -> file, media type, and what writes the document in it.

A new format is one file and one line. The first three hold the whole document.
"""

from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

from mcpassport.reference.data import encoded
from mcpassport.reference.document import Document
from mcpassport.reference.renderers import (
    markdown,
    models,
    page,
    published,
    registry,
    sheet,
)

Render: TypeAlias = Callable[[Document], bytes]


class Format(NamedTuple):
    """Its name in a folder, its media type, and its renderer."""

    file: str
    media_type: str
    render: Render


FORMATS: Final[dict[str, Format]] = {
    "html": Format("index.html", "text/html; charset=utf-8", page.render),
    "md": Format("reference.md", "text/markdown; charset=utf-8", markdown.render),
    "json": Format("reference.json", "application/json", encoded),
    "schema.json": Format(
        "reference.schema.json", "application/schema+json", lambda _document: published.render()
    ),
    "csv": Format("catalog.csv", "text/csv; charset=utf-8", sheet.render),
    "server.json": Format("server.json", "application/json", registry.render),
    "llms.txt": Format("llms.txt", "text/plain; charset=utf-8", models.render),
}
RENDERERS: Final[dict[str, Render]] = {
    name: FORMATS[name].render for name in ("html", "md", "json")
}
"""The renderings of the whole document."""
