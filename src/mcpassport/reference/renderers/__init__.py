"""The formats: name -> what writes the document in it. A new format is one file and one line."""

from collections.abc import Callable
from typing import Final, TypeAlias

from mcpassport.reference.document import Document
from mcpassport.reference.renderers import canonical, markdown, page

Render: TypeAlias = Callable[[Document], bytes]

RENDERERS: Final[dict[str, Render]] = {
    "html": page.render,
    "md": markdown.render,
    "json": canonical.render,
}
