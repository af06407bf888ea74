"""What every body format must hold: what was given arrives, and nothing else comes along."""

import json
from base64 import b64encode
from email import message_from_bytes, policy
from typing import Any
from urllib.parse import parse_qsl

import pytest
from tests.support.rawserver import Exchange, plain, raw_server
from tests.support.upstreams import SECRET, World, make_account, make_tool, response

from mcpassport.errors import InvalidArguments
from mcpassport.http import HttpClient
from mcpassport.limits import Limits
from mcpassport.records.tool import Route, Tool
from mcpassport.upstream.bodies import BODY_FORMATS
from mcpassport.upstream.bodies.encoded import PARTS_MAX, Members, file_of

BYTES = bytes(range(256))
FILE = {"type": "string", "contentEncoding": "base64", "contentMediaType": "image/png"}
NAMED = {
    "type": "object",
    "properties": {"data": FILE, "filename": {"type": "string"}, "content_type": {}},
}
SCHEMA = {
    "type": "object",
    "properties": {
        "photo": FILE,
        "paper": {"$ref": "#/$defs/body__paper"},
        "pages": {"type": "array", "items": FILE},
        "table": {"type": "string", "contentMediaType": "text/csv"},
    },
    "$defs": {"body__paper": NAMED},
}
WHOLE: dict[str, dict[str, Any]] = {
    "bytes": {"type": "string", "contentEncoding": "base64", "contentMediaType": "image/png"},
    "text": {"type": "string", "contentMediaType": "text/csv"},
    "plain": {"type": "string"},
}
PAYLOADS: dict[str, tuple[Any, ...]] = {
    "json": ({"a": 1}, [1], "x", None),
    "form": ({"a": "b c&d=é+", "n": 2**60, "t": True, "f": 1.5, "none": None},),
    "multipart": ({"a": "é", "n": 2**60, "o": {"x": [1]}, "none": None},),
    "raw": ("text é",),
}
NONE = Members("repeat", {})


def tool_of(body_format: str, *names: str, **more: Any) -> Tool:
    routes = [Route(name, "body", name) for name in names]
    return make_tool(
        *routes, http="POST", body_format=body_format, schema=more.pop("schema", SCHEMA), **more
    )


async def sent(tool: Tool, **arguments: Any) -> tuple[str, bytes]:
    """The content type and the body of the call."""
    world = World(response({}))
    outcome = await world.call(tool, **arguments)
    if outcome.error is not None:
        raise outcome.error
    request = world.http.request
    types = [value for name, value in request.headers if name == "Content-Type"]
    assert len(types) == 1
    return types[0], request.body or b""


def parts_of(content_type: str, body: bytes) -> list[Any]:
    """The parts, read by the standard library's parser of messages."""
    head = f"Content-Type: {content_type}\r\nMIME-Version: 1.0\r\n\r\n".encode()
    message = message_from_bytes(head + body, policy=policy.HTTP.clone(utf8=True))
    assert not message.defects
    found = [] if not message.is_multipart() else list(message.iter_parts())
    assert all(not part.defects for part in found)
    return found


def shown(part: Any) -> tuple[Any, Any, Any, Any]:
    """Name, file name, media type as written, and bytes."""
    disposition = part["Content-Disposition"].params
    return (
        disposition["name"],
        disposition.get("filename"),
        part["Content-Type"],
        part.get_payload(decode=True),
    )


def test_every_format_has_a_case() -> None:
    """A new format must bring its case, or this suite would pass it by."""
    assert set(PAYLOADS) == set(BODY_FORMATS)


@pytest.mark.parametrize("name", BODY_FORMATS)
async def test_the_length_is_that_of_the_body(name: str) -> None:
    """What is announced is what arrives, small or large, in one request with one type."""
    for size in (0, 3, 2**19):
        value = {"a": "x" * size} if name != "raw" else "x" * size
        route = Route("body", "body", None)
        tool = make_tool(route, http="POST", body_format=name)
        async with raw_server(plain) as server:
            world = World()
            client = HttpClient(
                limits=Limits(), private_hosts=[f"127.0.0.1:{server.port}"], user_agent="test"
            )
            world.http.send = client.send  # type: ignore[method-assign]  # the network itself
            tool = make_tool(route, http="POST", body_format=name, base_url=server.origin)
            outcome = await world.upstream.call(tool, {"body": value}, make_account(), SECRET, 1)
            await client.close()
        assert outcome.error is None
        (exchange,) = server.exchanges
        assert announced(exchange) == len(exchange.body) == outcome.bytes_out
        assert exchange.head.lower().count(b"content-type:") == 1
        assert exchange.body.count(b"x" * size) >= 1


