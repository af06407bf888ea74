"""Bodies are checked before anything of them is spliced; what passes is byte-faithful."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.upstreams import response

from mcpassport.errors import MalformedUpstreamResponse
from mcpassport.upstream.body import at_path, checked_json, json_of, scalar_text, text_as_json

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('ab[{"\\'), inner),
    max_leaves=15,
)


def depth_of(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth_of, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth_of, value), default=0)
    return 0


@given(JSON, st.integers(0, 6), st.sampled_from([None, 2]))
def test_json_within_the_depth_passes_byte_for_byte(
    value: object, depth: int, indent: int | None
) -> None:
    """Brackets in strings do not count; what is too deep is refused, what is not is unchanged."""
    text = json.dumps(value, indent=indent).encode()
    if depth_of(value) > depth:
        with pytest.raises(MalformedUpstreamResponse):
            checked_json(text, depth)
    else:
        assert checked_json(b" \n" + text + b"\n", depth) == text


@pytest.mark.parametrize(
    "text",
    [
        b'1,"isError":false',
        b"{} {}",
        b"{",
        b"NaN",
        b"[Infinity]",
        b"-Infinity",
        b"1e999",
        b'{"a":["1e999",-1E+400]}',
        b"9" * 4_301,
        b"9" * 309 + b".5",
        b'"\xff"',
        b'"\xed\xa0\x80"',
        b'"\\ud800"',
        b"\xef\xbb\xbf{}",
        b"'a'",
        b"01",
        b"[1,]",
        b'"a\nb"',
        b"<html>",
        b"[" * 100 + b"]" * 100,
        b"[" * 100_000,
        b"{}\x00",
    ],
)
def test_what_is_not_one_json_text_is_refused(text: bytes) -> None:
    """Truncated, trailing, non-finite, badly encoded and too deep bodies are malformed."""
    with pytest.raises(MalformedUpstreamResponse):
        checked_json(text, 64)


@pytest.mark.parametrize(
    "text", [b"1e308", b'"1e999"', b'{"\\"1e999":-1E-999}', b"9" * 4_300, b"[0e000, 1e+000]"]
)
def test_large_numbers_that_readers_know_pass(text: bytes) -> None:
    """Doubles, long integers, and texts that look like numbers are left as they are."""
    assert checked_json(text, 64) == text


@pytest.mark.parametrize(
    ("content_type", "body", "result"),
    [
        ("application/json; charset=utf-8", b"[1]", b"[1]"),
        ("application/problem+json", b"{}", b"{}"),
        ("text/html", b"", b"null"),
        ("application/json", b" \r\n", b"null"),
        ("text/plain", b"{}", None),
        ("text/html", b"<p>", None),
        ("application/octet-stream", b"{}", None),
    ],
)
def test_content_types(content_type: str, body: bytes, result: bytes | None) -> None:
    """JSON is itself, nothing is null, and what says that it is something else is not read."""
    assert json_of(response(body, headers=[("content-type", content_type)]), 8) == result


@pytest.mark.parametrize(
    ("content_type", "body", "result"),
    [
        ("text/plain", 'a"é'.encode(), '"a\\"é"'.encode()),
        ("text/plain; charset=ISO-8859-1", b"\xe9", '"é"'.encode()),
        ("text/html", b"<p>", None),
    ],
)
def test_plain_text_can_be_a_json_string(
    content_type: str, body: bytes, result: bytes | None
) -> None:
    """For expressions that expect JSON, plain text is a string; other texts are not taken."""
    assert text_as_json(response(body, headers=[("content-type", content_type)])) == result


@pytest.mark.parametrize(
    ("content_type", "body"), [("text/plain", b"\xff"), ("text/plain; charset=utf-7", b"a")]
)
def test_a_text_outside_its_charset_is_malformed(content_type: str, body: bytes) -> None:
    """A text is read in the charset that it names, and only in those that cannot deceive."""
    with pytest.raises(MalformedUpstreamResponse):
        text_as_json(response(body, headers=[("content-type", content_type)]))


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("a", b'{ "b": [1, {"c": 12345678901234567890}] }'),
        ("a.b.1.c", b"12345678901234567890"),
        ("a.b.2", None),
        ("a.b.-1", None),
        ("a.b.x", None),
        ("a.x", None),
        ("a.b.0.y", None),
    ],
)
def test_a_path_finds_the_text_as_it_stands(path: str, found: bytes | None) -> None:
    """Spaces and long integers survive; what is not there is None."""
    text = b'{"z":0, "a": { "b": [1, {"c": 12345678901234567890}] }}'
    assert at_path(text, path) == found


@pytest.mark.parametrize(
    ("text", "result"),
    [(None, None), (b"null", None), (b'""', None), (b'"\\u00e9"', "é"), (b"-7", "-7")],
)
def test_scalars_as_text(text: bytes | None, result: str | None) -> None:
    """Strings are decoded, numbers keep their digits, nothing is None."""
    assert scalar_text(text) == result


@pytest.mark.parametrize("text", [b"true", b"[]", b"{}"])
def test_what_is_no_scalar_is_malformed(text: bytes) -> None:
    """Truth values, arrays and objects are not texts."""
    with pytest.raises(MalformedUpstreamResponse):
        scalar_text(text)
