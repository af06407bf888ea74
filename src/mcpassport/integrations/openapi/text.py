"""Texts of a description, made fit for a model: no markup, nothing that a reader cannot see."""

import html
import re
from typing import Final

import inflection

_TAGS: Final = (
    "a|abbr|b|blockquote|br|center|code|dd|details|div|dl|dt|em|font|h[1-6]|hr|i|img|kbd|li|ol|p|pre|"
    "section|script|small|span|strong|style|sub|summary|sup|table|tbody|td|th|thead|tr|u|ul"
)
_LINE_TAGS = re.compile(r"</?(?:br|p|div|li|tr|h[1-6]|ul|ol|table|section)\b[^<>]*>", re.IGNORECASE)
_OTHER_TAGS = re.compile(rf"</?(?:{_TAGS})(?:\s[^<>]*)?/?>", re.IGNORECASE)
_COMMENTS = re.compile(r"<!--.*?-->", re.DOTALL)
_DIRECTIVES = re.compile(r"\{%[^%{}]*%\}")
"""Markdoc and Liquid directives, as documentation sites use them."""
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f]"
)
"""Control, zero-width, direction and tag characters: a model would read what no one sees."""
_NAME_MAX: Final = 64


def plain_text(text: str) -> str:
    """The text without HTML tags, directives and invisible characters; its words untouched."""
    text = _COMMENTS.sub("", text.replace("\r\n", "\n"))
    text = _OTHER_TAGS.sub("", _LINE_TAGS.sub("\n", text))
    text = _UNSEEN.sub("", _DIRECTIVES.sub("", html.unescape(text)))
    lines = (line.rstrip() for line in text.replace("\t", "  ").split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def one_line(text: str, limit: int) -> str:
    """The text in one line; empty when it is longer than `limit` characters."""
    joined = " ".join(plain_text(text).split())
    return joined if len(joined) <= limit else ""


def slug(text: str, limit: int = _NAME_MAX) -> str:
    """The text as a name of this format: lower case, digits and single underscores."""
    ascii_text = inflection.transliterate(text)
    words = re.sub(r"[^a-z0-9]+", "_", inflection.underscore(ascii_text).lower())
    return words.strip("_")[:limit].strip("_")


def is_plural(word: str) -> bool:
    """Whether the word, or its last part, names many."""
    return inflection.pluralize(word) == word != inflection.singularize(word)
