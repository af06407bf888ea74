"""`multipart/form-data` (RFC 7578): one part for each member.

1. Texts, numbers and truth values are parts of text; an object is one of JSON; a list repeats its
   name (RFC 7578, 4.3); nulls and absent values are left out. A file has a media type, and a file
   name: without one of its own, the member's; of a text, none.
2. A name or file name with a control character is refused, since a line break would begin a header
   or part of the caller's own; quotes are percent-encoded (WHATWG HTML, 4.10.22.8).
3. The boundary is a hash of everything between boundaries, so that the same call is the same bytes
   and nobody can put it into a part; it is tried again in the case that it stands there.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from mcpassport.expressions.placeholders import MISSING, as_text
from mcpassport.upstream.bodies.encoded import (
    PARTS_MAX,
    Encoded,
    File,
    Members,
    checked_name,
    checked_text,
    content_of,
    refused,
)


class Part(NamedTuple):
    """One part: the lines of its head, and its bytes."""

    head: bytes
    data: bytes


class Multipart:
    """Members as parts."""

    def encode(self, value: Any, members: Members) -> Encoded:
        """The bytes of an object. `InvalidArguments` if it is none, or a name cannot be sent."""
        if not isinstance(value, Mapping):
            raise refused("", "is no object", "Its parts have names.")
        parts = [
            part
            for name in value
            for part in _parts(name, value[name], members.files.get(name))  # (1)
        ]
        if len(parts) > PARTS_MAX:
            raise refused("", f"has more than {PARTS_MAX} parts", "Send fewer.")
        boundary = _boundary(parts)  # (3)
        lines = [b"--%b\r\n%b\r\n%b\r\n" % (boundary, part.head, part.data) for part in parts]
        body = b"".join([*lines, b"--%b--\r\n" % boundary])
        return Encoded(body, f"multipart/form-data; boundary={boundary.decode()}", fixed=True)


def _parts(name: str, value: Any, file: File | None) -> Iterator[Part]:
    if value is None or value is MISSING:
        return
    if isinstance(value, list | tuple):
        for item in value:
            yield from _parts(name, item, file)
    elif file is not None:
        data, filename, media_type = content_of(value, file, name)
        yield Part(_head(name, filename or (name if file.base64 else ""), media_type), data)
    elif isinstance(value, Mapping):
        try:
            data = msgspec.json.encode(value)
        except UnicodeEncodeError:
            raise refused(name, "holds a character that cannot be sent", "Leave it out.") from None
        yield Part(_head(name, "", "application/json"), data)
    else:
        yield Part(_head(name, "", ""), checked_text(as_text(value), name))


def _head(name: str, filename: str, media_type: str) -> bytes:
    line = f'Content-Disposition: form-data; name="{_quoted(name)}"'
    if filename:
        line += f'; filename="{_quoted(filename)}"'
    if media_type:
        line += f"\r\nContent-Type: {media_type}"
    return checked_text(f"{line}\r\n", "")


def _quoted(name: str) -> str:
    return checked_name(name).replace('"', "%22")  # (2)


def _boundary(parts: Sequence[Part]) -> bytes:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(b"%d %d " % (len(part.head), len(part.data)) + part.head + part.data)
    while True:
        boundary = digest.hexdigest()[:48].encode()
        if not any(boundary in part.data or boundary in part.head for part in parts):
            return boundary
        digest.update(boundary)
