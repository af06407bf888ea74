"""Anchors: stable, unique, made of letters, digits and hyphens."""

import re


def slug(text: str) -> str:
    """The text in lower case with every other run of characters as one hyphen."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


class Slugs:
    """Hands out unique anchors under one prefix; the same names in the same order give the same."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._used: set[str] = set()

    def take(self, text: str) -> str:
        """An anchor for that text: its slug, numbered if already taken."""
        base = f"{self._prefix}{slug(text) or 'x'}"
        anchor, number = base, 2
        while anchor in self._used:
            anchor, number = f"{base}-{number}", number + 1
        self._used.add(anchor)
        return anchor
