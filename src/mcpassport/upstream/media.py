"""Media types: what a header says, checked, and which of them are texts (RFC 9110, 8.3)."""

import re
from functools import lru_cache
from typing import Final

from mcpassport.errors import MalformedUpstreamResponse
from mcpassport.records.calls import OutboundResponse

_NAME: Final = r"[a-z0-9][a-z0-9!#$&^_.+-]{0,62}"
_MEDIA_TYPE: Final = re.compile(f"{_NAME}/{_NAME}")
_CHARSETS: Final = frozenset({"utf-8", "us-ascii", "iso-8859-1", "windows-1252"})
_TEXTS: Final = frozenset(
    f"application/{name}"
    for name in (
        *("json", "xml", "yaml", "x-yaml", "toml", "x-ndjson", "ndjson", "jsonl", "sql"),
        *("javascript", "x-javascript", "ecmascript", "graphql", "rtf", "x-sh"),
        "x-www-form-urlencoded",
    )
)
_TEXT_SUFFIXES: Final = ("+json", "+xml", "+yaml")


@lru_cache(maxsize=256)
def media_type(header: str) -> tuple[str, str]:
    """Type and charset of a `Content-Type` value, both lower case; the charset of none is UTF-8."""
    media, _, parameters = header.partition(";")
    charset = "utf-8"
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            charset = value.strip().strip('"').lower()
    return media.strip(" \t").lower(), charset


def is_media_type(text: str) -> bool:
    """Whether that is `type/subtype` without parameters, in lower case (RFC 6838, 4.2)."""
    return _MEDIA_TYPE.fullmatch(text) is not None


def is_json(media: str) -> bool:
    """Whether a body of that type is JSON."""
    return media in {"application/json", "text/json"} or media.endswith("+json")


def is_textual(media: str) -> bool:
    """Whether a body of that type is for reading: `text/*`, and formats that are written as text.

    Pictures are not, also not those that are written as text (`image/svg+xml`).
    """
    if media.startswith(("image/", "audio/")):
        return False
    return media.startswith("text/") or media in _TEXTS or media.endswith(_TEXT_SUFFIXES)


def body_text(response: OutboundResponse) -> str | None:
    """The body of a textual type as text; None for other types.

    Raises:
        MalformedUpstreamResponse: the body is not in its charset, or that is not one we read.
    """
    media, charset = media_type(response.header("content-type") or "")
    if not is_textual(media):
        return None
    if charset not in _CHARSETS:
        raise MalformedUpstreamResponse("The upstream's text is in a charset that is not read.")
    try:
        return response.body.decode(charset)
    except UnicodeDecodeError:
        raise MalformedUpstreamResponse from None
