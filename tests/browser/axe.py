"""Axe, the checker of accessibility, run inside a page."""

import json
from typing import Any

from playwright.sync_api import Page
from tests.peers.npm import ensure_packages

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
"""WCAG 2.2, levels A and AA, and what axe recommends beside it."""


def source() -> str:
    """The checker's program, fetched on first use."""
    return (ensure_packages("axe") / "node_modules" / "axe-core" / "axe.min.js").read_text()


def findings(page: Page) -> list[str]:
    """What axe finds on the page as it stands: rule, then the places."""
    page.evaluate(source())
    options = json.dumps({"runOnly": RULES, "resultTypes": ["violations"]})
    result: dict[str, Any] = page.evaluate(f"axe.run(document, {options})")
    return [
        f"{rule['id']}: {[node['target'] for node in rule['nodes'][:3]]} {rule['help']}"
        for rule in result["violations"]
    ]
