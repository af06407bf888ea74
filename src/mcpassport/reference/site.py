"""The document as files: one per format, and a folder of several for the vendor's own site."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from mcpassport.reference.document import Document
from mcpassport.reference.renderers import FORMATS
from mcpassport.reference.shelf import BESIDE, Entry, shelf_page, shelf_text

INDEX: Final = "index.html"
LLMS: Final = "llms.txt"


def write(document: Document, out: Path) -> list[Path]:
    """Writes every format into the folder `out`, which is made if absent; the files written.

    The same document gives the same bytes. Raises `OSError` if a file cannot be written.
    """
    out.mkdir(parents=True, exist_ok=True)
    contents = {out / each.file: each.render(document) for each in FORMATS.values()}
    for path, content in contents.items():
        path.write_bytes(content)
    return list(contents)


def write_site(documents: Sequence[Document], out: Path) -> list[Path]:
    """A folder to publish as it is: an index, and a folder of every format per integration.

    It needs no server of ours and no rewriting: every link is relative. The index is branded as the
    first document is, and there must be one.
    """
    branding = documents[0].branding
    written = [path for each in documents for path in write(each, out / each.integration)]
    entries = [
        Entry(each.integration, each.integration_label, each.integration_version)
        for each in documents
    ]
    out.mkdir(parents=True, exist_ok=True)
    for name, content in (
        (INDEX, shelf_page(entries, branding, BESIDE)),
        (LLMS, shelf_text(entries, branding, BESIDE)),
    ):
        (out / name).write_bytes(content)
        written.append(out / name)
    return written
