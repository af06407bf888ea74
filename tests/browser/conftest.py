"""A browser for the tests of each file here, and pages of the reference to open in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from tests.support.browser import running_browser
from tests.support.references import built, intercom

GROUP = "browser"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests of this folder run in one process: only one browser runs at a time."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.xdist_group(GROUP))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium without a window.

    It closes with its file: while it runs, Playwright keeps an event loop running in this thread,
    and no test of another folder could run its own.
    """
    with running_browser() as running:
        yield running


@pytest.fixture(scope="session")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Address of the page of a real integration with about 150 tools, opened from a file."""
    return built(intercom(), tmp_path_factory.mktemp("intercom"))