def announced(exchange: Exchange) -> int:
    (length,) = (
        line.partition(b":")[2]
        for line in exchange.head.split(b"\r\n")
        if line.lower().startswith(b"content-length:")
    )
    return int(length)


@pytest.mark.parametrize("name", BODY_FORMATS)
def test_what_cannot_be_sent_is_an_argument_error(name: str) -> None:
    """Half a surrogate pair is refused, and not shown."""
    for value in PAYLOADS[name]:
        assert BODY_FORMATS[name].encode(value, NONE) == BODY_FORMATS[name].encode(value, NONE)
    with pytest.raises(InvalidArguments):
        BODY_FORMATS[name].encode("\ud800" if name == "raw" else {"a": "\ud800"}, NONE)


@pytest.mark.parametrize("name", ["form", "multipart"])
@pytest.mark.parametrize("value", [[], "x", 1, None])
def test_a_body_without_names_is_refused(name: str, value: Any) -> None:
    """These formats hold named values."""
    with pytest.raises(InvalidArguments):
        BODY_FORMATS[name].encode(value, NONE)


@pytest.mark.parametrize("name", ["form", "multipart"])
def test_too_many_values_are_refused(name: str) -> None:
    """A list cannot become a body of any number of parts."""
    BODY_FORMATS[name].encode({"a": ["x"] * PARTS_MAX}, NONE)
    with pytest.raises(InvalidArguments):
        BODY_FORMATS[name].encode({"a": ["x"] * (PARTS_MAX + 1)}, NONE)


@pytest.mark.parametrize("name", ["form", "multipart"])
async def test_headers_of_the_integration_do_not_change_how_it_is_read(name: str) -> None:
    """The media type goes with the body, whatever headers say."""
    headers = {"content-type": "text/plain"}
    content_type, _ = await sent(tool_of(name, "a", headers=headers), a="b")
    assert content_type != "text/plain"


async def test_a_body_that_grew_too_large_is_refused() -> None:
    """A template may repeat an argument; what comes of it has a cap."""
    tool = make_tool(("a", "body"), http="POST", body=dict.fromkeys("abcdef", "{{args.a}}"))
    world = World(limits=Limits(request_body_bytes=1000))
    assert isinstance((await world.call(tool, a="x" * 900)).error, InvalidArguments)
    assert not world.http.requests


# ---- form ----------------------------------------------------------------------------------------


async def test_a_form_says_what_was_given() -> None:
    """Any text, exact integers, truth values; nulls are left out."""
    tool = tool_of("form", "a", "n", "t", "none")
    arguments = {"a": "b c&d=é+\r\n%", "n": 2**60, "t": True, "none": None}
    content_type, body = await sent(tool, **arguments)
    assert content_type == "application/x-www-form-urlencoded"
    expected = [("a", "b c&d=é+\r\n%"), ("n", str(2**60)), ("t", "true")]
    assert parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True) == expected


@pytest.mark.parametrize(
    ("arrays", "pairs"),
    [
        ("repeat", [("x", "1"), ("x", "b")]),
        ("comma", [("x", "1,b")]),
        ("brackets", [("x[]", "1"), ("x[]", "b")]),
        ("indices", [("x[0]", "1"), ("x[1]", "b")]),
    ],
)
async def test_lists_of_a_form(arrays: str, pairs: list[tuple[str, str]]) -> None:
    """Written as those of the query."""
    _, body = await sent(tool_of("form", "x", query_array_format=arrays), x=[1, None, "b"])
    assert parse_qsl(body.decode()) == pairs


@pytest.mark.parametrize(
    ("arrays", "value", "pairs"),
    [
        ("brackets", {"a": {"b": "c", "d": [1, 2]}}, ["x[a][b]=c", "x[a][d][]=1", "x[a][d][]=2"]),
        ("indices", [{"a": 1}, {"a": [2]}], ["x[0][a]=1", "x[1][a][0]=2"]),
        ("brackets", [{"a": 1}], None),
        ("brackets", [[1]], None),
        ("repeat", {"a": 1}, None),
        ("repeat", [{"a": 1}], None),
        ("comma", {"a": 1}, None),
        ("comma", [[1]], None),
    ],
)
async def test_nested_values_of_a_form(arrays: str, value: Any, pairs: list[str] | None) -> None:
    """What can be read back in one way only is written; anything else is refused by its name."""
    tool = tool_of("form", "x", query_array_format=arrays)
    if pairs is None:
        with pytest.raises(InvalidArguments) as caught:
            await sent(tool, x=value)
        assert caught.value.problems[0].where.startswith("/x")
        return
    _, body = await sent(tool, x=value)
    assert [f"{name}={item}" for name, item in parse_qsl(body.decode())] == pairs


