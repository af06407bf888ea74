"""The document as files: one per format, its JSON Schema, and an index for machines."""

from pathlib import Path
from typing import Final

import msgspec

from mcpassport.reference.document import Document
from mcpassport.reference.prose import show
from mcpassport.reference.renderers import RENDERERS
from mcpassport.reference.schema import document_schema

FILES: Final = {"html": "index.html", "md": "reference.md", "json": "reference.json"}
SCHEMA_FILE: Final = "reference.schema.json"
LLMS_FILE: Final = "llms.txt"


def write(document: Document, out: Path) -> list[Path]:
    """Writes every format into the folder `out`, which is made if absent; the files written.

    The same document gives the same bytes. Raises `OSError` if a file cannot be written.
    """
    out.mkdir(parents=True, exist_ok=True)
    contents = {FILES[name]: render(document) for name, render in RENDERERS.items()}
    contents[SCHEMA_FILE] = schema_bytes()
    contents[LLMS_FILE] = llms_text(document).encode()
    written = []
    for name, content in contents.items():
        path = out / name
        path.write_bytes(content)
        written.append(path)
    return written


def schema_bytes() -> bytes:
    """The JSON Schema of `reference.json`, as a file."""
    return msgspec.json.format(msgspec.json.encode(document_schema()), indent=2) + b"\n"


def llms_text(document: Document) -> str:
    """`llms.txt`: where a language model finds the document, in a few lines."""
    label = show(document.integration_label).replace("\n", " ")
    lines = [
        f"# {label}: MCP security reference",
        "",
        (
            f"> How AI agents reach {label} over MCP: scopes, authentication, data handling, "
            f"limits, and the schemas of {document.tool_count} tools. Status: {document.version}."
        ),
        "",
        "## Document",
        "",
        f"- [{FILES['md']}]({FILES['md']}): the whole document as Markdown",
        f"- [{FILES['json']}]({FILES['json']}): the document as data",
        f"- [{SCHEMA_FILE}]({SCHEMA_FILE}): JSON Schema of the data",
        "",
        "## Sections",
        "",
        *(f"- [{each.heading}]({FILES['md']}#{each.anchor})" for each in document.sections),
    ]
    return "\n".join(lines) + "\n"
