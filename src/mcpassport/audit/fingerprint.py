"""The keyed fingerprint of a call's arguments.

It lets a tenant prove which arguments a row stands for, without the row holding any of them.
"""

import hmac
from collections.abc import Mapping
from typing import Any

import rfc8785

from mcpassport.limits import MAX_SAFE_INTEGER


def fingerprint(key: bytes, arguments: Mapping[str, Any]) -> str:
    """HMAC-SHA256 (RFC 2104) over the RFC 8785 JSON of the arguments, in hex.

    RFC 8785 has no integers beyond 2^53 - 1 (they would lose digits): they count as strings.
    """
    try:
        text = rfc8785.dumps(dict(arguments))
    except rfc8785.IntegerDomainError:
        text = rfc8785.dumps(_large_integers_as_text(dict(arguments)))
    return hmac.digest(key, text, "sha256").hex()


def _large_integers_as_text(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _large_integers_as_text(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_large_integers_as_text(item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > MAX_SAFE_INTEGER:
        return str(value)
    return value
