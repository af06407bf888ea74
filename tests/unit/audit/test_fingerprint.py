"""The argument fingerprint."""

import hashlib
import hmac

import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from mcpassport.audit.fingerprint import canonical, fingerprint

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=3)
    ),
    max_leaves=8,
)


def test_fingerprint_can_be_recomputed() -> None:
    """Whoever holds the key recomputes it from canonical JSON and HMAC-SHA256 alone."""
    expected = hmac.new(b"key", b'{"a":1,"b":"x"}', hashlib.sha256).hexdigest()
    assert fingerprint(b"key", {"b": "x", "a": 1}) == expected


def test_large_integers_count_as_text() -> None:
    """An integer beyond 2^53 - 1 keeps every digit, anywhere in the arguments."""
    large = 2**63
    assert fingerprint(b"k", {"a": [{"b": large}]}) == fingerprint(b"k", {"a": [{"b": str(large)}]})
    assert fingerprint(b"k", {"a": large}) != fingerprint(b"k", {"a": large + 1})
    assert fingerprint(b"k", {"a": -large, "t": True}) == fingerprint(
        b"k", {"a": str(-large), "t": True}
    )


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), JSON, max_size=4))
def test_any_arguments_have_one(arguments: dict[str, object]) -> None:
    """Every JSON object has a fingerprint, and the key decides it."""
    assert len(fingerprint(b"k", arguments)) == 64
    assert fingerprint(b"k", arguments) != fingerprint(b"other", arguments)


SIMPLE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**53) + 1, 2**53 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
) | st.text(st.characters(exclude_categories=["Cs"]))


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), SIMPLE, max_size=5))
def test_the_short_way_writes_what_rfc_8785_wants(arguments: dict[str, object]) -> None:
    """Arguments that nothing is nested in have the same canonical JSON on either way."""
    assert canonical(arguments) == rfc8785.dumps(arguments)  # type: ignore[arg-type]


def test_every_character_is_written_as_rfc_8785_wants() -> None:
    """Escapes are the same on either way, for every character there is."""
    for start in range(0, 0x110000, 0x800):
        text = "".join(map(chr, range(start, start + 0x800)))
        if not 0xD800 <= start < 0xE000:
            assert canonical({"a": text}) == rfc8785.dumps({"a": text}), hex(start)
