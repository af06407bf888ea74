"""The argument fingerprint."""

import hashlib
import hmac

from hypothesis import given
from hypothesis import strategies as st

from mcpassport.audit.fingerprint import fingerprint

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
