"""The Markdown rendering (GitHub flavour), with diagrams as Mermaid."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from mcpassport.reference.document import (
    Callout,
    ClaimNode,
    Code,
    DefinitionList,
    Diagram,
    Document,
    Node,
    Paragraph,
    Subheading,
    Table,
    ToolNode,
)
from mcpassport.reference.mermaid import mermaid
from mcpassport.reference.prose import runs, show

_SPECIAL: Final = re.compile(r"[\\`*\[\]<>|~]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
"""What CommonMark and GitHub's dialect read as syntax inside a line; the rest stays legible."""
_STARTS: Final = re.compile(r"(?m)^([ \t]*)([#+=-]|\d{1,9}(?=[.)]))")
"""What begins a block at the start of a line: headings, lists, rules, underlines."""
_AUTOLINK: Final = re.compile(
    r"(?i)(?<=http):(?=//)|(?<=https):(?=//)|(?<=ftp):(?=//)|(?<=www)\.|(?<=[\w+-])@"
)
_ENTITY: Final = re.compile(r"&(?=#?\w+;)")


def render(document: Document) -> bytes:
    """The document as Markdown; anchors are explicit, so that links hold in any viewer."""
    lines: list[str] = [*_head(document)]
    for section in document.sections:
        lines += [_anchor(section.anchor), f"## {inline(section.heading)}", ""]
        for node in section.nodes:
            lines += [*_WRITERS[type(node)](node), ""]
    if document.branding.footer:
        lines += ["---", "", literal(document.branding.footer), ""]
    return ("\n".join(lines).rstrip() + "\n").encode()


def literal(text: str) -> str:
    """Other people's text: nothing in it is Markdown, HTML or a link."""
    return _STARTS.sub(_unstarted, inline(text))


def inline(text: str) -> str:
    """The same for text that does not begin a line."""
    escaped = _SPECIAL.sub(r"\\\g<0>", _ENTITY.sub("&amp;", show(text)))
    return _AUTOLINK.sub(lambda match: f"&#{ord(match.group())};", escaped)


def _unstarted(match: re.Match[str]) -> str:
    """The first character as an entity is text; the others keep their place."""
    indent, start = match.groups()
    return f"{indent}&#{ord(start[0])};{start[1:]}"


