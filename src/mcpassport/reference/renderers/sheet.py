"""`catalog.csv`: a row per tool, for people who review in a spreadsheet.

A cell that a spreadsheet would read as a formula begins with an apostrophe, since the text is other
people's; `reference.json` has it as it is. Invisible characters are spelled out.
"""

import csv
import io
from collections.abc import Iterator
from typing import Final

from mcpassport.reference.document import Document, ToolNode
from mcpassport.reference.prose import show

COLUMNS: Final = (
    "name",
    "title",
    "access",
    "resource",
    "method",
    "method_group",
    "tags",
    "oauth_scopes",
    "http",
    "base_url",
    "path",
    "hosts",
    "authorization",
    "mapped_by_expression",
    "required",
    "optional",
    "token_cost",
    "deprecated",
    "visible",
    "wiring",
    "description",
)
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def render(document: Document) -> bytes:
    """Every tool as a row (RFC 4180, UTF-8), in tool-name order, under a row of headings."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows(map(_cell, _row(tool)) for tool in _tools(document))
    return text.getvalue().encode()


def _tools(document: Document) -> Iterator[ToolNode]:
    for section in document.sections:
        yield from (node for node in section.nodes if isinstance(node, ToolNode))


def _row(tool: ToolNode) -> Iterator[str]:
    upstream, top = tool.upstream, [each for each in tool.properties if each.sent_as]
    yield from (tool.name, tool.title, tool.access, tool.resource, tool.method, tool.method_group)
    yield from (" ".join(tool.tags), " ".join(tool.scopes))
    yield from (upstream.http, upstream.base_url, upstream.path, " ".join(upstream.hosts))
    yield upstream.authorization
    yield " ".join(mapping.slot for mapping in upstream.mappings)
    yield " ".join(each.name for each in top if each.required)
    yield " ".join(each.name for each in top if not each.required)
    yield str(tool.token_cost)
    yield "yes" if tool.deprecated else "no"
    yield from (tool.visible, tool.wiring, tool.description)


def _cell(text: str) -> str:
    shown = show(text)
    return f"'{shown}" if shown.startswith(_FORMULA) else shown
