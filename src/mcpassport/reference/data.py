"""`reference.json`: the document itself, as a file and inside the page."""

import re
from typing import Final

import msgspec

from mcpassport.reference.document import Document

_ESCAPED: Final = re.compile(
    "[<\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ufff9-\ufffb\U000e0001-\U000e007f]"
)


def encoded(document: Document) -> bytes:
    """The document as indented JSON, members in the order of the types, and a final line feed.

    Invisible characters are escaped, so that text cannot disguise itself in a viewer, and so is
    `<`, so that the very bytes can stand in a page and end no element there. A parser reads exactly
    the same values.
    """
    text = msgspec.json.format(msgspec.json.encode(document), indent=2).decode()
    return (_ESCAPED.sub(_escaped, text) + "\n").encode()


def _escaped(match: re.Match[str]) -> str:
    units = match.group().encode("utf-16-be")
    pairs = (units[index : index + 2] for index in range(0, len(units), 2))
    return "".join(f"\\u{pair.hex()}" for pair in pairs)
