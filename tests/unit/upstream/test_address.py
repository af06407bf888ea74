"""The address of a call: the short way for plain values comes to what the long way comes to."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mcpassport.errors import McpassportError
from mcpassport.upstream.address import URL_MAX_CHARS, Address

TEMPLATES = [
    ("https://api.example.com/v1", "/notes/{{args.a}}"),
    ("http://127.0.0.1:8080", "/{{args.a}}/x.{{args.b}}/{{args.a}}"),
    ("https://api.example.com", "/%2{{args.a}}/y"),
    ("https://api.example.com/", "/a~b/{{args.a}}.json"),
]
VALUES = st.text(max_size=6) | st.from_regex(r"[A-Za-z0-9_~.%/-]{1,6}", fullmatch=True)


def outcome(address: Address, scopes: dict[str, dict[str, str]]) -> str:
    try:
        return address.url(scopes)
    except McpassportError as error:
        return type(error).__name__


@pytest.mark.parametrize(("base", "path"), TEMPLATES)
@given(a=VALUES, b=VALUES)
@example(a="e", b="e")
@example(a="..", b="x")
@example(a="n_1", b="-~_")
def test_both_ways_agree(base: str, path: str, a: str, b: str) -> None:
    """Whatever the values, the URL or the refusal is the one that both readings would give."""
    short, long = Address(base, path, (), "t"), Address(base, path, (), "t")
    long._plain = None
    scopes = {"args": {"a": a, "b": b}}
    assert outcome(short, scopes) == outcome(long, scopes)


def test_a_host_from_the_account_is_always_read() -> None:
    """Where a value stands in the host there is no short way."""
    address = Address("https://{{context.shard}}.example.com", "/x", ("*.example.com",), "t")
    assert address._plain is None
    assert address.url({"context": {"shard": "eu1"}}) == "https://eu1.example.com/x"
    assert outcome(address, {"context": {"shard": "a.b"}}) == "AddressForbidden"


def test_a_long_address_of_plain_values_is_refused() -> None:
    """The short way knows the limit too."""
    places = "/".join(f"{{{{args.a{number}}}}}" for number in range(9))
    address = Address("https://api.example.com", f"/{places}", (), "t")
    values = {f"a{number}": "x" * 2_000 for number in range(9)}
    assert URL_MAX_CHARS < 9 * 2_000
    assert outcome(address, {"args": values}) == "InvalidArguments"
