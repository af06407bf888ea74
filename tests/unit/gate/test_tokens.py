"""Tokens: shape, randomness, checksum, hash."""

import os
import random
import zlib
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpassport.gate.tokens import ALPHABET, checksum, issue, token_hash, well_formed
from mcpassport.limits import API_TOKEN_PREFIX, SERVER_TOKEN_PREFIX
from mcpassport.records.masked import KeyMaterial

PREFIXES = st.sampled_from([SERVER_TOKEN_PREFIX, API_TOKEN_PREFIX])
BODIES = st.text(ALPHABET, min_size=43, max_size=43)


@given(PREFIXES)
def test_what_is_issued_is_well_formed_and_of_its_kind_only(prefix: str) -> None:
    """A token has its prefix, 43 characters and 6 of checksum, and passes as nothing else."""
    token = issue(prefix, os.urandom)
    other = {SERVER_TOKEN_PREFIX, API_TOKEN_PREFIX} - {prefix}
    assert well_formed(token, prefix)
    assert not well_formed(token, other.pop())
    body, _, check = token.removeprefix(prefix).partition("_")
    assert (len(body), len(check)) == (43, 6)


def test_no_two_tokens_are_equal() -> None:
    """Fresh randomness goes into each."""
    assert len({issue(SERVER_TOKEN_PREFIX, os.urandom) for _ in range(200)}) == 200


def test_every_character_is_as_likely_as_any_other() -> None:
    """No modulo bias: taken modulo 62, eight characters would come a quarter more often."""
    draw = random.Random(1).randbytes
    counts: Counter[str] = Counter()
    for _ in range(2_000):
        counts.update(issue(SERVER_TOKEN_PREFIX, draw).split("_")[2])
    expected = 2_000 * 43 / 62
    assert set(counts) == set(ALPHABET)
    assert all(abs(found - expected) < expected * 0.12 for found in counts.values())


@pytest.mark.parametrize(("byte", "starts"), [(0, "0"), (61, "z"), (64, "0"), (125, "z")])
def test_bytes_beyond_the_alphabet_are_drawn_again(byte: int, starts: str) -> None:
    """Values 62 and 63 are skipped, not folded onto others."""
    token = issue(SERVER_TOKEN_PREFIX, lambda size: bytes([62, 63, byte] * size))
    assert token.removeprefix(SERVER_TOKEN_PREFIX).startswith(starts * 43)


@given(PREFIXES, BODIES, st.data())
def test_the_checksum_detects_every_change_of_one_character(
    prefix: str, body: str, data: st.DataObject
) -> None:
    """Whatever single character is replaced, the token is no longer well formed."""
    text = f"{prefix}{body}_"
    token = text + checksum(text)
    assert well_formed(token, prefix)
    index = data.draw(st.integers(0, len(token) - 1))
    letter = data.draw(st.sampled_from(ALPHABET + "_-. é").filter(lambda c: c != token[index]))
    changed = token[:index] + letter + token[index + 1 :]
    assert not well_formed(changed, prefix)


@given(st.text(max_size=80), PREFIXES)
def test_no_other_text_is_well_formed(text: str, prefix: str) -> None:
    """Arbitrary text, prefixed or not, is refused without an error."""
    assert not well_formed(text, prefix)
    assert not well_formed(prefix + text, prefix)
    assert not well_formed(prefix + "٣" * 43 + "_000000", prefix)


@given(st.text(ALPHABET + "_"))
def test_the_checksum_is_the_crc_in_base62(text: str) -> None:
    """Six characters, most significant first, padded with zeros."""
    value = 0
    for letter in checksum(text):
        value = value * 62 + ALPHABET.index(letter)
    assert value == zlib.crc32(text.encode())


def test_the_hash_depends_on_the_key_and_hides_the_token() -> None:
    """HMAC-SHA256 in hex (RFC 4231, test case 2): without the key it says nothing."""
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert token_hash(KeyMaterial(b"Jefe"), "what do ya want for nothing?") == expected
    assert token_hash(KeyMaterial(b"other"), "what do ya want for nothing?") != expected
