"""The HTML page: self-contained, closed to hostile text, every link inside it resolves."""

import base64
import hashlib
import html
import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest

from mcpassport.records.tool import Tool
from mcpassport.reference.compose import compose
from mcpassport.reference.inputs import Inputs
from mcpassport.reference.prose import show
from mcpassport.reference.renderers import RENDERERS
from mcpassport.reference.vendor import Vendor

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</code></pre><iframe src=https://evil.example></iframe>",
    "{{ 7 * 7 }} {% raw %}",
    "`code` [link](#overview) **bold**",
    "javascript:alert(1)",
    "]]><!--",
)
VOID = {"meta", "link", "img", "input", "br", "path", "rect"}
LOADING = {("img", "src"), ("script", "src"), ("iframe", "src"), ("link", "href"), ("use", "href")}


class _Page(HTMLParser):
    """Collects what a browser would load, link to, and run."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.loads: list[tuple[str, str]] = []
        self.handlers: list[str] = []
        self.styles: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            self._attribute(tag, name, value or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            self._attribute(tag, name, value or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def _attribute(self, tag: str, name: str, value: str) -> None:
        if name == "id":
            self.ids.append(value)
        if tag == "a" and name == "href":
            self.links.append(value)
        if (tag, name) in LOADING:
            self.loads.append((tag, value))
        if name.startswith("on"):
            self.handlers.append(value)
        if name == "style":
            self.styles.append(value)


def _parse(page: bytes) -> _Page:
    parser = _Page()
    parser.feed(page.decode())
    parser.close()
    assert parser.open == []
    return parser


def test_the_page_loads_nothing(make_inputs: Callable[..., Inputs]) -> None:
    """No image, script, style sheet, font or frame comes from elsewhere."""
    page = RENDERERS["html"](compose(make_inputs()))
    parsed = _parse(page)
    assert parsed.loads == []
    assert not {"iframe", "object", "embed", "form", "base"} & set(parsed.tags)
    assert b"@import" not in page
    assert b"url(" not in page.replace(b"url(#", b"")


def test_a_canonical_url_is_named_and_not_loaded(make_inputs: Callable[..., Inputs]) -> None:
    """The canonical link is metadata; the only link element of the page."""
    vendor = Vendor(canonical_url="https://acme.example/reference")
    parsed = _parse(RENDERERS["html"](compose(make_inputs(vendor=vendor))))
    assert parsed.loads == [("link", "https://acme.example/reference")]


def test_every_internal_link_resolves_and_every_id_is_unique(
    make_inputs: Callable[..., Inputs],
) -> None:
    """A permalink leads to exactly one place, and no link leaves the page."""
    parsed = _parse(RENDERERS["html"](compose(make_inputs())))
    assert len(parsed.ids) == len(set(parsed.ids))
    assert all(link.startswith("#") for link in parsed.links)
    assert {link[1:] for link in parsed.links} <= set(parsed.ids)


def test_the_policy_admits_exactly_the_style_and_script_of_the_page(
    make_inputs: Callable[..., Inputs],
) -> None:
    """The hashes of the policy are those of the two blocks; nothing else may run."""
    page = RENDERERS["html"](compose(make_inputs())).decode()
    found = re.search(r'Policy" content="([^"]+)"', page)
    assert found
    policy = html.unescape(found[1])
    for tag in ("style", "script"):
        blocks = re.findall(rf"<{tag}>(.*?)</{tag}>", page, flags=re.DOTALL)  # data is not run
        assert len(blocks) == 1
        digest = base64.b64encode(hashlib.sha256(blocks[0].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(
    make_inputs: Callable[..., Inputs], make_tool: Callable[..., Tool], text: str
) -> None:
    """Descriptions, names, enums and labels that others wrote add no element and no handler."""
    schema = {
        "type": "object",
        "properties": {text: {"type": "string", "enum": [text], "description": text}},
    }
    tool = make_tool(description=text, schema=schema, tags=(text,))
    plain = _parse(RENDERERS["html"](compose(make_inputs((make_tool(),)))))
    page = RENDERERS["html"](compose(make_inputs((tool,), description=text)))
    parsed = _parse(page)
    assert set(parsed.tags) <= set(plain.tags)
    assert parsed.tags.count("script") == plain.tags.count("script") == 2
    assert parsed.handlers == parsed.styles == []
    assert all(link.startswith("#") for link in parsed.links)
    assert html.escape(text, quote=False) in page.decode().replace("&#34;", '"')


def test_invisible_characters_are_spelled_out(
    make_inputs: Callable[..., Inputs], make_tool: Callable[..., Tool]
) -> None:
    """A bidirectional control or zero-width character cannot disguise a description."""
    tool = make_tool(description="safe\u202eevil\u200b\u2066 \x07")
    page = RENDERERS["html"](compose(make_inputs((tool,)))).decode()
    assert "safe⟨U+202E⟩evil⟨U+200B⟩⟨U+2066⟩ ⟨U+0007⟩" in page
    assert not re.search("[\u200b-\u200f\u202a-\u202e\u2066-\u2069\x07]", page)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("👩\u200d💻 🏳️\u200d🌈 👩🏽\u200d🚀", "👩\u200d💻 🏳️\u200d🌈 👩🏽\u200d🚀"),
        ("a\u200db", "a⟨U+200D⟩b"),
        ("👩\u200dx\u200d", "👩⟨U+200D⟩x⟨U+200D⟩"),
    ],
)
def test_a_joiner_is_kept_inside_an_emoji_only(text: str, shown: str) -> None:
    """An emoji stays one picture; anywhere else the character is spelled out."""
    assert show(text) == shown


def test_invisible_characters_are_escaped_in_the_json(
    make_inputs: Callable[..., Inputs], make_tool: Callable[..., Tool]
) -> None:
    """The data stays faithful, yet no viewer is misled by the raw file."""
    tool = make_tool(description="safe\u202eevil \U000e0041")
    text = RENDERERS["json"](compose(make_inputs((tool,)))).decode()
    assert "safe\\u202eevil \\udb40\\udc41" in text


def test_the_page_is_whole_without_javascript(make_inputs: Callable[..., Inputs]) -> None:
    """Search needs JavaScript and is hidden without it; all content is in the markup."""
    page = RENDERERS["html"](compose(make_inputs())).decode()
    assert '<div class="search" hidden>' in page
    body = page.split("<script>", maxsplit=1)[0]
    assert "list_all_crm_contacts" in body
    assert "TEN-01" in body


def test_every_tool_shows_what_a_reviewer_asks_for(make_inputs: Callable[..., Inputs]) -> None:
    """Schema as table and JSON, endpoint, expression, scopes, access, tags, cost, digests."""
    page = html.unescape(RENDERERS["html"](compose(make_inputs())).decode())
    article = re.search(r'id="tool-list-all-crm-contacts".*?</article>', page, re.DOTALL)
    assert article
    for part in (
        "Lists the contacts of the account.",
        "GET https://{{context.site}}.acme.example/v1/contacts",
        "<code>lead</code> <code>customer</code>",
        '"required": [',
        "Mapped by an expression: response",
        "{'result': body.items}",
        "contacts.list",
        ">read<",
        "<code>people</code>",
        "Token cost",
        "01" * 32,
        "02" * 32,
        "query: type",
    ):
        assert part in article.group()
