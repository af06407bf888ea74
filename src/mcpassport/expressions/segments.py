r"""A value of a call as exactly one segment of a path.

Parsers of URLs fold `.`, `..`, `%2e%2e` and `\`, and servers decode more than once, so:
1. the value is one text of 1 to 2,000 characters;
2. it holds no control character (C0, DEL, C1, line separators) and no lone surrogate;
3. however often it is percent-decoded (more than 8 times is refused), no part of it between
   slashes or backslashes is `.` or `..`, also not with a path parameter (`..;x`);
4. every character but the unreserved ones of RFC 3986 (2.3) is percent-encoded;
5. a segment that several values or literals make up is judged by (2) and (3) as a whole too.
"""

import re
from typing import Any, Final
from urllib.parse import quote, unquote

from mcpassport.errors import InvalidArguments, Problem
from mcpassport.expressions.placeholders import (
    MISSING,
    Placeholder,
    Scopes,
    Template,
    as_text,
)

SEGMENT_MAX_CHARS: Final = 2_000
DECODINGS_MAX: Final = 10
"""Of a rendered segment, two more than a value may need; nobody encodes so often in earnest."""

_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_SEPARATOR: Final = re.compile(r"[/\\]")
PLAIN: Final = "[A-Za-z0-9_~-]+"
"""Values, as a pattern, that (2) to (4) have nothing to say about: unreserved, and without dots."""
_PLAIN: Final = re.compile(PLAIN)


def encode_segment(value: Any, where: str) -> str:
    """The value percent-encoded as one path segment; `where` names it in the error.

    Raises:
        InvalidArguments: the value cannot be one segment of a path.
    """
    text = "" if value is MISSING or value is None else as_text(value)
    if not text:  # (1)
        raise _refused(where, "is missing or empty")
    if len(text) > SEGMENT_MAX_CHARS:
        raise _refused(where, f"is over {SEGMENT_MAX_CHARS:,} characters")
    if _PLAIN.fullmatch(text) is not None:
        return text
    _judge(text, where)
    return quote(text, safe="")  # (4)


def _judge(text: str, where: str) -> None:
    """Decode until nothing changes: dots and controls, once there, stay until then."""
    for _ in range(DECODINGS_MAX):
        once = unquote(text, errors="replace")
        if once == text:
            break
        text = once
    else:
        raise _refused(where, "is percent-encoded too often")
    if _CONTROL.search(text):  # (2)
        raise _refused(where, "holds a control character")
    if any(part.split(";", 1)[0] in {".", ".."} for part in _SEPARATOR.split(text)):  # (3)
        raise _refused(where, "stands for '.' or '..'")


def render_path(template: Template, scopes: Scopes) -> str:
    """The path with each placeholder's value as one segment (or part of one).

    Raises:
        InvalidArguments: a value is missing, or cannot be one segment.
    """
    path = "".join(
        part if isinstance(part, str) else encode_segment(part.value(scopes), _where(part))
        for part in template.parts
    )
    for segment in path.split("/") if "%" in path else ():  # (5)
        _judge(segment, ", ".join(map(_where, template.placeholders)))
    return path


def _where(placeholder: Placeholder) -> str:
    if placeholder.scope == "args":
        return "/" + "/".join(placeholder.path)
    return placeholder.name


def _refused(where: str, what: str) -> InvalidArguments:
    message = f"The path value '{where.removeprefix('/')}' {what}."
    return InvalidArguments(
        message,
        problems=(Problem(where, "path", message, "Send a plain identifier."),),
    )
