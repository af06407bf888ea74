"""Text that others wrote runs nothing, loads nothing and breaks nothing, in a real browser."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from playwright.sync_api import Browser
from tests.browser.axe import findings
from tests.support.browser import PHONE, visit
from tests.support.references import built, of_tools, tool

pytestmark = pytest.mark.slow

HOSTILE = (
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg onload=alert(1)>",
    "</code></pre></details></article><iframe src=https://evil.example/x></iframe>",
    "</style><link rel=stylesheet href=https://evil.example/x.css>",
    "</title><meta http-equiv=refresh content=0;url=https://evil.example/>",
    "javascript:alert(1)",
    "{{ 7 * 7 }} {% raw %} ${alert(1)}",
    "`<b onmouseover=alert(1)>` [x](javascript:alert(1)) ![x](https://evil.example/x.png)",
    "]]><!-- --!> <!--",
    "\x00\x07\x1b[31m\u202e\u2066\u200b\ufeff\U000e0041",
)
"""Each breaks out of a place that some renderer forgets."""
RIGHT_TO_LEFT = "اسم العميل בעברית"
EMOJI = "👩‍💻🏳️‍🌈 🇪🇺"


def _nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string", "description": f"Level {levels}."}
    for level in range(levels - 1, 0, -1):
        schema = {
            "type": "object",
            "description": f"Level {level}.",
            "properties": {f"level_{level + 1}": schema},
            "required": [f"level_{level + 1}"],
        }
    return {"type": "object", "properties": {"level_1": schema}}


def _schema(text: str) -> dict[str, Any]:
    part = {"type": "string", "enum": [text], "description": text}
    return {"type": "object", "properties": {text or "empty": part}, "required": [text or "empty"]}


@pytest.mark.parametrize("javascript", [True, False])
def test_no_script_of_others_runs(browser: Browser, tmp_path: Path, javascript: bool) -> None:
    """In names, titles, descriptions, enums, tags, labels: no dialog, no request, no complaint."""
    tools = tuple(
        replace(tool(f"list_all_x_{number}", _schema(text), text), title=text, tags=(text,))
        for number, text in enumerate(HOSTILE)
    )
    document = of_tools(tools, label=HOSTILE[2], description="\n".join(HOSTILE))
    address = built(document, tmp_path)
    with visit(browser, address, java_script_enabled=javascript) as seen:
        if javascript:
            seen.page.get_by_label("Find a heading").fill("alert")
            assert seen.page.locator("#found a").count() > 0
        seen.page.mouse.move(600, 500)
        assert seen.requests == [address]
        assert seen.dialogs == []
        assert seen.complaints == []
        assert seen.page.locator("iframe, object, embed, main img, main form").count() == 0


def test_a_page_that_escapes_nothing_is_found_out(browser: Browser, tmp_path: Path) -> None:
    """The control: with one text put in raw, the policy refuses the script and is heard."""
    address = built(of_tools((tool("list_all_x", {"type": "object"}, "plain"),)), tmp_path)
    page = tmp_path / "index.html"
    page.write_text(page.read_text().replace("plain", HOSTILE[2]))
    with visit(browser, address) as seen:
        assert seen.complaints
        assert seen.dialogs == []


@pytest.mark.parametrize(
    ("name", "schema", "description"),
    [
        ("right_to_left", _schema(RIGHT_TO_LEFT), RIGHT_TO_LEFT),
        ("emoji", _schema(EMOJI), EMOJI),
        ("long", _schema("x" * 300), "word " * 20_480),
        ("one_word", _schema("y" * 2000), "z" * 102_400),
        ("deep", _nested(20), "Twenty levels."),
        ("markdown", _schema("# h\n\n- a\n\n| b |"), "# Heading\n\n* **a**\n\n---\n"),
    ],
    ids=lambda value: value if isinstance(value, str) and value.isidentifier() else "",
)
def test_what_is_unusual_stays_readable(
    browser: Browser, tmp_path: Path, name: str, schema: dict[str, Any], description: str
) -> None:
    """Right to left, emoji, 100 kB, twenty levels: in the window, whole, and clean to axe."""
    address = built(of_tools((tool(f"list_all_{name}", schema, description),)), tmp_path)
    with visit(browser, address, viewport=PHONE) as seen:
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        shown = seen.page.locator(".tool p.verbatim").text_content()
        assert shown is not None
        assert shown.split() == description.split()
        assert findings(seen.page) == []
        assert seen.complaints == []


@pytest.mark.parametrize("count", [0, 1000, 5000])
def test_any_number_of_tools_can_be_read(browser: Browser, tmp_path: Path, count: int) -> None:
    """None, a thousand, five thousand: the last one is found, opened and scrolled to."""
    properties = {
        f"field_{number}": {"type": "string", "description": "A field of it."}
        for number in range(8)
    }
    schema = {"type": "object", "properties": properties}
    names = [f"list_all_shop_things_{number:04}" for number in range(count)]
    tools = tuple(tool(name, schema, f"Lists {name}.") for name in names)
    with visit(browser, built(of_tools(tools), tmp_path)) as seen:
        assert seen.page.locator(".tool").count() == count
        assert seen.complaints == []
        if names:
            seen.page.get_by_label("Find a heading").fill(names[-1])
            seen.page.locator("#found a").first.click()
            last = seen.page.locator(".tool").last
            last.locator("table.properties").wait_for(state="visible")
        else:
            text = seen.page.locator("#tool-catalog").inner_text()
            assert "has no tool" in text
