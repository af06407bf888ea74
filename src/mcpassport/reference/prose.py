"""Prose and verbatim text, made ready for any renderer."""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

_TOKEN: Final = re.compile(r"`([^`]+)`|\[([^\[\]]+)\]\((#[A-Za-z0-9-]+)\)")
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_LAYOUT: Final = frozenset("\n\t")
_JOINER: Final = "\u200d"
_MODIFIERS: Final = frozenset("\ufe0f\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff")
"""Emoji presentation and skin tones, which may stand between an emoji and the joiner."""


class Run(Struct, frozen=True):
    """A stretch of prose: plain text, a literal value, or a link inside the document."""

    text: str
    code: bool = False
    href: str = ""


def runs(text: str) -> Iterator[Run]:
    """The prose split at its backticks and links."""
    end = 0
    for match in _TOKEN.finditer(text):
        if match.start() > end:
            yield Run(text=text[end : match.start()])
        literal, label, href = match.groups()
        yield Run(text=literal, code=True) if literal else Run(text=label, href=href)
        end = match.end()
    if end < len(text):
        yield Run(text=text[end:])


def show(text: str) -> str:
    """The text with every invisible character spelled out: `⟨U+202E⟩`.

    Bidirectional controls, zero-width characters and control characters can make a description
    read otherwise than it is; a reader must see them. Line feeds and tabs stay, and the joiner
    inside an emoji.
    """
    if text.isascii() and text.isprintable():
        return text
    if _JOINER not in text:
        return "".join(map(_shown, text))
    around = zip(text, f" {text[:-1]}", f"{text[1:]} ", strict=True)
    return "".join(
        each if each == _JOINER and _joined(before, after) else _shown(each)
        for each, before, after in around
    )


def _joined(before: str, after: str) -> bool:
    """Whether a joiner stands between two parts of one emoji."""
    part = unicodedata.category(before) == "So" or before in _MODIFIERS
    return part and unicodedata.category(after) == "So"


def _shown(character: str) -> str:
    if character in _LAYOUT or unicodedata.category(character) not in _INVISIBLE:
        return character
    return f"⟨U+{ord(character):04X}⟩"
