"""HTTP and JSON-RPC abuse over the whole app: each has its error, and none reaches the upstream."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import pytest
from tests.support.asgi import request
from tests.support.calling import legacy, legacy_headers, modern, modern_headers
from tests.support.items import GET
from tests.support.whole import EVERY_WAY, LIMITS, Call, Door, Era, Met, World, failed, ok, strict

pytestmark = pytest.mark.asyncio(loop_scope="module")

CALL = Call(GET, {"id": "1"})
DOORS: tuple[Door, ...] = ("path", "header")


class Sent(NamedTuple):
    """A body, the headers it needs, and the failure it must be."""

    kind: str
    body: bytes
    headers: dict[str, str]
    era: Era = "legacy"


def _legacy(kind: str, body: bytes | str) -> Sent:
    return Sent(kind, body.encode() if isinstance(body, str) else body, legacy_headers())


def _modern(kind: str, headers: dict[str, str], **meta: Any) -> Sent:
    params = {"name": GET, "arguments": {"id": "1"}}
    return Sent(kind, modern("tools/call", params, **meta), headers, "modern")


FITTING = modern_headers("tools/call", GET)
VERSION = "io.modelcontextprotocol/protocolVersion"
CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"
WHOLE = legacy("tools/call", {"name": GET, "arguments": {"id": "1"}}).decode()
DEEP = "[" * 500_000 + "]" * 500_000

UNREADABLE: dict[str, Sent] = {
    "no body": _legacy("parse_error", b""),
    "half a body": _legacy("parse_error", WHOLE[:-1]),
    "text": _legacy("parse_error", b"tools/call"),
    "two messages": _legacy("parse_error", WHOLE + WHOLE),
    "trailing comma": _legacy("parse_error", WHOLE[:-1] + ",}"),
    "comment": _legacy("parse_error", WHOLE + "// x"),
    "NaN": _legacy("parse_error", WHOLE.replace('"1"', "NaN")),
    "single quotes": _legacy("parse_error", WHOLE.replace('"', "'")),
    "not UTF-8": _legacy("parse_error", WHOLE.encode().replace(b'"1"', b'"\xff"')),
    "overlong UTF-8": _legacy("parse_error", WHOLE.encode().replace(b'"1"', b'"\xc0\xae"')),
    "UTF-16": _legacy("parse_error", WHOLE.encode("utf-16")),
    "byte order mark": _legacy("parse_error", b"\xef\xbb\xbf" + WHOLE.encode()),
    "raw NUL": _legacy("parse_error", WHOLE.replace('"1"', '"\0"')),
    "raw line feed in a text": _legacy("parse_error", WHOLE.replace('"1"', '"\n"')),
    "half of a surrogate pair": _legacy("parse_error", WHOLE.replace('"1"', '"\\ud83d"')),
    "number": _legacy("invalid_request", b"1"),
    "null": _legacy("invalid_request", b"null"),
    "no method": _legacy("invalid_request", b'{"jsonrpc":"2.0","id":1}'),
    "method that is a number": _legacy("invalid_request", b'{"jsonrpc":"2.0","id":1,"method":1}'),
    "JSON-RPC 1.0": _legacy("invalid_request", WHOLE.replace('"2.0"', '"1.0"')),
    "no version": _legacy("invalid_request", WHOLE.replace('"jsonrpc":"2.0",', "")),
    "id that is null": _legacy("invalid_request", WHOLE.replace('"id":1', '"id":null')),
    "id that is an object": _legacy("invalid_request", WHOLE.replace('"id":1', '"id":{}')),
    "id that is a fraction": _legacy("invalid_request", WHOLE.replace('"id":1', '"id":1.5')),
    "params that are an array": _legacy(
        "invalid_request", b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":[]}'
    ),
    "arrays 500,000 deep": _legacy("invalid_request", DEEP),
    "arrays 500,000 deep and open": _legacy("invalid_request", "[" * 500_000),
    "objects 100,000 deep": _legacy("invalid_request", '{"a":' * 100_000 + "1" + "}" * 100_000),
    "arguments 65 deep": _legacy("invalid_request", WHOLE.replace('"1"', "[" * 65 + "]" * 65)),
    "brackets hidden by quotes": _legacy(
        "invalid_request",
        WHOLE.replace('"1"', '"\\"' + "[" * 9 + '"')[:-1] + f',"x":{"[" * 70}{"]" * 70}}}',
    ),
}

REJECTED: dict[str, Sent] = {
    "unknown method": _legacy("method_not_found", legacy("tools/destroy")),
    "resources": _legacy("method_not_found", legacy("resources/list")),
    "modern method in the old era": _legacy("method_not_found", legacy("server/discover")),
    "method of another case": _legacy("method_not_found", legacy("Tools/Call")),
    "very long method": _legacy("method_not_found", legacy("m" * 100_000)),
    "unknown modern method": Sent(
        "method_not_found", modern("tools/destroy"), modern_headers("tools/destroy"), "modern"
    ),
    "old method in the modern era": Sent(
        "method_not_found", modern("initialize"), modern_headers("initialize"), "modern"
    ),
    "ping in the modern era": Sent(
        "method_not_found", modern("ping"), modern_headers("ping"), "modern"
    ),
    "call without params": _legacy("invalid_params", legacy("tools/call")),
    "call without a name": _legacy("invalid_params", legacy("tools/call", {"arguments": {}})),
    "name that is a number": _legacy("invalid_params", legacy("tools/call", {"name": 1})),
    "meta that is no object, so that no era can be told": Sent(
        "invalid_params", legacy("tools/call", {"name": GET, "_meta": 1}), {}, "modern"
    ),
    "cursor of a list in one page": _legacy(
        "invalid_params", legacy("tools/list", {"cursor": "x"})
    ),
    "version in the body only": _modern("header_mismatch", legacy_headers()),
    "another version in the header": _modern(
        "header_mismatch", FITTING | {"mcp-protocol-version": "2025-11-25"}
    ),
    "no version header": _modern(
        "header_mismatch", {k: v for k, v in FITTING.items() if k != "mcp-protocol-version"}
    ),
    "another method in the header": _modern("header_mismatch", FITTING | {"mcp-method": "ping"}),
    "no method header": _modern(
        "header_mismatch", {k: v for k, v in FITTING.items() if k != "mcp-method"}
    ),
    "another tool in the header": _modern("header_mismatch", FITTING | {"mcp-name": "other"}),
    "no tool header": _modern("header_mismatch", modern_headers("tools/call")),
    "tool header in broken Base64": _modern(
        "header_mismatch", FITTING | {"mcp-name": "=?base64?Z!?="}
    ),
    "version that nobody serves": _modern(
        "unsupported_version",
        FITTING | {"mcp-protocol-version": "2099-01-01"},
        **{VERSION: "2099-01-01"},
    ),
    "version that is a number": _modern("invalid_params", FITTING, **{VERSION: 7}),
    "no capabilities": _modern("invalid_params", FITTING, **{CAPABILITIES: None}),
}


def rejected(met: Met, sent: Sent) -> None:
    """The right error, one refusal row, nothing upstream."""
    failed(met, sent.kind, sent.era)
    assert met.upstream == []
    assert met.phases == [f"refusal {sent.kind}"]


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("row", UNREADABLE)
async def test_a_body_that_is_no_message_is_refused(app: World, row: str, door: Door) -> None:
    """Broken JSON, broken text and depth bombs have a JSON-RPC error without a null id."""
    sent = UNREADABLE[row]
    path, own = app.address(door)
    met = await app.post(path, sent.body, sent.headers | own, ok())
    rejected(met, sent)
    assert strict(met.response.body).get("id", "absent") in {"absent", 1}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("row", REJECTED)
async def test_a_message_that_is_no_request_of_ours_is_refused(
    app: World, row: str, door: Door
) -> None:
    """Unknown methods, missing params and headers that differ from the body have their error."""
    sent = REJECTED[row]
    path, own = app.address(door)
    met = await app.post(path, sent.body, sent.headers | own, ok())
    rejected(met, sent)
    assert strict(met.response.body)["id"] == 1


async def test_a_doubled_routing_header_is_refused(app: World) -> None:
    """Two tool names in headers equal no tool name, also when one of them fits."""
    path, _ = app.address("path")
    pairs = [*CALL.headers("modern").items(), ("mcp-name", "other")]
    met = await app.post(path, CALL.body("modern"), pairs, ok())
    rejected(met, Sent("header_mismatch", b"", {}, "modern"))


@pytest.mark.parametrize("way", EVERY_WAY, ids="-".join)
@pytest.mark.parametrize(
    ("name", "value"),
    [("jsonrpc", '"1.0"'), ("method", '"ping"'), ("id", "7"), ("params", '{"name":"other"}')],
)
async def test_of_doubled_members_one_meaning_counts(
    app: World, name: str, value: str, way: tuple[Door, Era]
) -> None:
    """The last of two equal members is the one that is checked, answered, audited and sent."""
    path, own = app.address(way[0])
    body = CALL.body(way[1]).decode()
    first = body.replace("{", f'{{"{name}":{value},', 1)
    met = await app.post(path, first.encode(), CALL.headers(way[1]) | own, ok())
    assert met.response.json()["id"] == 1
    assert met.rows[0].tool == GET
    assert [seen.target for seen in met.upstream] == ["/v1/items/1"]


@pytest.mark.parametrize("door", DOORS)
async def test_a_forged_second_name_is_not_called(app: World, door: Door) -> None:
    """A modern call whose body names two tools is refused unless the header names the last."""
    path, own = app.address(door)
    body = CALL.body("modern").replace(b'"arguments"', b'"name":"other","arguments"')
    met = await app.post(path, body, CALL.headers("modern") | own, ok())
    rejected(met, Sent("header_mismatch", b"", {}, "modern"))


class Refused(NamedTuple):
    """A refusal before any parsing."""

    kind: str
    status: int
    headers: Sequence[tuple[str, str]] = ()
    body: bytes | Sequence[bytes] = CALL.body("legacy")


BIG = LIMITS.request_body_bytes
JSON = ("content-type", "application/json")

BEFORE_PARSING: dict[str, Refused] = {
    "form": Refused(
        "unsupported_media_type", 415, [("content-type", "application/x-www-form-urlencoded")]
    ),
    "plain text": Refused("unsupported_media_type", 415, [("content-type", "text/plain")]),
    "no content type": Refused("unsupported_media_type", 415, [("content-type", "")]),
    "JSON of another kind": Refused(
        "unsupported_media_type", 415, [("content-type", "application/vnd.api+json")]
    ),
    "two content types": Refused("unsupported_media_type", 415, [JSON, ("content-type", "a/b")]),
    "gzip": Refused("unsupported_media_type", 415, [JSON, ("content-encoding", "gzip")]),
    "accepts only HTML": Refused("not_acceptable", 406, [JSON, ("accept", "text/html")]),
    "refuses JSON": Refused("not_acceptable", 406, [JSON, ("accept", "application/json;q=0")]),
    "too long by its own account": Refused(
        "request_too_large", 413, [JSON, ("content-length", str(BIG + 1))]
    ),
    "absurd length": Refused("request_too_large", 413, [JSON, ("content-length", "9" * 4_000)]),
    "too long in one piece": Refused("request_too_large", 413, [JSON], b"x" * (BIG + 1)),
    "too long in chunks": Refused("request_too_large", 413, [JSON], [b"x" * 2**16] * 17),
    "longer than announced": Refused(
        "request_too_large", 413, [JSON, ("content-length", "10")], [b" " * 2**19] * 3
    ),
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("row", BEFORE_PARSING)
async def test_what_is_refused_before_parsing_has_an_envelope(
    app: World, row: str, door: Door
) -> None:
    """Media types and sizes are refused with their status, an envelope, and one refusal row."""
    sent = BEFORE_PARSING[row]
    path, own = app.address(door)
    met = await app.post(path, sent.body, [*sent.headers, *own.items()], ok())
    document = strict(met.response.body)
    assert met.response.status == sent.status
    assert document.keys() == {"error"}
    assert (document["error"]["type"], document["error"]["whose"]) == (sent.kind, "caller")
    assert met.upstream == []
    assert met.phases == [f"refusal {sent.kind}"]
    assert met.rows[0].http_status == sent.status


async def test_a_body_of_exactly_the_limit_is_read(app: World) -> None:
    """The cap is inclusive, and chunks of a body are one body."""
    path, _ = app.address("path")
    body = CALL.body("legacy").ljust(BIG)
    met = await app.post(path, [body[:7], body[7:100], body[100:]], legacy_headers(), ok())
    assert met.result() == {"id": "1"}
    assert len(met.upstream) == 1


STRANGE: dict[str, tuple[str, str, list[tuple[str, str]], int, str]] = {
    "GET": ("GET", "own", [], 405, "method_not_allowed"),
    "DELETE": ("DELETE", "own", [], 405, "method_not_allowed"),
    "PUT": ("PUT", "own", [], 405, "method_not_allowed"),
    "foreign origin": (
        "POST",
        "own",
        [("origin", "https://evil.example")],
        403,
        "origin_forbidden",
    ),
    "null origin": ("POST", "own", [("origin", "null")], 403, "origin_forbidden"),
    "no token": ("POST", "/mcp/", [], 404, "not_found"),
    "a level deeper": ("POST", "own/x", [], 404, "not_found"),
    "server id that is empty": ("POST", "/mcp/s/", [], 404, "not_found"),
}


@pytest.mark.parametrize("row", STRANGE)
async def test_what_resolves_to_nobody_is_only_counted(app: World, row: str) -> None:
    """Wrong methods, origins and addresses are refused, leave no row, and reach nothing."""
    method, path, headers, status, kind = STRANGE[row]
    own = app.address("path")[0]
    app.lab.forget()
    await app.audit("acme")
    response = await request(
        app.house.app,
        path.replace("own", own),
        method=method,
        headers=[JSON, *headers],
        body=CALL.body("legacy"),
    )
    assert response is not None
    assert (response.status, response.json()["error"]["type"]) == (status, kind)
    assert response.header("allow") == ("POST" if status == 405 else None)
    assert app.lab.requests() == []
    assert await app.audit("acme") == []


def _batch(*messages: bytes | str) -> bytes:
    texts = [m.decode() if isinstance(m, bytes) else m for m in messages]
    return f"[{','.join(texts)}]".encode()


BATCHES: dict[str, tuple[str, bytes, dict[str, str]]] = {
    "empty": ("invalid_request", b"[]", {}),
    "longer than allowed": ("invalid_request", _batch(*[WHOLE] * 51), {}),
    "of a newer revision": ("invalid_request", _batch(WHOLE), legacy_headers("2025-06-18")),
    "of a modern client": ("invalid_request", _batch(CALL.body("modern")), FITTING),
    "with a modern message inside": ("invalid_request", _batch(WHOLE, CALL.body("modern")), {}),
    "deep": ("invalid_request", b"[" * 300 + b"]" * 300, {}),
    "cut off": ("parse_error", _batch(WHOLE)[:-1], {}),
    "huge and empty inside": ("invalid_request", _batch(*["{}"] * 10_000), {}),
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("row", BATCHES)
async def test_a_batch_that_is_none_is_refused_whole(app: World, row: str, door: Door) -> None:
    """Empty, long, late and modern batches are one error; none of their calls is made."""
    kind, body, headers = BATCHES[row]
    path, own = app.address(door)
    met = await app.post(path, body, headers | own, ok())
    rejected(met, Sent(kind, body, headers))


@pytest.mark.parametrize("door", DOORS)
async def test_a_batch_is_answered_message_by_message(app: World, door: Door) -> None:
    """Good and bad messages side by side: each request has its answer, its rows, its one call."""
    path, own = app.address(door)
    body = _batch(
        legacy("tools/call", {"name": GET, "arguments": {"id": "a"}}, id_=1),
        legacy("tools/call", {"name": GET, "arguments": {}}, id_=2),
        '{"jsonrpc":"2.0","method":"notifications/initialized"}',
        "7",
        "[]",
        legacy("tools/destroy", id_=3),
        legacy("tools/call", {"name": GET, "arguments": {"id": ".."}}, id_=4),
        legacy("ping", id_=5),
    )
    met = await app.post(path, body, own, ok())
    answers = json.loads(met.response.body)
    assert [answer.get("id") for answer in answers] == [1, 2, None, None, 3, 4, 5]
    assert [seen.target for seen in met.upstream] == ["/v1/items/a"]
    assert met.phases == [
        *("intent", "outcome ok", "refusal invalid_arguments", "intent", "outcome accepted"),
        *("refusal invalid_request", "refusal invalid_request", "refusal method_not_found"),
        *("intent", "outcome invalid_arguments", "intent", "outcome ok"),
    ]
    assert len({row.request_id for row in met.rows}) == 1


@pytest.mark.parametrize(
    "body",
    [
        b'{"jsonrpc":"2.0","method":"tools/call","params":{"name":"%b","arguments":{"id":"1"}}}',
        b'{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}',
        b'{"jsonrpc":"2.0","id":1,"result":{"content":[]}}',
    ],
)
async def test_what_asks_nothing_does_nothing(app: World, body: bytes) -> None:
    """A call without an id, a cancellation and a posted response are accepted without effect."""
    path, _ = app.address("path")
    met = await app.post(path, body.replace(b"%b", GET.encode()), legacy_headers(), ok())
    assert (met.response.status, met.response.body) == (202, b"")
    assert met.upstream == []
    assert met.phases == ["intent", "outcome accepted"]
