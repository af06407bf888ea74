"""The recording upstream, as its own process."""

import asyncio
import gzip
import http.client
import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from tests.support.lab import Lab, rule, running_lab

from mcpassport.lab.wire import Malformed, read_request


@pytest.fixture(scope="module")
def shared() -> Iterator[Lab]:
    with running_lab() as lab:
        yield lab


@pytest.fixture
def lab(shared: Lab) -> Lab:
    shared.answers()
    shared.forget()
    return shared


def exchange(lab: Lab, data: bytes) -> bytes:
    """Send bytes as they are and read until the lab closes."""
    with socket.create_connection((lab.host, lab.port), timeout=10) as link:
        link.sendall(data)
        answer = b""
        while part := link.recv(65536):
            answer += part
        return answer


def test_it_says_that_it_serves(lab: Lab) -> None:
    """Health is 200 and is not recorded."""
    assert lab.control("GET", "health") == {"status": "ok"}
    assert lab.requests() == []


def test_a_request_without_an_answer_is_recorded_and_gets_404(lab: Lab) -> None:
    """Method, raw target, headers and body are kept byte for byte."""
    data = (
        b"POST /a%2Fb/../c?q=%41 HTTP/1.1\r\nHost: x\r\nX-A: 1\r\nx-a:  \xe9 \r\n"
        b"Content-Length: 3\r\nConnection: close\r\n\r\n\x00\xff\n"
    )
    assert exchange(lab, data).startswith(b"HTTP/1.1 404 Not Found\r\n")
    (seen,) = lab.requests()
    assert (seen.method, seen.target, seen.body) == ("POST", "/a%2Fb/../c?q=%41", b"\x00\xff\n")
    assert [value for name, value in seen.headers if name.lower() == "x-a"] == ["1", "\xe9"]
    assert seen.ended == "answered"


def test_a_chunked_request_is_read_whole(lab: Lab) -> None:
    """The body is the chunks joined; what follows is the next request."""
    data = (
        b"PUT /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3;a=b\r\nabc\r\n2\r\nde\r\n0\r\nT: 1\r\n\r\n"
        b"GET /y HTTP/1.1\r\nConnection: close\r\n\r\n"
    )
    exchange(lab, data)
    first, second = lab.requests()
    assert (first.body, second.target) == (b"abcde", "/y")
    assert first.connection == second.connection


def test_the_first_rule_that_fits_answers_and_may_be_used_up(lab: Lab) -> None:
    """Rules are tried in order, each at most `times` times, then the next one."""
    lab.answers(
        rule("/v1/x", "one", method="GET", times=1),
        rule("/v1/x?a=1", "query"),
        rule("/v1/*", json={"rest": True}, status=201),
    )
    answers = [lab.send("GET", "/v1/x?b"), lab.send("GET", "/v1/x?a=1"), lab.send("GET", "/v1/y")]
    assert answers == [(200, b"one"), (200, b"query"), (201, b'{"rest": true}')]
    assert lab.send("POST", "/v1/x") == (201, b'{"rest": true}')
    assert lab.send("GET", "/v2")[0] == 404


def test_raw_bytes_are_sent_as_they_are(lab: Lab) -> None:
    """A raw answer need not be HTTP at all."""
    lab.answers(rule("/x", raw=b"\x00\x01 no http\r\n", fault={"kind": "truncated", "bytes": 0}))
    assert exchange(lab, b"GET /x HTTP/1.1\r\n\r\n") == b"\x00\x01 no http\r\n"


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"kind": "close"}, b""),
        ({"kind": "truncated", "bytes": 2}, b"he"),
        ({"kind": "truncated", "bytes": 0}, b"\r\n\r\n"),
    ],
)
def test_a_broken_answer_ends_the_connection(
    lab: Lab, fault: dict[str, Any], expected: bytes
) -> None:
    """Close and truncated stop where they say, and the record shows who closed."""
    lab.answers(rule("/x", "hello", fault=fault))
    answer = exchange(lab, b"GET /x HTTP/1.1\r\n\r\n")
    assert answer.endswith(expected)
    assert (b"Content-Length: 5" in answer) == (fault["kind"] == "truncated")
    assert lab.requests()[0].ended == "closed"


LINES = b"{}\n[1]\n"
CHUNKED = [["Transfer-Encoding", "chunked"]]


@pytest.mark.parametrize(
    ("fault", "headers", "expected"),
    [
        ({}, [], b"{}\n[1]\n"),
        ({"seconds": 0.01}, CHUNKED, b"3\r\n{}\n\r\n4\r\n[1]\n\r\n0\r\n\r\n"),
        ({"pieces": 1, "then": "close"}, CHUNKED, b"3\r\n{}\n\r\n"),
        ({"pieces": 1}, CHUNKED, b"3\r\n{}\n\r\n0\r\n\r\n"),
        ({"ends": "["}, CHUNKED, b"4\r\n{}\n[\r\n3\r\n1]\n\r\n0\r\n\r\n"),
    ],
)
def test_a_paced_answer_comes_in_pieces(
    lab: Lab, fault: dict[str, Any], headers: list[list[str]], expected: bytes
) -> None:
    """Cut where it is told, as chunks or as they are, and ended as it is told."""
    lab.answers(rule("/x", LINES, headers=headers, fault={"kind": "paced", **fault}))
    answer = exchange(lab, b"GET /x HTTP/1.1\r\nConnection: close\r\n\r\n")
    assert answer.partition(b"\r\n\r\n")[2] == expected


