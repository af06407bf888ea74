"""The keyed fingerprint of a call's arguments.

It lets a tenant prove which arguments a row stands for, without the row holding any of them.
"""

import hmac
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import rfc8785

from mcpassport.audit.export import CHECKPOINT_MARK, ROW_MARK, lines_of, row_of
from mcpassport.limits import MAX_SAFE_INTEGER
from mcpassport.records.audit import ChainedRow

_encode_sorted = msgspec.json.Encoder(order="sorted").encode


def fingerprint(key: bytes, arguments: Mapping[str, Any]) -> str:
    """HMAC-SHA256 (RFC 2104) over the RFC 8785 JSON of the arguments, in hex.

    RFC 8785 has no integers beyond 2^53 - 1 (they would lose digits): they count as strings.
    """
    return hmac.digest(key, canonical(arguments), "sha256").hex()


def canonical(arguments: Mapping[str, Any]) -> bytes:
    """The RFC 8785 JSON of the arguments.

    A general encoder writes the same bytes, and faster, where nothing is nested, no number has a
    fraction and every name is ASCII, for which the order of UTF-16 and of UTF-8 is one.
    """
    if all(name.isascii() and _is_simple(value) for name, value in arguments.items()):
        return _encode_sorted(arguments)
    try:
        return rfc8785.dumps(dict(arguments))
    except rfc8785.IntegerDomainError:
        return rfc8785.dumps(_large_integers_as_text(dict(arguments)))


def _is_simple(value: Any) -> bool:
    if isinstance(value, str | bool) or value is None:
        return True
    return isinstance(value, int) and abs(value) <= MAX_SAFE_INTEGER


def _large_integers_as_text(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _large_integers_as_text(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_large_integers_as_text(item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > MAX_SAFE_INTEGER:
        return str(value)
    return value


def rows_with(path: Path, found: str) -> Iterator[ChainedRow]:
    """The rows of an exported file that have this fingerprint, in bounded memory.

    Raises:
        ValueError: names the first line that is no row of an export.
        OSError: the file cannot be read.
    """
    member = b'"fingerprint":"%s"' % found.encode()
    for number, line in lines_of(path):
        if line.startswith(CHECKPOINT_MARK):
            continue
        if not line.startswith(ROW_MARK):
            raise ValueError(f"line {number} is no row of an export")
        if member in line:
            yield row_of(line)