async def test_a_form_of_nothing_is_empty() -> None:
    """A body whose arguments are all left out."""
    assert (await sent(tool_of("form", "a")))[1] == b""


# ---- multipart -----------------------------------------------------------------------------------


async def test_parts_say_what_was_given() -> None:
    """Texts and numbers as text, objects as JSON, lists by repeating the name."""
    tool = tool_of("multipart", "a", "n", "t", "o", "l", "none")
    arguments = {"a": "é\r\n--x", "n": 2**60, "t": False, "o": {"k": [1]}, "l": ["x", "y"]}
    content_type, body = await sent(tool, **arguments, none=None)
    found = [shown(part) for part in parts_of(content_type, body)]
    assert found == [
        ("a", None, None, "é\r\n--x".encode()),
        ("n", None, None, str(2**60).encode()),
        ("t", None, None, b"false"),
        ("o", None, "application/json", b'{"k":[1]}'),
        ("l", None, None, b"x"),
        ("l", None, None, b"y"),
    ]


async def test_files_arrive_to_the_byte() -> None:
    """By the schema's encoding and media type, with a name of their own or the member's."""
    data = b64encode(BYTES).decode()
    tool = tool_of("multipart", *SCHEMA["properties"])
    named = {"data": data, "filename": 'Übersicht "1".pdf', "content_type": "application/pdf"}
    content_type, body = await sent(
        tool, photo=data, paper=named, pages=[data, data], table="a,b\r\n"
    )
    found = [shown(part) for part in parts_of(content_type, body)]
    assert found == [
        ("photo", "photo", "image/png", BYTES),
        ("paper", "Übersicht %221%22.pdf", "application/pdf", BYTES),
        ("pages", "pages", "image/png", BYTES),
        ("pages", "pages", "image/png", BYTES),
        ("table", None, "text/csv", b"a,b\r\n"),
    ]


async def test_a_template_places_a_file() -> None:
    """Under another name than the argument's; beside it, plain members stay plain."""
    tool = make_tool(
        ("photo", "body"),
        http="POST",
        body_format="multipart",
        schema=SCHEMA,
        body={"upload": "{{args.photo}}", "kind": "picture"},
    )
    content_type, body = await sent(tool, photo=b64encode(BYTES).decode())
    found = [shown(part) for part in parts_of(content_type, body)]
    assert found == [
        ("upload", "upload", "image/png", BYTES),
        ("kind", None, None, b"picture"),
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        {"photo": "no base64!"},
        {"photo": "AAA"},
        {"photo": 1},
        {"paper": {"data": "AAAA", "filename": "a\r\nX-Evil: 1"}},
        {"paper": {"data": "AAAA", "filename": "a\nb"}},
        {"paper": {"data": "AAAA", "filename": "a\x00b"}},
        {"paper": {"data": "AAAA", "filename": "a\u2028b"}},
        {"paper": {"data": "AAAA", "filename": "../../etc/passwd"}},
        {"paper": {"data": "AAAA", "filename": "a\\b"}},
        {"paper": {"data": "AAAA", "filename": ".."}},
        {"paper": {"data": "AAAA", "filename": "x" * 256}},
        {"paper": {"data": "AAAA", "filename": 1}},
        {"paper": {"data": "AAAA", "content_type": "text/html\r\nX-Evil: 1"}},
        {"paper": {"data": "AAAA", "content_type": "text"}},
        {"paper": {"data": "AAAA", "more": 1}},
        {"paper": {}},
        {"paper": {"data": "\ud800"}},
    ],
)
async def test_a_file_of_no_use_is_refused(arguments: dict[str, Any]) -> None:
    """Nothing is sent, and no header or part of the caller's own can be made."""
    world = World()
    tool = tool_of("multipart", *SCHEMA["properties"])
    outcome = await world.call(tool, **arguments)
    assert isinstance(outcome.error, InvalidArguments)
    assert not world.http.requests


