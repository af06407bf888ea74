"""The fenced blocks of the pages, and the folder that the page on integrations describes."""

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
_FENCE = re.compile(r"^```([^\n`]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A fenced block: its page, the line it begins on, its language, its mark, its text."""

    page: str
    line: int
    language: str
    mark: str
    text: str

    @property
    def name(self) -> str:
        """What a test is called after."""
        return f"{self.page}:{self.line}"


def blocks(page: Path) -> list[Block]:
    """Every fenced block of a page, in order."""
    text = page.read_text()
    found = []
    for match in _FENCE.finditer(text):
        language, _, mark = match.group(1).strip().partition(" ")
        line = text.count("\n", 0, match.start()) + 1
        found.append(Block(page.name, line, language, mark, match.group(2)))
    return found


def marked(page: str, mark: str) -> list[Block]:
    """The blocks of a page of `docs/` that carry this mark."""
    return [block for block in blocks(DOCS / page) if block.mark == mark]


def write_acme(folder: Path) -> None:
    """The folder `acme` and the description `orders.yaml` of the page on integrations."""
    for name in ("docs", "examples"):
        (folder / "acme" / name).mkdir(parents=True)
    for file, mark in (
        ("acme/integration.yaml", "integration"),
        ("acme/docs/contacts.yaml", "docs"),
        ("acme/examples/contacts.yaml", "examples"),
        ("orders.yaml", "openapi"),
    ):
        (only,) = marked("integrations.md", mark)
        (folder / file).write_text(only.text)
