"""Look for secrets in bytes and files, in every form they commonly take.

The forms: as it is, URL-encoded, hex, inside Base64 at each of its three alignments, and each of
those inside a gzip or zlib stream. Whoever plants a secret and finds it nowhere has shown nothing
until the same search found it where it was put.
"""

import base64
import urllib.parse
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

ENOUGH: Final = 8
"""Characters that make a finding mean something."""
STREAMS: Final = ((b"\x1f\x8b\x08", 31), (b"\x78\x01", 15), (b"\x78\x9c", 15), (b"\x78\xda", 15))
"""How compressed data begins (RFC 1952, RFC 1950), and the window that zlib takes for it."""
UNPACKED_MAX: Final = 2**26
_STEP: Final = 512


def forms(secret: str) -> frozenset[bytes]:
    """Every spelling of the secret that is long enough to mean something."""
    raw = secret.encode()
    found = {
        raw,
        raw.hex().encode(),
        raw.hex().upper().encode(),
        urllib.parse.quote(secret, safe="").encode(),
        urllib.parse.quote_plus(secret, safe="").encode(),
    }
    for shift in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            inner = encode(b"\0" * shift + raw)
            found.add(inner[4 if shift else 0 : (len(raw) + shift) // 3 * 4])
    return frozenset(form for form in found if len(form) >= ENOUGH)


def halves(secret: str) -> tuple[str, str]:
    """Both halves of a random secret: one that a page of a database cuts leaves one of them whole.

    A known prefix must be taken off before, or every secret of the kind is found.
    """
    middle = len(secret) // 2
    return secret[:middle], secret[middle:]


def found_in(text: bytes, secrets: Iterable[str]) -> set[str]:
    """The secrets that the bytes hold in any form, inside gzip or zlib too."""
    texts = [text, *_unpacked(text)]
    return {
        secret
        for secret in secrets
        if len(secret) >= ENOUGH and any(form in each for form in forms(secret) for each in texts)
    }


def files_below(paths: Iterable[Path]) -> list[Path]:
    """Every regular file at or below the paths, in order."""
    found: set[Path] = set()
    for path in paths:
        found |= {path} if path.is_file() else {item for item in path.rglob("*") if item.is_file()}
    return sorted(found)


def scan(paths: Iterable[Path], secrets: Iterable[str]) -> dict[str, set[str]]:
    """Secret -> names of the files that hold it, below every path given."""
    wanted = list(secrets)
    found: dict[str, set[str]] = {}
    for file in files_below(paths):
        with suppress(FileNotFoundError):  # a journal may go while we look
            for secret in found_in(file.read_bytes(), wanted):
                found.setdefault(secret, set()).add(file.name)
    return found


def _unpacked(text: bytes) -> Iterator[bytes]:
    for mark, window in STREAMS:
        start = text.find(mark)
        while start >= 0:
            if inner := _inflated(text, start, window):
                yield inner
            start = text.find(mark, start + 1)


def _inflated(text: bytes, start: int, window: int) -> bytes:
    """What a stream holds, up to the place where it is cut or damaged."""
    stream, found = zlib.decompressobj(wbits=window), bytearray()
    with suppress(zlib.error):
        for at in range(start, len(text), _STEP):
            found += stream.decompress(text[at : at + _STEP])
            if stream.eof or len(found) > UNPACKED_MAX:
                break
    return bytes(found)
