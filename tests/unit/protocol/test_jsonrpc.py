"""Reading and writing JSON-RPC messages."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcpassport.errors import InvalidRequest, ParseError
from mcpassport.protocol.jsonrpc import (
    Bad,
    Batch,
    Notification,
    Request,
    Response,
    answer,
    fault,
    parse,
    read_id,
    too_deep,
)


def read(text: str | bytes, **caps: int) -> Any:
    body = text.encode() if isinstance(text, str) else text
    return parse(body, depth=caps.get("depth", 8), batch=caps.get("batch", 3))


@pytest.mark.parametrize("id_", ["0", '""', '"a"', "-7", "123456789012345678901234567890"])
def test_ids_come_back_as_they_were(id_: str) -> None:
    """Zero, empty text and integers of any size are ids, and are echoed digit by digit."""
    message = read(f'{{"jsonrpc":"2.0","id":{id_},"method":"ping"}}')
    assert message == Request(id_.encode(), "ping", None)
    assert answer(message.id, b"{}") == b'{"jsonrpc":"2.0","id":%s,"result":{}}' % id_.encode()


@pytest.mark.parametrize("id_", ["null", "true", "1.5", "1e3", "[1]", "{}"])
def test_what_is_no_id_is_refused_and_never_echoed(id_: str) -> None:
    """An id that is null or of another type makes the request invalid, without an id."""
    message = read(f'{{"jsonrpc":"2.0","id":{id_},"method":"ping"}}')
    assert isinstance(message.error, InvalidRequest)
    assert message.id is None
    assert b'"id"' not in fault(message.id, -32600, "x")


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_text_ids_survive_any_escaping(text: str) -> None:
    """A text id is equal after the round trip however it was escaped."""
    for escaped in (json.dumps(text), json.dumps(text, ensure_ascii=False)):
        read_back = read_id(escaped.encode())
        assert read_back is not None
        assert json.loads(read_back) == text


def test_kinds_of_messages_are_told_apart() -> None:
    """A method with an id is a request, without one a notification; a result is a response."""
    assert read('{"jsonrpc":"2.0","method":"n","params":{"a":1}}') == Notification("n", b'{"a":1}')
    assert read('{"jsonrpc":"2.0","id":1,"result":{}}') == Response()
    assert read('{"jsonrpc":"2.0","id":1,"error":{"code":1}}') == Response()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "nonsense",
        '{"jsonrpc":"2.0"} x',
        b"\xff",
        b'{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":"\xff"}}',
        b"\xef\xbb\xbf{}",
        '{"a":"\\ud800"}',
        '[1, {"bad]',
    ],
)
def test_what_is_not_json_is_a_parse_error(text: str | bytes) -> None:
    """Broken JSON, broken UTF-8 and lone surrogates, also where nobody looks, are no JSON."""
    message = read(text)
    assert isinstance(message, Bad)
    assert isinstance(message.error, ParseError)
    assert message.id is None


def test_half_of_a_surrogate_pair_is_named() -> None:
    """A text that many languages write without a word gets a hint; other broken texts do not."""
    half, broken = read('{"a":"\\ud83d"}'), read('{"a":1')
    assert isinstance(half, Bad)
    assert isinstance(broken, Bad)
    assert "surrogate pair" in str(half.error)
    assert "surrogate pair" not in str(broken.error)


@pytest.mark.parametrize(
    ("text", "id_"),
    [
        ("1", None),
        ('"text"', None),
        ("null", None),
        ("{}", None),
        ("[]", None),
        ("[1,2,3,4]", None),
        ('{"jsonrpc":"1.0","id":5,"method":"m"}', b"5"),
        ('{"id":5,"method":"m"}', b"5"),
        ('{"jsonrpc":"2.0","id":5}', b"5"),
        ('{"jsonrpc":"2.0","id":5,"method":7}', b"5"),
        ('{"jsonrpc":"2.0","id":5,"method":"m","params":[1]}', b"5"),
        ('{"jsonrpc":"2.0","id":5,"method":"m","params":null}', b"5"),
    ],
)
def test_what_is_no_message_is_an_invalid_request(text: str, id_: bytes | None) -> None:
    """JSON that is no JSON-RPC message is refused with its id where one could be read."""
    message = read(text)
    assert isinstance(message, Bad)
    assert isinstance(message.error, InvalidRequest)
    assert message.id == id_


def test_batches_keep_their_order_and_their_broken_members() -> None:
    """Each member of an array is read by itself."""
    message = read('[{"jsonrpc":"2.0","id":1,"method":"ping"},5,{"jsonrpc":"2.0","method":"n"}]')
    assert isinstance(message, Batch)
    assert [type(item) for item in message.items] == [Request, Bad, Notification]


JSON = st.recursive(
    st.none() | st.text('[]{}"\\a', max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=20,
)


def levels(value: Any) -> int:
    if isinstance(value, dict):
        value = list(value.values())
    return 1 + max(map(levels, value), default=0) if isinstance(value, list) else 0


@given(JSON, st.integers(0, 6))
def test_depth_is_counted_in_levels(value: Any, depth: int) -> None:
    """A text is too deep exactly when its brackets nest deeper, brackets in strings not counted."""
    assert too_deep(json.dumps(value).encode(), depth) == (levels(value) > depth)


def test_deep_bodies_are_refused_before_they_are_parsed() -> None:
    """A body nested deeper than the cap is an invalid request; at the cap it is read."""
    text = '{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":%s}}'
    assert isinstance(read(text % ("[" * 7 + "]" * 7)), Bad)
    assert isinstance(read(text % ("[" * 6 + "]" * 6)), Request)


@pytest.mark.parametrize(
    "body",
    [b"[" * 200_000, b"[]" * 200_000, b'"' + b'\\"' * 200_000 + b"[[[[[[[[[[[[", b'["' * 200_000],
)
def test_hostile_bodies_are_read_in_linear_time(body: bytes) -> None:
    """Bodies made to keep a scanner busy are refused like any other."""
    assert isinstance(read(body), Bad)


@given(st.binary(max_size=200))
def test_any_bytes_are_some_message(body: bytes) -> None:
    """Nothing that arrives makes `parse` raise."""
    read(body)


def test_results_are_spliced_verbatim() -> None:
    """The answer is one JSON object with the result's own bytes."""
    assert msgspec.json.decode(answer(b'"x"', b'{"a":[1]}')) == {
        "jsonrpc": "2.0",
        "id": "x",
        "result": {"a": [1]},
    }
