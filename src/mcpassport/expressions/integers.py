"""Integers that a double cannot hold become strings before an expression sees them."""

import re

_SHAPE = bytes.maketrans(b"123456789", b"0" * 9)
_LONG_RUN = b"0" * 16
"""What 16 digits in a row look like, when each digit is a zero: found many times faster."""
_STRING_OR_INTEGER = re.compile(
    rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|(?<![0-9.eE+\-])(-?[0-9]{16,}+)(?![.eE])', re.DOTALL
)


def protect_integers(text: bytes) -> tuple[bytes, bool]:
    """Turn each integer of 16 or more digits in this valid JSON text into a string.

    JSONata calculates in doubles, which are exact up to 2^53-1 (16 digits). Digits inside strings,
    fractions and exponents stay. The second value says whether anything was changed.
    """
    if _LONG_RUN not in text.translate(_SHAPE):
        return text, False
    changed = False

    def quote(match: re.Match[bytes]) -> bytes:
        nonlocal changed
        digits = match.group(1)
        if digits is None:
            return match.group()
        changed = True
        return b'"%b"' % digits

    return _STRING_OR_INTEGER.sub(quote, text), changed
