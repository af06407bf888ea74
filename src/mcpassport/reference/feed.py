"""The releases of a reference as an Atom feed (RFC 4287), for who must hear of changes."""

from collections.abc import Sequence
from typing import Final
from xml.etree.ElementTree import Element, SubElement, tostring

from mcpassport.records.release import Release
from mcpassport.reference.prose import show

NAMESPACE: Final = "http://www.w3.org/2005/Atom"
MEDIA_TYPE: Final = "application/atom+xml; charset=utf-8"
SHOWN: Final = 20
"""Changes that an entry tells of."""


def feed(releases: Sequence[Release], label: str, root: str, author: str) -> bytes:
    """The feed, newest release first; `root` is the public address of the reference."""
    document = Element("feed", xmlns=NAMESPACE)
    _text(document, "title", f"{show(label)}: MCP security reference")
    _text(document, "id", root)
    SubElement(document, "link", href=f"{root}/feed.atom", rel="self")
    SubElement(document, "link", href=root)
    SubElement(_text(document, "author"), "name").text = show(author)
    newest = max((each.published_at for each in releases), default=None)
    _text(document, "updated", newest.isoformat() if newest else "1970-01-01T00:00:00+00:00")
    for release in sorted(releases, key=lambda each: -each.ordinal):
        _entry(document, release, root)
    return b'<?xml version="1.0" encoding="utf-8"?>\n' + tostring(document) + b"\n"


def _entry(document: Element, release: Release, root: str) -> None:
    entry = SubElement(document, "entry")
    address = f"{root}/{release.number}"
    _text(entry, "title", f"Release {release.number}")
    _text(entry, "id", address)
    SubElement(entry, "link", href=address)
    _text(entry, "updated", release.published_at.isoformat())
    told = [
        f"{each.level}: {each.subject} {show(each.name)}: {show(each.text).replace('`', '')}"
        for each in release.changes[:SHOWN]
    ]
    if len(release.changes) > SHOWN:
        told.append(f"and {len(release.changes) - SHOWN} more")
    _text(entry, "summary", "\n".join(told) or "No change is told of.")


def _text(parent: Element, name: str, text: str | None = None) -> Element:
    element = SubElement(parent, name)
    element.text = text
    return element
