"""Pieces of a streamed body to events."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpassport.errors import MalformedUpstreamResponse, ResponseTooLarge
from mcpassport.upstream.events import SPLITTERS, Event, Splitter

CAP = 100


def split(kind: str, *pieces: bytes, cap: int = CAP, depth: int = 8) -> list[Event]:
    """Every event of the pieces."""
    splitter: Splitter = SPLITTERS[kind](cap, depth)
    events = [event for piece in pieces for event in splitter.feed(piece)]
    return [*events, *splitter.finish()]


def values(kind: str, *pieces: bytes) -> list[bytes]:
    return [event.value for event in split(kind, *pieces)]


NDJSON: dict[str, tuple[bytes, list[bytes]]] = {
    "lines": (b'{"a":1}\n[2]\n', [b'{"a":1}', b"[2]"]),
    "no feed at the end": (b"1\n2", [b"1", b"2"]),
    "carriage returns": (b"1\r\n2\r\n", [b"1", b"2"]),
    "empty lines": (b"\n1\n \n\r\n2\n\n", [b"1", b"2"]),
    "blanks around": (b" 1 \n\t2\n", [b"1", b"2"]),
    "nothing": (b"", []),
    "a return inside a line is a blank": (b"[1,\r2]\n", [b"[1,\r2]"]),
}


@pytest.mark.parametrize("row", NDJSON)
def test_each_line_is_an_event(row: str) -> None:
    """JSON texts byte for byte; empty lines are nothing."""
    body, expected = NDJSON[row]
    assert values("ndjson", body) == expected


SSE: dict[str, tuple[bytes, list[tuple[str, bytes]]]] = {
    "JSON": (b'data: {"a":1}\n\n', [("message", b'{"a":1}')]),
    "text": (b"data: a b\n\n", [("message", b'"a b"')]),
    "JSON that is none": (b"data: [DONE]\n\n", [("message", b'"[DONE]"')]),
    "no blank after the colon": (b"data:1\n\n", [("message", b"1")]),
    "one blank is dropped": (b"data:  x\n\n", [("message", b'" x"')]),
    "several lines": (b"data: a\ndata: b\n\n", [("message", b'"a\\nb"')]),
    "JSON in several lines": (b"data: [1,\ndata: 2]\n\n", [("message", b"[1,\n2]")]),
    "a name": (b"event: progress\ndata: 1\n\n", [("progress", b"1")]),
    "an empty name": (b"event:\ndata: 1\n\n", [("message", b"1")]),
    "a name is of one event": (
        b"event: a\ndata: 1\n\ndata: 2\n\n",
        [("a", b"1"), ("message", b"2")],
    ),
    "without data there is none": (b"event: a\n\ndata: 1\n\n", [("message", b"1")]),
    "empty data": (b"data\n\n", [("message", b'""')]),
    "comments and other fields": (b": hi\nid: 7\nretry: 5\nx: y\ndata: 1\n\n", [("message", b"1")]),
    "carriage returns": (
        b"data: 1\r\rdata: 2\r\n\r\ndata: 3\n\r",
        [("message", b"1"), ("message", b"2"), ("message", b"3")],
    ),
    "byte order mark": (b"\xef\xbb\xbfdata: 1\n\n", [("message", b"1")]),
    "mark of a later line": (b"\n\xef\xbb\xbfdata: 1\n\n", []),
    "letters": ("event: é\ndata: ü\n\n".encode(), [("é", '"ü"'.encode())]),
    "only comments": (b": a\n: b\n\n", []),
    "nothing": (b"", []),
}


@pytest.mark.parametrize("row", SSE)
def test_server_sent_events_are_read_as_browsers_read_them(row: str) -> None:
    """Fields, names, line ends and comments by the WHATWG's rules; data is JSON or a text."""
    body, expected = SSE[row]
    assert [(event.name, event.value) for event in split("sse", body)] == expected


CUT_POINTS = st.lists(st.integers(0, 60), max_size=8)


