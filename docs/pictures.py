"""Takes the pictures of the reference that the pages show.

    python -m docs.pictures     writes docs/pictures/*.png

The document is that of a real API description of the tests, so the pictures change only when the
page does. They are not part of `make docs`: a browser of another version draws other pixels.
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from tests.support.browser import DESKTOP, PHONE, running_browser, visit
from tests.support.references import built, intercom

FOLDER: Final = Path(__file__).parent / "pictures"
PAPER: Final = {"width": 794, "height": 1123}
"""A4 at 96 dots per inch."""
TOOL: Final = "tool-list-all-intercom-contacts"
PICTURES: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "light": ("", {"viewport": DESKTOP, "color_scheme": "light"}),
    "dark": (TOOL, {"viewport": DESKTOP, "color_scheme": "dark"}),
    "phone": ("procurement-checklist", {"viewport": PHONE, "color_scheme": "light"}),
    "print": ("", {"viewport": PAPER, "color_scheme": "light"}),
}
"""Picture -> the place that is shown, and how the window is."""


def main() -> None:
    """Take each of them."""
    FOLDER.mkdir(exist_ok=True)
    with TemporaryDirectory() as folder, running_browser() as browser:
        address = built(intercom(), Path(folder))
        for name, (place, look) in PICTURES.items():
            with visit(browser, f"{address}#{place}" if place else address, **look) as seen:
                if name == "print":
                    seen.page.emulate_media(media="print")
                    seen.page.evaluate("document.body.style.padding = '12mm'")  # the paper's margin
                seen.page.screenshot(path=FOLDER / f"{name}.png")


if __name__ == "__main__":
    main()
