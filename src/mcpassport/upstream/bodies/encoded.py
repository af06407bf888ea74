"""What the formats share: the encoded body, its members that are files, and refusals.

A member is a file where the record's schema says so: a text with `contentEncoding: base64` (bytes),
with `contentMediaType` alone (text), or an object `{data, filename, content_type}` whose `data` is
such a text.
"""

import re
from base64 import b64decode
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from mcpassport.errors import InvalidArguments, Problem
from mcpassport.records.integration import QueryArrayFormat
from mcpassport.upstream.media import is_media_type

PARTS_MAX: Final = 1_000
"""Members of a form, parts of a multipart body."""
NAME_MAX_CHARS: Final = 255
"""Of a member's name and of a file's."""
BASE64: Final = "base64"
DATA, FILENAME, CONTENT_TYPE = "data", "filename", "content_type"
FILE_MEMBERS: Final = frozenset({DATA, FILENAME, CONTENT_TYPE})
WHOLE: Final = ""
"""Stands for the whole body among the names of files."""

_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_HOPS_MAX: Final = 16


class Encoded(NamedTuple):
    """A body as it is sent. A `fixed` media type is no choice of the integration's headers."""

    body: bytes
    media_type: str
    fixed: bool = False


class File(NamedTuple):
    """How a member that is a file is read."""

    media_type: str
    """Empty: of the bytes themselves nothing is known."""
    base64: bool


class Members(NamedTuple):
    """What a method's body is made of: how lists are written, and which members are files."""

    arrays: QueryArrayFormat
    files: Mapping[str, File]


class Content(NamedTuple):
    """The bytes of one file, its name if it has one, and its media type."""

    data: bytes
    filename: str
    media_type: str


def refused(where: str, message: str, mend: str) -> InvalidArguments:
    """An argument error at that member of the body; `message` holds nothing of the value."""
    label = f"'{where[:64]}' " if where else "The body "
    return InvalidArguments(
        f"{label}{message}. {mend}",
        problems=(Problem(f"/{where[:64]}", "body_format", message, mend),),
    )


def checked_name(name: str) -> str:
    """The name of a member or a file, if it can stand in a header's quotes: no control characters.

    A line break there would begin a header, or a part, of the caller's own.
    """
    if not name or len(name) > NAME_MAX_CHARS or _CONTROL.search(name):
        raise refused("", "holds a name that cannot be sent", "Use a short name of one line.")
    return name


def checked_text(text: str, where: str) -> bytes:
    """The text as UTF-8."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise refused(where, "holds a character that cannot be sent", "Leave it out.") from None


def content_of(value: Any, file: File, where: str) -> Content:
    """The bytes of a file argument."""
    name, media_type = "", file.media_type
    if isinstance(value, Mapping):
        if not value.keys() <= FILE_MEMBERS:
            raise refused(where, "is no file", "Give data, filename and content_type only.")
        name, media_type = value.get(FILENAME) or "", value.get(CONTENT_TYPE) or media_type
        value = value.get(DATA)
    if not isinstance(value, str) or not isinstance(name, str) or not isinstance(media_type, str):
        raise refused(where, "is no file", "Give it as text.")
    if name:
        name = _filename(name, where)
    if media_type and not is_media_type(media_type):
        raise refused(where, "has a content type of no use", "Write it as type/subtype.")
    data = _decoded(value, where) if file.base64 else checked_text(value, where)
    return Content(data, name, media_type or _usual(file))


def _usual(file: File) -> str:
    return "application/octet-stream" if file.base64 else "text/plain; charset=utf-8"


def _filename(name: str, where: str) -> str:
    checked_name(name)
    if name in {".", ".."} or "/" in name or "\\" in name:
        raise refused(where, "has a file name that leads elsewhere", "Give the bare name.")
    checked_text(name, where)
    return name


def _decoded(text: str, where: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except ValueError:
        raise refused(where, "is not Base64", "Encode the file's bytes (RFC 4648, 4).") from None


def files_of(schemas: Mapping[str, Any], root: Mapping[str, Any]) -> dict[str, File]:
    """The members that are files, by their schemas; `$ref`s are local to `root`."""
    found = ((name, file_of(schema, root)) for name, schema in schemas.items())
    return {name: file for name, file in found if file is not None}


def file_of(schema: Any, root: Mapping[str, Any]) -> File | None:
    """How a member of that schema is read, if it is a file, or a list of files."""
    for node in _meant(schema, root):
        if "contentEncoding" in node or "contentMediaType" in node:
            media_type = node.get("contentMediaType")
            said = media_type if isinstance(media_type, str) and is_media_type(media_type) else ""
            return File(said, node.get("contentEncoding") == BASE64)
        properties = node.get("properties")
        if isinstance(properties, Mapping) and DATA in properties:
            inner = file_of(properties[DATA], root) if properties.keys() <= FILE_MEMBERS else None
            if inner is not None:
                return inner
        if isinstance(node.get("items"), Mapping):
            return file_of(node["items"], root)
    return None


def _meant(schema: Any, root: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The schema behind `$ref`s, and the members of a union at its root."""
    waiting = [schema]
    for _ in range(_HOPS_MAX):
        if not waiting:
            return
        node = waiting.pop(0)
        if not isinstance(node, Mapping):
            continue
        yield node
        waiting.extend(
            member for key in ("anyOf", "oneOf", "allOf") for member in node.get(key, ())
        )
        if isinstance(node.get("$ref"), str):
            waiting.append(_target(node["$ref"], root))


def _target(reference: str, root: Mapping[str, Any]) -> Any:
    node: Any = root
    for step in reference.removeprefix("#").split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        node = node.get(key) if isinstance(node, Mapping) else None
    return node
