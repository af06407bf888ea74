"""A real browser: Debian's Chromium without a window, driven by Playwright.

`with running_browser() as browser, visit(browser, "http://…") as seen:` opens a page; `seen.page`
is Playwright's, `seen.complaints` what went wrong on it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from playwright.sync_api import Browser, Dialog, Page, sync_playwright
from tests.support.debian import Program, application

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
PACKAGES = ("chromium-headless-shell", "fonts-liberation", "fonts-dejavu-core")
WAIT_MS = 30_000


def chromium() -> Program:
    """The browser, fetched on first use."""
    return application("chromium-headless-shell", *PACKAGES)


@contextmanager
def running_browser() -> Iterator[Browser]:
    """A browser to open pages in; one serves a whole file of tests."""
    shell = chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shell.path, args=list(FLAGS), env=dict(shell.environment)
        )
        try:
            yield browser
        finally:
            browser.close()


class Seen(NamedTuple):
    """A page, and what happened on it: addresses asked for, complaints, dialogs."""

    page: Page
    requests: list[str]
    complaints: list[str]
    """Errors of the console, scripts that threw, and what the policy of the page refused."""
    dialogs: list[str]


@contextmanager
def visit(browser: Browser, url: str, **look: Any) -> Iterator[Seen]:
    """The page at that address in a profile of its own, with the time limit of a slow machine.

    `look` are Playwright's options of a context: `color_scheme="dark"`, `viewport=PHONE`,
    `java_script_enabled=False`, `permissions=[…]`.
    """
    with browser.new_context(**{"viewport": DESKTOP, **look}) as context:
        page = context.new_page()
        page.set_default_timeout(WAIT_MS)
        seen = Seen(page, [], [], [])
        page.on("request", lambda request: seen.requests.append(request.url))
        page.on("pageerror", lambda error: seen.complaints.append(str(error)))
        page.on("console", lambda told: _complain(seen, told.type, told.text))
        page.on("dialog", lambda dialog: _refuse(seen, dialog))
        page.goto(url)
        yield seen


def _refuse(seen: Seen, dialog: Dialog) -> None:
    seen.dialogs.append(dialog.message)
    dialog.dismiss()


def _complain(seen: Seen, kind: str, text: str) -> None:
    if kind == "error":
        seen.complaints.append(text)
