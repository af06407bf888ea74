"""The page of a real integration in a real browser: readable, reachable, whole, and silent."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser
from tests.browser.axe import findings
from tests.support.browser import DESKTOP, PHONE, Seen, visit

LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light", "viewport": DESKTOP},
    "dark": {"color_scheme": "dark", "viewport": DESKTOP},
    "light phone": {"color_scheme": "light", "viewport": PHONE, "has_touch": True},
    "dark phone": {"color_scheme": "dark", "viewport": PHONE, "has_touch": True},
}
SOME_TOOL = "list_all_intercom_contacts"


@pytest.fixture
def seen(browser: Browser, page: str) -> Iterator[Seen]:
    """The page on a desk, with the clipboard in reach."""
    with visit(browser, page, permissions=["clipboard-read", "clipboard-write"]) as found:
        yield found


def _in_view(seen: Seen, anchor: str) -> bool:
    """Whether the element of that id stands in the window."""
    box = seen.page.locator(f"[id='{anchor}']").bounding_box()
    return box is not None and 0 <= box["y"] < DESKTOP["height"]


def test_the_page_asks_for_nothing_and_complains_of_nothing(seen: Seen, page: str) -> None:
    """Opened from a file: one request, its own; no error, nothing refused by its policy."""
    assert seen.requests == [page]
    assert seen.complaints == seen.dialogs == []


@pytest.mark.slow
@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_nothing(browser: Browser, page: str, look: str) -> None:
    """WCAG 2.2 AA, on a desk and on a phone, light and dark, with a tool and a search open."""
    with visit(browser, page, **LOOKS[look]) as seen:
        assert findings(seen.page) == []
        seen.page.locator(".tool summary").first.click()
        seen.page.locator(".tool .raw summary").first.click()
        seen.page.get_by_label("Find a heading").fill("contact")
        assert findings(seen.page) == []


@pytest.mark.slow
@pytest.mark.parametrize("look", ["light phone", "dark phone"])
def test_a_phone_shows_it_without_sideways_scrolling(
    browser: Browser, page: str, look: str
) -> None:
    """Nothing is wider than the window, with every tool open."""
    with visit(browser, page, **LOOKS[look]) as seen:
        seen.page.get_by_role("button", name="Open all").click()
        width = seen.page.evaluate("document.documentElement.scrollWidth")
        assert width <= PHONE["width"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("query", "anchor"),
    [
        ("blast radius", "blast-radius"),
        ("TEN-01", "TEN-01"),
        (SOME_TOOL, "tool-list-all-intercom-contacts"),
        ("contact_id", None),
        ("kill switch", "kill-switch"),
        ("offboarding", "tenant-offboarding"),
    ],
)
def test_search_leads_to_the_place(seen: Seen, query: str, anchor: str | None) -> None:
    """A heading, a claim, a tool, a property, a row: found by name, opened, and scrolled to."""
    seen.page.keyboard.press("/")
    seen.page.keyboard.type(query)
    first = seen.page.locator("#found a").first
    href = first.get_attribute("href")
    assert href is not None
    assert anchor in (None, href[1:])
    seen.page.keyboard.press("Enter")
    seen.page.wait_for_url(f"**{href}")
    seen.page.wait_for_function(
        "id => { const r = document.getElementById(id).getBoundingClientRect();"
        " return r.height > 0 && r.top >= -1 && r.top < innerHeight }",
        arg=href[1:],
    )
    assert _in_view(seen, href[1:])


@pytest.mark.slow
def test_search_can_be_left_and_walked_by_keyboard(seen: Seen) -> None:
    """Arrows go through what was found, Escape empties it."""
    search = seen.page.get_by_label("Find a heading")
    search.fill("token")
    search.press("ArrowDown")
    assert seen.page.evaluate("document.activeElement.closest('#found') !== null")
    seen.page.keyboard.press("ArrowUp")
    assert seen.page.evaluate("document.activeElement.id") == "find"
    seen.page.keyboard.press("Escape")
    assert seen.page.locator("#found a").count() == 0
    search.fill("zzzz")
    assert seen.page.locator("#found-count").inner_text() == "0 found"


@pytest.mark.slow
def test_what_is_copied_is_what_is_shown(seen: Seen) -> None:
    """A block and a digest, to the character."""
    block = seen.page.locator("#authentication-layers figure.code").first
    block.get_by_role("button").click()
    copied = seen.page.evaluate("navigator.clipboard.readText()")
    assert copied == block.locator("pre").text_content()
    digest = seen.page.locator(".masthead .digest")
    seen.page.get_by_role("button", name="Copy the catalog digest").click()
    assert seen.page.evaluate("navigator.clipboard.readText()") == digest.text_content()


@pytest.mark.slow
def test_the_tools_are_narrowed_down_as_a_filter_would(seen: Seen) -> None:
    """By access and name: table and entries agree, and what is left is counted."""
    bar = seen.page.get_by_role("search", name="Tools")
    bar.get_by_label("Access").select_option("destructive")
    left = seen.page.locator(".tool:visible").count()
    rows = seen.page.locator("#tool-catalog tbody tr:visible").count()
    shown = seen.page.locator(".tool:visible .a-destructive").count()
    assert 0 < left == rows == shown
    assert bar.get_by_role("status").inner_text().startswith(f"{left} of ")
    seen.page.evaluate("location.hash = '#tool-list-all-intercom-contacts'")
    seen.page.locator("#tool-list-all-intercom-contacts[open], #tool-list-all-intercom-contacts")
    seen.page.wait_for_function("document.querySelectorAll('.tool[hidden]').length === 0")


@pytest.mark.slow
def test_it_is_whole_without_javascript(browser: Browser, page: str) -> None:
    """Every section, claim and tool is there to read; what needs a script is not shown."""
    with visit(browser, page, java_script_enabled=False) as seen:
        assert seen.page.locator("main > section").count() == 19
        assert seen.page.locator(".search:visible, .copy, .narrow").count() == 0
        tool = seen.page.locator("#tool-list-all-intercom-contacts")
        tool.locator("summary").first.click()
        assert tool.locator("table.properties").is_visible()


@pytest.mark.slow
def test_it_prints_as_a_paper(seen: Seen) -> None:
    """Controls are gone, closed entries are open, and a PDF comes of it."""
    seen.page.emulate_media(media="print", color_scheme="dark")
    assert seen.page.locator(".search:visible, .copy:visible, .narrow:visible").count() == 0
    ground = seen.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == "rgb(255, 255, 255)"
    assert seen.page.pdf().startswith(b"%PDF-")
