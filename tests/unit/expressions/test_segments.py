"""A value in a path stays exactly one segment, whatever it holds."""

from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from yarl import URL

from mcpassport.errors import InvalidArguments
from mcpassport.expressions import parse_template, render_path
from mcpassport.expressions.segments import SEGMENT_MAX_CHARS

TEMPLATE = parse_template("/v1/{{args.a}}/notes/{{args.b}}.json", "path")
HOSTILE = [
    "",
    ".",
    "..",
    "%2e",
    "%2e%2e",
    "%2E.",
    "%252e%252E",
    "%25252e%25252e",
    "a/../b",
    "..\\b",
    "%2e%2e%2fb",
    "..;x",
    "a\r\nHost: b",
    "a%0d%0ab",
    "a\x00",
    "%00",
    "\x7f",
    "\u2028",
    "\ud800",
    "%" + "25" * 10 + "41",
    "x" * 100_000,
]


@given(st.text(min_size=1), st.text(min_size=1))
@example("//host", "?x#y")
@example("\\\\host\\x", "a;b=c")
@example("①②⑦.0.0.1", "user@host:80")
def test_a_value_never_changes_the_shape_of_the_path(first: str, second: str) -> None:
    """Rendered, the path has the template's segments for every parser, or is refused."""
    try:
        path = render_path(TEMPLATE, {"args": {"a": first, "b": second}})
    except InvalidArguments:
        return
    for url in (URL(f"https://h{path}", encoded=True), URL(f"https://h{path}")):
        segments = url.raw_path.split("/")
        assert (len(segments), segments[1], segments[3]) == (5, "v1", "notes")
        assert url.host == "h"
        assert not url.raw_query_string
    sent = urlsplit(f"https://h{path}").path.split("/")
    assert unquote(sent[2]) == first
    assert unquote(sent[4]) == f"{second}.json"


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: ascii(value)[:20])
def test_a_hostile_value_is_refused(value: str) -> None:
    """Dots however encoded, controls, nothing at all and too much are argument errors."""
    with pytest.raises(InvalidArguments) as caught:
        render_path(TEMPLATE, {"args": {"a": value, "b": "x"}})
    assert caught.value.problems[0].where == "/a"


@pytest.mark.parametrize(
    ("template", "first", "second"),
    [
        ("/v1/{{args.a}}{{args.b}}", "%2", "e"),
        ("/v1/{{args.a}}{{args.b}}/x", "%2", "e%2e"),
        ("/v1/{{args.a}}{{args.b}}", "%2", "e;x"),
        ("/v1/.{{args.a}}{{args.b}}", ";x", "%"),
        ("/v1/{{args.a}}{{args.b}}", "%0", "d"),
    ],
)
def test_values_that_are_harmless_apart_cannot_climb_together(
    template: str, first: str, second: str
) -> None:
    """A segment of several pieces is judged as a whole, however often a server decodes it."""
    path = parse_template(template, "path")
    with pytest.raises(InvalidArguments):
        render_path(path, {"args": {"a": first, "b": second}})
    apart = parse_template("/v1/{{args.a}}/{{args.b}}", "path")
    assert render_path(apart, {"args": {"a": first, "b": second}})


@pytest.mark.parametrize("args", [{}, {"a": None}])
def test_a_missing_value_is_refused(args: dict[str, str | None]) -> None:
    """A path cannot be built without each of its values."""
    with pytest.raises(InvalidArguments):
        render_path(TEMPLATE, {"args": args})


def test_the_longest_value_passes() -> None:
    """Two thousand characters are still one segment."""
    value = "é" * SEGMENT_MAX_CHARS
    assert unquote(render_path(parse_template("/{{args.a}}", "path"), {"args": {"a": value}}))[1:]
