"""Integers that a double would round become strings, and nothing else changes."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpassport.expressions import protect_integers

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**25), 10**25)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def expected(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: expected(member) for name, member in value.items()}
    if isinstance(value, list):
        return [expected(element) for element in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**15:
        return str(value)
    return value


@given(JSON, st.booleans())
def test_long_integers_become_strings_and_the_rest_stays(value: Any, ascii_only: bool) -> None:
    """The result decodes to the same value with integers of 16 or more digits as strings."""
    text = json.dumps(value, ensure_ascii=ascii_only, allow_nan=False).encode(
        "utf-8", "surrogatepass"
    )
    protected, changed = protect_integers(text)
    assert json.loads(protected.decode("utf-8", "surrogatepass")) == expected(value)
    assert changed == (expected(value) != value)


@pytest.mark.parametrize(
    "text",
    [
        b"123456789012345",
        b"0.12345678901234567890",
        b"1234567890123456.5",
        b"1234567890123456e1",
        b"1E+1234567890123456",
        b'"1234567890123456"',
        b'"\\"1234567890123456\\\\"',
    ],
)
def test_what_is_not_a_long_integer_stays(text: bytes) -> None:
    """Short integers, fractions, exponents and digits in strings are left alone."""
    assert protect_integers(text) == (text, False)
