"""Short ways to write nodes, so that a section reads like its page."""

import re
from collections.abc import Iterable
from importlib.resources import files
from typing import Literal

from mcpassport.reference.document import (
    Callout,
    Code,
    Column,
    Definition,
    DefinitionList,
    Paragraph,
    Subheading,
    Table,
)
from mcpassport.reference.slugs import slug


def prose(text: str) -> Paragraph:
    """A paragraph of our own words."""
    return Paragraph(text=text)


def verbatim(text: str) -> Paragraph:
    """A paragraph of other people's words."""
    return Paragraph(text=text, verbatim=True)


def subheading(text: str) -> Subheading:
    """A sub-heading; its anchor is its slug."""
    return Subheading(anchor=slug(text), text=text)


def table(title: str, columns: Iterable[str], rows: Iterable[tuple[str, ...]]) -> Table:
    """A table; a column whose title ends in `*` is literal."""
    heads = tuple(Column(title=name.rstrip("*"), literal=name.endswith("*")) for name in columns)
    return Table(title=title, columns=heads, rows=tuple(rows))


def definitions(items: Iterable[tuple[str, str]]) -> DefinitionList:
    """Terms and meanings in prose."""
    return DefinitionList(items=tuple(Definition(term=term, text=text) for term, text in items))


def stated(items: Iterable[tuple[str, str]]) -> DefinitionList:
    """The vendor's own words, verbatim; an empty one is said to be missing."""
    return DefinitionList(
        items=tuple(
            Definition(term=term, text=text, verbatim=True, grade="stated")
            if text
            else Definition(term=term, text="Not stated.", grade="not verified")
            for term, text in items
        )
    )


def code(title: str, language: str, text: str, tried: str = "") -> Code:
    """A block to copy; `tried` in prose, how it is known to work."""
    return Code(title=title, language=language, text=text.strip("\n"), tried=tried)


def callout(text: str, kind: Literal["note", "warning"] = "note") -> Callout:
    """A remark that must not be overlooked."""
    return Callout(kind=kind, text=text)


def sample(name: str) -> str:
    """A program of `samples`, without the remarks to our own linter."""
    text = files("mcpassport.reference.samples").joinpath(name).read_text("utf-8")
    return re.sub(r"(?m)  [#] noqa: .*$", "", text)