@given(st.sampled_from(sorted(SSE)), CUT_POINTS)
def test_pieces_make_no_difference_to_events(row: str, points: list[int]) -> None:
    """Wherever the network cuts, also between CR and LF or in a letter, the events are the same."""
    body, expected = SSE[row]
    edges = sorted({0, len(body), *(min(point, len(body)) for point in points)})
    pieces = [body[start:end] for start, end in pairwise(edges)]
    assert [(event.name, event.value) for event in split("sse", *pieces, b"")] == expected


@given(
    st.lists(st.recursive(st.integers() | st.text(), st.lists, max_leaves=3)),
    CUT_POINTS,
)
def test_pieces_make_no_difference_to_lines(documents: list[object], points: list[int]) -> None:
    """What was encoded line by line is what arrives."""
    lines = [json.dumps(value, ensure_ascii=False).encode() for value in documents]
    body = b"\n".join(lines)
    edges = sorted({0, len(body), *(min(point, len(body)) for point in points)})
    pieces = [body[start:end] for start, end in pairwise(edges)]
    found = [event.value for event in split("ndjson", *pieces, cap=10_000)]
    assert found == lines


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("ndjson", b'{"a":1'),
        ("ndjson", b'1\n{"a":'),
        ("ndjson", b"1\n\xff"),
        ("sse", b"data: 1"),
        ("sse", b"data: 1\n"),
        ("sse", b"data: 1\n\ndata: 2\n"),
        ("sse", b": keep"),
    ],
)
def test_a_body_that_ends_within_an_event_is_malformed(kind: str, body: bytes) -> None:
    """A cut could have taken anything away, so nothing of it counts."""
    with pytest.raises(MalformedUpstreamResponse, match="ended within an event"):
        split(kind, body)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("ndjson", b"{}x\n"),
        ("ndjson", b"nonsense\n1\n"),
        ("ndjson", b'"\xff"\n'),
        ("ndjson", b'"\\ud800"\n'),
        ("ndjson", b"1e999\n"),
        ("ndjson", b"[" * 9 + b"]" * 9 + b"\n"),
        ("ndjson", b"<html>\n</html>\n"),
        ("ndjson", b'1,"isError":false\n'),
        ("sse", b"data: \xff\n\n"),
        ("sse", b"data: \xed\xa0\x80\n\n"),
        ("sse", b"event: \xff\ndata: 1\n\n"),
    ],
)
def test_an_event_that_cannot_be_read_is_malformed(kind: str, body: bytes) -> None:
    """A line that is not one JSON text, and bytes that are not UTF-8."""
    with pytest.raises(MalformedUpstreamResponse):
        split(kind, body)


@pytest.mark.parametrize("data", [b"1e999", b"[" * 9 + b"]" * 9, b"{", b'"\\ud800"'])
def test_data_that_is_no_good_json_is_a_text(data: bytes) -> None:
    """Server-sent data may be any text; what is not JSON that we would pass on stays one."""
    (event,) = split("sse", b"data: " + data + b"\n\n")
    assert json.loads(event.value) == data.decode()


@pytest.mark.parametrize(
    ("kind", "pieces"),
    [
        ("ndjson", [b'"' + b"x" * CAP + b'"\n']),
        ("ndjson", [b'"'] + [b"x"] * (CAP + 1)),
        ("ndjson", [b" " * (CAP + 1)]),
        ("sse", [b"data: " + b"x" * CAP + b"\n\n"]),
        ("sse", [b"data: x\n"] * CAP),
        ("sse", [b": " + b"x" * CAP]),
        ("sse", [b"event: " + b"x" * CAP + b"\n"]),
    ],
)
def test_an_event_over_the_cap_is_refused_before_it_is_whole(
    kind: str, pieces: list[bytes]
) -> None:
    """A line that never ends, and an event of endless lines, are held to the cap as they come."""
    with pytest.raises(ResponseTooLarge, match="over the cap of 100 bytes"):
        split(kind, *pieces)


@pytest.mark.parametrize(
    ("kind", "filler"),
    [("ndjson", b"\n"), ("sse", b"\n"), ("sse", b"\r"), ("sse", b"\r\n"), ("sse", b":\r")],
)
def test_many_short_lines_are_read_in_one_pass(kind: str, filler: bytes) -> None:
    """A quarter of a million line ends in one piece are no event, and no work that squares."""
    assert not split(kind, filler * 2**18)
