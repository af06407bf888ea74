"""Generated pages say what the code says, and links between pages lead somewhere."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\[[^\]]*\]\((?!https?:|#|mailto:)([^)#\s]+)(?:#[^)]*)?\)")


def test_generated_pages_are_up_to_date() -> None:
    """`make docs` would change nothing."""
    command = [sys.executable, str(ROOT / "docs" / "generate.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    """Each relative link names a file of the repo."""
    for target in LINK.findall(page.read_text()):
        assert (page.parent / target).exists(), target


def test_every_make_target_of_the_readme_exists() -> None:
    """The README promises no target that the Makefile lacks."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"`make ([a-z-]+)", (ROOT / "README.md").read_text()))
    assert named
    assert named <= targets


def test_every_setting_is_explained_to_operators() -> None:
    """No setting is missing from the page for operators."""
    text = (ROOT / "docs" / "operate.md").read_text()
    generated = (ROOT / "docs" / "generated" / "settings.md").read_text()
    for name in re.findall(r"^\| `([a-z_]+)` \| `MCPASSPORT_", generated, re.MULTILINE):
        assert f"`{name}`" in text, name
