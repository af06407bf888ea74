"""Look for secrets in files, in every form they commonly take."""

import base64
import urllib.parse
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

ENOUGH = 8
"""Characters that make a finding mean something."""


def forms(secret: str) -> Iterator[bytes]:
    """The secret raw, hex, URL-encoded, and inside Base64 at each of the three alignments."""
    raw = secret.encode()
    yield raw
    yield raw.hex().encode()
    yield raw.hex().upper().encode()
    yield urllib.parse.quote(secret, safe="").encode()
    yield urllib.parse.quote_plus(secret, safe="").encode()
    for shift in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            inner = encode(b"\0" * shift + raw)
            yield inner[4 if shift else 0 : (len(raw) + shift) // 3 * 4]


def found_in(text: bytes, secrets: Iterable[str]) -> set[str]:
    """The secrets that the bytes hold in any form, inside gzip too."""
    texts = [text, *_unpacked(text)]
    return {
        secret
        for secret in secrets
        if len(secret) >= ENOUGH
        and any(form in each for form in forms(secret) if len(form) >= ENOUGH for each in texts)
    }


def scan(paths: Iterable[Path], secrets: Iterable[str]) -> dict[str, set[str]]:
    """Secret -> names of the files that hold it, below every path given."""
    wanted = list(secrets)
    found: dict[str, set[str]] = {}
    for path in paths:
        files = [path] if path.is_file() else [item for item in path.rglob("*") if item.is_file()]
        for file in files:
            for secret in found_in(file.read_bytes(), wanted):
                found.setdefault(secret, set()).add(file.name)
    return found


def _unpacked(text: bytes) -> Iterator[bytes]:
    start = text.find(b"\x1f\x8b\x08")
    while start >= 0:
        with suppress(zlib.error):
            yield zlib.decompressobj(wbits=31).decompress(text[start:])
        start = text.find(b"\x1f\x8b\x08", start + 1)
