"""`llms.txt`: where a language model finds the document, in a few lines.

Its links are the names that the files have beside it, in a folder and when served.
"""

from typing import Final

from mcpassport.reference.document import Document
from mcpassport.reference.prose import show

_BESIDE: Final = {
    "reference.md": "the whole document as Markdown",
    "reference.json": "the document as data",
    "reference.schema.json": "JSON Schema of the data",
    "catalog.csv": "the tools as a table",
    "server.json": "the entry for an MCP registry",
}


def render(document: Document) -> bytes:
    """The file as UTF-8 text."""
    label = " ".join(show(document.integration_label).split())
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
        *(f"- [{name}]({name}): {text}" for name, text in _BESIDE.items()),
        "",
        "## Sections",
        "",
        *(f"- [{each.heading}](reference.md#{each.anchor})" for each in document.sections),
    ]
    return ("\n".join(lines) + "\n").encode()
