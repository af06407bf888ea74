"""The search for secrets finds what is planted in each form, and nothing else."""

import base64
import gzip
import urllib.parse
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from mcpassport.evidence.scan import files_below, forms, found_in, halves, scan

SECRET = "k7/Zq+w9 ~Rr41é"
NOISE = bytes(range(256)) * 20
SPELLINGS: dict[str, Callable[[bytes], bytes]] = {
    "raw": bytes,
    "hex": lambda raw: raw.hex().encode(),
    "HEX": lambda raw: raw.hex().upper().encode(),
    "URL": lambda raw: urllib.parse.quote(raw, safe="").encode(),
    "form": lambda raw: urllib.parse.quote_plus(raw).encode(),
    "gzip": gzip.compress,
    "zlib": lambda raw: zlib.compress(raw, 9),
    "gzip of hex": lambda raw: gzip.compress(raw.hex().encode()),
    "cut gzip": lambda raw: gzip.compress(raw + NOISE)[:-30] + b"\xff" * 600,
    "Base64": lambda raw: base64.b64encode(raw + b"yy"),
    "Base64 after a byte": lambda raw: base64.b64encode(b"x" + raw + b"yy"),
    "Base64 after two bytes": lambda raw: base64.b64encode(b"xx" + raw + b"yy"),
    "Base64 for URLs": lambda raw: base64.urlsafe_b64encode(b"x" + raw + b"yy"),
}


@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS)
def test_a_planted_secret_is_found_in_each_form(
    spell: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    """Between other bytes, in a file of a folder below, and it alone."""
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "page").write_bytes(NOISE + spell(SECRET.encode()) + NOISE)
    (tmp_path / "other").write_bytes(NOISE)
    assert scan([tmp_path], [SECRET, "another-secret"]) == {SECRET: {"page"}}
    assert [file.name for file in files_below([tmp_path])] == ["page", "other"]


def test_what_is_not_there_is_not_found() -> None:
    """Neither in noise, nor its neighbours, nor text too short to mean anything."""
    text = NOISE + SECRET[1:].encode() + gzip.compress(NOISE) + b"short"
    assert found_in(text, [SECRET, "short", ""]) == set()


def test_a_secret_that_a_page_cuts_leaves_a_half() -> None:
    """Cut anywhere, one of both halves is whole on its side."""
    secret = "0123456789abcdefghijklmnopqrstuvwxyzABCD"
    first, second = halves(secret)
    assert first + second == secret
    for cut in range(len(secret)):
        text = NOISE + secret[:cut].encode() + NOISE + secret[cut:].encode()
        assert found_in(text, (first, second))


def test_no_form_is_too_short() -> None:
    """A form that a short secret leaves little of would be found everywhere."""
    assert all(len(form) >= 8 for form in forms("abcdefgh"))