def test_a_stalled_answer_ends_when_its_client_leaves(lab: Lab) -> None:
    """Some pieces come, then nothing, until the client hangs up."""
    fault = {"kind": "paced", "pieces": 1, "then": "stall"}
    lab.answers(rule("/x", LINES, headers=CHUNKED, fault=fault))
    with socket.create_connection((lab.host, lab.port), timeout=10) as link:
        link.sendall(b"GET /x HTTP/1.1\r\n\r\n")
        answer = b""
        while not answer.endswith(b"{}\n\r\n"):
            answer += link.recv(65536)
        assert lab.requests()[0].ended == "open"
    assert lab.wait_for(1, ended="client_closed")


def test_a_reset_is_no_close(lab: Lab) -> None:
    """What was sent before may arrive; then the connection is reset."""
    lab.answers(rule("/x", "hello", fault={"kind": "reset"}))
    with pytest.raises(ConnectionResetError):
        exchange(lab, b"GET /x HTTP/1.1\r\n\r\n")
    assert lab.wait_for(1, ended="closed")


@pytest.mark.parametrize("part", ["head", "body"])
def test_a_dripping_answer_comes_whole_in_the_end(lab: Lab, part: str) -> None:
    """Byte by byte is still the answer."""
    lab.answers(rule("/x", "slow", fault={"kind": "drip", "seconds": 0.0001, "part": part}))
    assert lab.send("GET", "/x") == (200, b"slow")


def test_a_stalled_answer_holds_the_connection_until_its_client_leaves(lab: Lab) -> None:
    """The beginning arrives, the rest never does."""
    lab.answers(rule("/x", "hello", fault={"kind": "stall", "bytes": 2}))
    with socket.create_connection((lab.host, lab.port), timeout=10) as link:
        link.sendall(b"GET /x HTTP/1.1\r\n\r\n")
        answer = b""
        while not answer.endswith(b"\r\n\r\nhe"):
            answer += link.recv(65536)
        assert lab.requests()[0].ended == "open"
    assert lab.wait_for(1, ended="client_closed")


@pytest.mark.parametrize("coding", ["identity", "gzip"])
def test_a_flood_is_as_large_as_it_says(lab: Lab, coding: str) -> None:
    """Two mebibytes and the body, framed by their true length; a bomb is far smaller."""
    fault = {"kind": "flood", "mebibytes": 2, "coding": coding}
    lab.answers(rule("/x", "[]", headers=[["Content-Encoding", coding]], fault=fault))
    status, body = lab.send("GET", "/x")
    assert status == 200
    assert (gzip.decompress(body) if coding == "gzip" else body) == b" " * 2**21 + b"[]"
    assert (len(body) < 20_000) == (coding == "gzip")


@pytest.mark.parametrize("before", ["head", "body"])
def test_a_client_that_hangs_up_is_seen_at_once(lab: Lab, before: str) -> None:
    """A delayed answer is dropped when its client leaves; a patient one gets it whole."""
    lab.answers(rule("/x", "late", fault={"kind": "delay", "seconds": 600, "before": before}))
    with socket.create_connection((lab.host, lab.port), timeout=10) as link:
        link.sendall(b"GET /x HTTP/1.1\r\n\r\n")
        assert lab.wait_for(1)[0].ended == "open"
    assert lab.wait_for(1, ended="client_closed")
    lab.answers(rule("/x", "late", fault={"kind": "delay", "seconds": 0.01, "before": before}))
    assert lab.send("GET", "/x") == (200, b"late")


@pytest.mark.parametrize(
    "bad",
    [
        [],
        {"answers": [{"path": "/", "extra": 1}]},
        {"answers": [{"path": "/", "body": "not base64!"}]},
        {"answers": [{"path": "/", "fault": {"kind": "earthquake"}}]},
        {"answers": [{"path": "/", "fault": {"kind": "delay"}}]},
        {"answers": [{"path": "/", "fault": {"kind": "close", "extra": 1}}]},
    ],
)
def test_a_bad_rule_is_refused_and_changes_nothing(lab: Lab, bad: Any) -> None:
    """Rules are decoded strictly: 400 says why, and the former rules stay."""
    lab.answers(rule("/x", "kept"))
    status, body = lab.send("PUT", "/_lab/answers", json.dumps(bad))
    assert (status, list(json.loads(body))) == (400, ["error"])
    assert lab.send("GET", "/x") == (200, b"kept")


@pytest.mark.parametrize(
    "data",
    [
        b"GET /\r\n\r\n",
        b"GET / HTTP/1.1\r\nnonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n",
    ],
)
def test_what_is_no_request_gets_400(lab: Lab, data: bytes) -> None:
    """Bytes that are no HTTP request are answered 400 and recorded nowhere."""
    assert exchange(lab, data).startswith(b"HTTP/1.1 400 ")
    assert lab.requests() == []


def test_records_can_be_forgotten(lab: Lab) -> None:
    """After DELETE the list is empty; numbers go on."""
    lab.send("GET", "/a")
    assert lab.control("DELETE", "requests") == {"forgotten": 1}
    number = lab.send("GET", "/b") and lab.requests()[0].number
    assert number > 1
    assert lab.send("GET", "/_lab/nothing")[0] == 404


def test_a_connection_is_kept(lab: Lab) -> None:
    """Several requests on one connection are told to be so."""
    connection = http.client.HTTPConnection(lab.host, lab.port, timeout=10)
    for path in ("/1", "/2"):
        connection.request("GET", path)
        connection.getresponse().read()
    connection.close()
    first, second = lab.requests()
    assert first.connection == second.connection


async def test_endless_headers_end_the_request() -> None:
    """Headers beyond the reader's limit are malformed, not collected."""
    reader = asyncio.StreamReader(limit=100)
    reader.feed_data(b"GET / HTTP/1.1\r\nX: " + b"a" * 300)
    with pytest.raises(Malformed):
        await read_request(reader)
