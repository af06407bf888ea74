"""A page as PDF: printed by a Chromium that is found on this machine, or named."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from mcpassport.errors import DataFolderError, Problem, UsageError

BROWSERS: Final = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chromium-headless-shell",
    "chrome-headless-shell",
    "microsoft-edge",
)
"""Commands that are looked for, in this order."""
PRINT_TIMEOUT_S: Final = 600
FLAGS: Final = (
    *("--headless", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--no-pdf-header-footer", "--generate-pdf-document-outline"),
)


def find_browser(named: Path | None) -> str:
    """The browser to print with; `UsageError` with a mend if there is none."""
    if named is not None:
        found = shutil.which(named)
        if found is None:
            raise _no_browser(f"{named} is no program that can be started.")
        return found
    for name in BROWSERS:
        if found := shutil.which(name):
            return found
    raise _no_browser("No Chromium was found on this machine.")


def print_pdf(page: Path, out: Path, browser: str) -> None:
    """Print the page of that file; `DataFolderError` if the browser makes no PDF of it.

    The bytes hold the time of printing: the PDF is for reading, and is no part of what is signed.
    """
    with _profile() as profile:
        command = [browser, *FLAGS, *_as_root(), f"--user-data-dir={profile}"]
        command += [f"--print-to-pdf={out.resolve()}", page.resolve().as_uri()]
        try:
            done = subprocess.run(  # noqa: S603  # a browser of this machine, on our own page
                command, capture_output=True, check=False, timeout=PRINT_TIMEOUT_S
            )
        except subprocess.TimeoutExpired:
            raise DataFolderError(f"{browser} did not print within {PRINT_TIMEOUT_S} s.") from None
    if done.returncode or not out.is_file() or not out.read_bytes().startswith(b"%PDF-"):
        raise DataFolderError(f"{browser} made no PDF (exit code {done.returncode}).")


@contextmanager
def _profile() -> Iterator[str]:
    """A folder of the browser's own; what it still writes while it ends does not matter."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        yield folder


def _as_root() -> tuple[str, ...]:
    """Chromium refuses its sandbox to root; the page is our own and loads nothing."""
    return ("--no-sandbox",) if os.geteuid() == 0 else ()


def _no_browser(message: str) -> UsageError:
    mend = (
        "Install one (Debian: apt-get install chromium) or name one with --browser; "
        "or print the page from any browser: its print style is the same."
    )
    return UsageError(message, problems=(Problem("--pdf", "browser", message, mend),))
