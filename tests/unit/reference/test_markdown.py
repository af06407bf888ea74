"""The Markdown rendering: links hold, hostile text stays text."""

import re
from collections.abc import Callable

import pytest
from markdown_it import MarkdownIt

from mcpassport.records.tool import Tool
from mcpassport.reference.compose import compose
from mcpassport.reference.inputs import Inputs
from mcpassport.reference.renderers import RENDERERS
from mcpassport.reference.renderers.markdown import fenced, literal, span

HOSTILE = (
    "<script>alert(1)</script>",
    "[click](https://evil.example)",
    "![x](https://evil.example/x.png)",
    "https://evil.example www.evil.example mail@evil.example",
    "` `` ``` ~~~",
    "| a | b |",
    "# heading",
    "<!-- hidden -->",
    "&lt;script&gt;",
    "line\n\n---\n# next",
    "\\`escape\\`",
)
PARSER = MarkdownIt("gfm-like", {"linkify": False}).enable("table")


def _links(rendered: str) -> list[str]:
    return re.findall(r'(?:href|src)="([^"]*)"', rendered)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(
    make_inputs: Callable[..., Inputs], make_tool: Callable[..., Tool], text: str
) -> None:
    """No element, link, image or heading comes from text that others wrote."""
    schema = {
        "type": "object",
        "properties": {text: {"type": "string", "enum": [text], "description": text}},
    }
    tool = make_tool(description=text, schema=schema, tags=(text,))
    plain = PARSER.render(RENDERERS["md"](compose(make_inputs((make_tool(),)))).decode())
    rendered = PARSER.render(
        RENDERERS["md"](compose(make_inputs((tool,), description=text))).decode()
    )
    assert all(link.startswith("#") for link in _links(rendered))
    for tag in ("h1", "h2", "h3", "h4", "img", "script", "hr", "table"):
        assert rendered.count(f"<{tag}") == plain.count(f"<{tag}")


@pytest.mark.parametrize("text", HOSTILE)
def test_literal_text_renders_to_itself(text: str) -> None:
    """Escaped text, rendered, reads as the original (white space aside)."""
    rendered = PARSER.render(literal(text.replace("\n", " ")))
    unescaped = re.sub(r"</?p>", "", rendered)
    for entity, character in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&amp;", "&")):
        unescaped = unescaped.replace(entity, character)
    assert unescaped.split() == text.split()


@pytest.mark.parametrize("text", HOSTILE)
def test_code_cannot_be_left(text: str) -> None:
    """A span or a fence ends where we end it."""
    inline = PARSER.render(span(text)).strip()
    assert inline.startswith("<p><code>")
    assert inline.endswith("</code></p>")
    block = PARSER.render("\n".join(fenced("text", text)))
    assert block.count("<pre>") == 1
    assert block.rstrip().endswith("</pre>")


def test_every_internal_link_has_its_anchor(make_inputs: Callable[..., Inputs]) -> None:
    """Links of the Markdown lead to anchors of the Markdown."""
    text = RENDERERS["md"](compose(make_inputs())).decode()
    anchors = set(re.findall(r'<a id="([^"]+)"></a>', text))
    links = set(re.findall(r"\]\(#([^)]+)\)", text))
    assert links
    assert links <= anchors


def test_diagrams_are_mermaid(make_inputs: Callable[..., Inputs]) -> None:
    """Each diagram is a fenced Mermaid block whose labels cannot break its syntax."""
    text = RENDERERS["md"](compose(make_inputs())).decode()
    assert text.count("```mermaid\nflowchart LR") == 3
    assert text.count("```mermaid\nsequenceDiagram") == 1
    assert "POST /mcp/#60;token#62; + API token" in text