def span(text: str) -> str:
    """A code span that no content can break out of."""
    shown = " ".join(show(text).split())
    longest = max((len(run) for run in re.findall(r"`+", shown)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if shown.startswith("`") or shown.endswith("`") or not shown else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def fenced(language: str, text: str) -> list[str]:
    """A fenced block that no content can break out of."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}{language}", *show(text).split("\n"), fence]


def _prose(text: str, *, begins_line: bool = True) -> str:
    """Our own words; a run that follows another does not begin a line."""
    parts: list[str] = []
    for run in runs(text):
        begins = begins_line and (not parts or "\n" in run.text)
        if run.code:
            parts.append(span(run.text))
        elif run.href:
            parts.append(f"[{inline(run.text)}]({run.href})")
        else:
            parts.append(literal(run.text) if begins else inline(run.text))
    return "".join(parts)


def _cell(text: str) -> str:
    """A table cell: one line; a pipe inside a code span needs its own escape."""
    one_line = "<br>".join(text.split("\n"))
    return re.sub(r"(?<!\\)\|", r"\\|", one_line) or " "


def _anchor(name: str) -> str:
    return f'<a id="{name}"></a>'


def _head(document: Document) -> Iterator[str]:
    yield f"# {inline(document.integration_label)}: MCP security reference"
    yield ""
    facts = (
        ("Vendor", inline(document.branding.name)),
        ("Product", inline(document.product)),
        ("Integration", f"{document.integration}, {_version(document.integration_version)}"),
        ("Reference", document.version),
        ("Generated", document.generated_at.strftime("%Y-%m-%d %H:%M UTC")),
        ("Deployment", span(document.deployment_url)),
        ("Environment", inline(document.environment) or "not labelled"),
        ("Build", span(document.build)),
        ("Protocol revisions", ", ".join(document.protocol_revisions)),
        ("Catalog digest", span(document.catalog_digest)),
        (
            "Claims",
            "; ".join(f"{count} {grade}" for grade, count in document.evidence.grades.items()),
        ),
    )
    yield from _grid(("Fact", "Value"), facts)
    yield ""
    yield (
        "> **Unpublished build.** Each claim below says how it is known."
        if document.evidence.state == "run"
        else "> **Unpublished build.** No fresh check of it has been run, so no claim below is "
        "graded as checked."
    )
    yield ""
    yield from (f"- [{inline(each.heading)}](#{each.anchor})" for each in document.sections)
    yield ""


def _grid(heads: tuple[str, ...], rows: Any) -> Iterator[str]:
    yield "| " + " | ".join(heads) + " |"
    yield "|" + "---|" * len(heads)
    for row in rows:
        yield "| " + " | ".join(_cell(cell) for cell in row) + " |"


def _paragraph(node: Paragraph) -> Iterator[str]:
    if not node.verbatim:
        yield _prose(node.text)
        return
    yield from (f"> {literal(line)}" for line in node.text.split("\n"))


def _subheading(node: Subheading) -> Iterator[str]:
    yield _anchor(node.anchor)
    yield f"### {inline(node.text)}"


def _claim(node: ClaimNode) -> Iterator[str]:
    row = f"[row {node.row}](#row-{node.row})"
    yield f"{_anchor(node.id)}**{node.id}** {_prose(node.sentence)} *({node.grade}, {row})*"


def _table(node: Table) -> Iterator[str]:
    yield f"*{_prose(node.title)}*"
    yield ""
    yield from _grid(tuple(column.title for column in node.columns), _table_rows(node))


def _table_rows(node: Table) -> Iterator[tuple[str, ...]]:
    for index, row in enumerate(node.rows):
        cells = [
            span(cell) if column.literal else _prose(cell, begins_line=False)
            for cell, column in zip(row, node.columns, strict=True)
        ]
        if node.anchors:
            cells[0] = _anchor(node.anchors[index]) + cells[0]
        yield tuple(cells)


def _code(node: Code) -> Iterator[str]:
    tried = f" ({_prose(node.tried, begins_line=False)})" if node.tried else ""
    yield f"{literal(node.title)}{tried}"
    yield ""
    yield from fenced(node.language, node.text)


def _diagram(node: Diagram) -> Iterator[str]:
    yield f"{_anchor(node.anchor)}{literal(node.title)}: {literal(node.alt)}"
    yield ""
    yield from fenced("mermaid", mermaid(node))


def _definitions(node: DefinitionList) -> Iterator[str]:
    for item in node.items:
        text = literal(item.text) if item.verbatim else _prose(item.text)
        grade = f" ({item.grade})" if item.grade else ""
        yield f"- **{_prose(item.term)}**: {text}{grade}".replace("\n", "\n  ")


def _callout(node: Callout) -> Iterator[str]:
    yield f"> **{node.kind.capitalize()}:** {_prose(node.text)}"


def _tool(node: ToolNode) -> Iterator[str]:
    yield _anchor(node.anchor)
    yield f"#### {inline(node.name)}"
    yield ""
    yield from (f"> {literal(line)}" for line in (node.title, *node.description.split("\n")))
    yield ""
    yield from _grid(("Fact", "Value"), _tool_facts(node))
    yield ""
    if node.properties:
        heads = ("Property", "Type", "Required", "Enum", "Description", "Sent as")
        yield from _grid(heads, _properties(node))
        yield ""
    yield "Input schema as JSON"
    yield ""
    yield from fenced("json", json.dumps(node.input_schema, indent=2, ensure_ascii=False))
    for mapping in node.upstream.mappings:
        yield ""
        yield f"Mapped by an expression: {literal(mapping.slot)}"
        yield ""
        yield from fenced("text", mapping.text)


def _tool_facts(node: ToolNode) -> tuple[tuple[str, str], ...]:
    upstream = node.upstream
    return (
        ("Upstream", span(f"{upstream.http} {upstream.base_url}{upstream.path}")),
        ("Access", node.access + (", deprecated" if node.deprecated else "")),
        ("Filter", f"{span(node.resource)}, {span(node.method)} ({node.method_group})"),
        ("Tags", ", ".join(map(span, node.tags)) or "none"),
        ("OAuth scopes", ", ".join(map(span, node.scopes)) or "none declared"),
        ("Returns", "; ".join(map(inline, node.returns))),
        ("Streams", streamed(node) or "no"),
        ("Client capabilities", ", ".join(map(span, node.requires)) or "none needed"),
        ("Token cost", f"about {node.token_cost}"),
        ("visible", span(node.visible)),
        ("wiring", span(node.wiring)),
    )


def streamed(node: ToolNode) -> str:
    """How the upstream response comes, if it is read while it arrives."""
    if not node.stream:
        return ""
    return f"{node.stream}, {'with' if node.progress else 'without'} progress"


def _properties(node: ToolNode) -> Iterator[tuple[str, ...]]:
    for each in node.properties:
        yield (
            f"{_anchor(each.anchor)}{span(each.name)}",
            inline(each.type),
            "yes" if each.required else "no",
            ", ".join(map(span, each.enum)),
            inline(each.description),
            inline(each.sent_as),
        )


_WRITERS: Final[dict[type[Node], Callable[[Any], Iterator[str]]]] = {
    Paragraph: _paragraph,
    Subheading: _subheading,
    ClaimNode: _claim,
    Table: _table,
    Code: _code,
    Diagram: _diagram,
    ToolNode: _tool,
    DefinitionList: _definitions,
    Callout: _callout,
}


def _version(number: int) -> str:
    return f"version {number}" if number else "not pushed yet"