@pytest.mark.parametrize("name", ["a\r\nX-Evil: 1", "a\nb", "a\r", "a\x00", "", "x" * 256])
@pytest.mark.parametrize("body_format", ["form", "multipart"])
def test_a_name_that_cannot_be_sent_is_refused(body_format: str, name: str) -> None:
    """Names come from callers where a schema lets members through that it does not name."""
    with pytest.raises(InvalidArguments):
        BODY_FORMATS[body_format].encode({name: "x"}, NONE)


def test_quotes_in_a_name_end_nothing() -> None:
    """They are percent-encoded, as browsers do it."""
    encoded = BODY_FORMATS["multipart"].encode({'a"; filename="b': "x"}, NONE)
    assert b'name="a%22; filename=%22b"' in encoded.body


def test_the_boundary_is_in_no_part() -> None:
    """It follows from the parts; a part that holds it makes another one."""
    first = BODY_FORMATS["multipart"].encode({"a": "x"}, NONE)
    boundary = first.media_type.partition("boundary=")[2]
    second = BODY_FORMATS["multipart"].encode({"a": f"\r\n--{boundary}--\r\n"}, NONE)
    (part,) = parts_of(second.media_type, second.body)
    assert shown(part)[3] == f"\r\n--{boundary}--\r\n".encode()
    assert first == BODY_FORMATS["multipart"].encode({"a": "x"}, NONE)


# ---- raw -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "given", "content_type", "body"),
    [
        ("bytes", b64encode(BYTES).decode(), "image/png", BYTES),
        ("text", "a,é\r\n", "text/csv", "a,é\r\n".encode()),
        ("plain", "é", "text/plain; charset=utf-8", "é".encode()),
    ],
)
async def test_a_raw_body_is_what_was_given(
    kind: str, given: str, content_type: str, body: bytes
) -> None:
    """To the byte, under the schema's media type."""
    schema = {"type": "object", "properties": {"body": WHOLE[kind]}}
    tool = make_tool(Route("body", "body", None), http="PUT", body_format="raw", schema=schema)
    assert await sent(tool, body=given) == (content_type, body)


async def test_a_raw_body_takes_the_media_type_of_the_headers() -> None:
    """The integration may know better than a schema."""
    headers = {"content-type": "application/xml"}
    route = Route("body", "body", None)
    tool = make_tool(route, http="PUT", body_format="raw", headers=headers)
    world = World(response({}))
    await world.call(tool, body="<a/>")
    sent_as = {name.lower(): value for name, value in world.http.request.headers}
    assert sent_as["content-type"] == "application/xml"


@pytest.mark.parametrize("value", [{"a": 1}, [1], 1, None, True])
def test_a_raw_body_that_is_no_text_is_refused(value: Any) -> None:
    """Nothing is made of it by guessing."""
    with pytest.raises(InvalidArguments):
        BODY_FORMATS["raw"].encode(value, NONE)


# ---- which members are files ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schema", "file"),
    [
        ({"type": "string"}, None),
        ({"type": "string", "contentEncoding": "base64"}, ("", True)),
        ({"type": "string", "contentMediaType": "text/csv"}, ("text/csv", False)),
        ({"type": "string", "contentMediaType": "no type"}, ("", False)),
        ({"anyOf": [{"type": "null"}, FILE]}, ("image/png", True)),
        ({"allOf": [{"$ref": "#/$defs/file"}]}, ("image/png", True)),
        ({"type": "array", "items": {"$ref": "#/$defs/file"}}, ("image/png", True)),
        ({"type": "object", "properties": {"data": FILE}}, ("image/png", True)),
        ({"type": "object", "properties": {"data": FILE, "size": {}}}, None),
        ({"type": "object", "properties": {"data": {"type": "string"}}}, None),
        ({"$ref": "#/$defs/loop"}, None),
        ({"$ref": "#/$defs/nothing"}, None),
        (True, None),
    ],
)
def test_a_schema_says_what_is_a_file(schema: Any, file: Any) -> None:
    """Through references and unions; a reference that circles is no file."""
    root = {"$defs": {"file": FILE, "loop": {"$ref": "#/$defs/loop"}}}
    assert file_of(schema, root) == file


def test_json_is_exact() -> None:
    """Integers beyond 2^53 arrive as they are."""
    assert json.loads(BODY_FORMATS["json"].encode({"n": 2**60}, NONE).body) == {"n": 2**60}
