"""Arguments over the whole app: what breaks a schema never leaves, what holds arrives exactly."""

import json
from typing import Any
from urllib.parse import parse_qsl

import pytest
from tests.support.items import CREATE, DELETE, GET, LIST, thing
from tests.support.whole import (
    EVERY_WAY,
    WAYS,
    Call,
    Door,
    Era,
    World,
    ok,
    refused,
    succeeded,
    withheld,
)

UNRESERVED = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~"

pytestmark = pytest.mark.asyncio(loop_scope="module")

BROKEN: dict[str, tuple[str, Call]] = {
    "unknown tool": ("unknown_tool", Call("no_such_tool")),
    "tool name with another case": ("unknown_tool", Call(GET.upper(), {"id": "1"})),
    "empty tool name": ("unknown_tool", Call("")),
    "very long tool name": ("unknown_tool", Call("a" * 100_000)),
    "missing argument": ("invalid_arguments", Call(GET)),
    "extra argument": ("invalid_arguments", Call(GET, {"id": "1", "expand": "all"})),
    "prototype argument": ("invalid_arguments", Call(GET, {"id": "1", "__proto__": {}})),
    "argument of another part": ("invalid_arguments", Call(GET, {"id": "1", "path": "/x"})),
    "array for a text": ("invalid_arguments", Call(GET, {"id": ["1"]})),
    "object for a text": ("invalid_arguments", Call(GET, {"id": {"$ne": "1"}})),
    "number for a text": ("invalid_arguments", Call(GET, {"id": 1})),
    "null for a text": ("invalid_arguments", Call(GET, {"id": None})),
    "empty text where one is needed": ("invalid_arguments", Call(GET, {"id": ""})),
    "text for an integer": ("invalid_arguments", Call(CREATE, {"text": "t", "count": "2"})),
    "fraction for an integer": ("invalid_arguments", Call(CREATE, {"text": "t", "count": 1.5})),
    "truth value for an integer": ("invalid_arguments", Call(CREATE, {"text": "t", "count": True})),
    "value outside an enum": ("invalid_arguments", Call(CREATE, {"text": "t", "kind": "odd"})),
    "date that is none": ("invalid_arguments", Call(CREATE, {"text": "t", "due": "2026-13-01"})),
    "text over its length": ("invalid_arguments", Call(CREATE, {"text": "t" * 100_001})),
    "page size beyond the most": ("invalid_arguments", Call(LIST, {"limit": 10**6})),
    "page size of nothing": ("invalid_arguments", Call(LIST, {"limit": 0})),
    "5,000 unknown members": (
        "invalid_arguments",
        Call(GET, {"id": "1"} | {f"m{number}": number for number in range(5_000)}),
    ),
    "arguments nested over the limit": (
        "invalid_request",
        Call(CREATE, raw='{"text":"t","tree":' + "[" * 200 + "]" * 200 + "}"),
    ),
    "arguments that are an array": ("invalid_params", Call(GET, raw='["1"]')),
    "arguments that are a text": ("invalid_params", Call(GET, raw='"id"')),
    "half of a surrogate pair": ("parse_error", Call(GET, raw='{"id":"\\ud800"}')),
    "its other half": ("parse_error", Call(CREATE, raw='{"text":"\\udc00"}')),
    "number beyond a double": ("invalid_arguments", Call(CREATE, raw='{"text":"t","tree":1e999}')),
    "integer of 5,000 digits": (
        "invalid_arguments",
        Call(CREATE, raw='{"text":"t","tree":' + "9" * 5_000 + "}"),
    ),
}


@pytest.mark.parametrize("way", WAYS, ids="-".join)
@pytest.mark.parametrize("row", BROKEN)
async def test_what_breaks_the_schema_is_refused_before_anything_is_sent(
    app: World, row: str, way: tuple[Door, Era]
) -> None:
    """Each fault of the caller's has its error and one refusal in the audit; nothing leaves."""
    kind, call = BROKEN[row]
    met = await app.call(way, call, ok())
    refused(met, kind, way[1])
    assert len(met.response.body) < 10_000


HIDDEN: dict[str, Call] = {
    "write on a server that reads": Call(CREATE, {"text": "t"}),
    "delete on a server that reads": Call(DELETE, {"id": "1"}),
    "custom method": Call(thing("find"), {"text": "t"}),
    "arguments that its schema would refuse": Call(CREATE, {"nonsense": 1}),
}


@pytest.mark.parametrize("way", EVERY_WAY, ids="-".join)
@pytest.mark.parametrize("row", HIDDEN)
async def test_a_hidden_tool_is_an_unknown_one(app: World, row: str, way: tuple[Door, Era]) -> None:
    """A tool outside the server's filter answers, byte for byte, as a name that does not exist."""
    if "reads" not in app.servers:
        app.servers["reads"] = await app.house.server(
            app.accounts["acme"], config={"methods": ["read"], "resources": ["items"]}
        )
    hidden = await app.call(way, HIDDEN[row], ok(), server="reads")
    refused(hidden, "unknown_tool", way[1])
    stranger = await app.call(way, Call("x" * len(HIDDEN[row].tool)), ok(), server="reads")
    assert _without_id(hidden.response.json()) == _without_id(stranger.response.json())


def _without_id(document: dict[str, Any]) -> dict[str, Any]:
    del document["error"]["data"]["request_id"]
    return document


@pytest.mark.parametrize("way", WAYS, ids="-".join)
@pytest.mark.parametrize("row", ["mistyped", "type", "enum", "missing"])
async def test_an_argument_error_says_what_where_and_how_to_mend(
    app: World, row: str, way: tuple[Door, Era]
) -> None:
    """The text for the model names the argument, the rule, and that nothing was sent."""
    call, said = {
        "mistyped": (Call(CREATE, {"text": "t", "cuont": 1}), ("/cuont", "'count'")),
        "type": (Call(CREATE, {"text": 7}), ("/text", "string")),
        "enum": (Call(CREATE, {"text": "t", "kind": "odd"}), ("/kind", "plain")),
        "missing": (Call(CREATE), ("text", "required")),
    }[row]
    met = await app.call(way, call, ok())
    text = met.response.json()["result"]["content"][0]["text"]
    for word in (*said, "Nothing was sent"):
        assert word in text


LARGE = 2**53 + 1
HUGE = 10**40 + 7

EXACT: dict[str, tuple[Call, str, str]] = {
    "in a body": (Call(CREATE, {"text": "t", "number": LARGE}), "", f'"number":{LARGE}'),
    "negative": (Call(CREATE, {"text": "t", "number": -LARGE}), "", f'"number":-{LARGE}'),
    "of 41 digits": (Call(CREATE, {"text": "t", "number": HUGE}), "", f'"number":{HUGE}'),
    "deep in a body": (Call(CREATE, {"text": "t", "tree": [{"n": LARGE}]}), "", f'"n":{LARGE}'),
    "in a query": (Call(thing("find"), {"number": LARGE}), f"/v1/find?number={LARGE}", ""),
    "huge in a query": (Call(thing("find"), {"number": HUGE}), f"/v1/find?number={HUGE}", ""),
    "digits as a text": (
        Call(CREATE, {"text": "t", "number": str(LARGE)}),
        "",
        f'"number":"{LARGE}"',
    ),
    "digits cast by the path of a body": (
        Call(thing("count"), {"number": str(HUGE)}),
        "",
        f'{{"number":{HUGE}}}',
    ),
    "the last exact one before an expression": (
        Call(thing("search"), {"number": 2**53 - 1}),
        "",
        f'"number":{2**53 - 1}',
    ),
    "digits as a text before an expression": (
        Call(thing("search"), {"number": str(LARGE)}),
        "",
        f'"number":"{LARGE}"',
    ),
}


@pytest.mark.parametrize("way", WAYS, ids="-".join)
@pytest.mark.parametrize("row", EXACT)
async def test_integers_arrive_exactly(app: World, row: str, way: tuple[Door, Era]) -> None:
    """Beyond 2^53-1, wherever no expression sees them, integers reach the upstream digit by digit.

    A text of digits with `:int` becomes the integer.
    """
    call, target, part = EXACT[row]
    met = await app.call(way, call, ok())
    succeeded(met)
    (seen,) = met.upstream
    assert seen.target == (target or seen.target)
    assert part in seen.body.decode()


INEXACT: dict[str, tuple[Call, str]] = {
    "with text admitted": (Call(thing("search"), {"number": LARGE}), "Send it as a string"),
    "negative": (Call(thing("search"), {"number": -LARGE}), "Send it as a string"),
    "exactly 2^53": (Call(thing("search"), {"number": 2**53}), "Send it as a string"),
    "without text admitted": (Call(thing("search"), {"only": LARGE}), "Send a smaller integer"),
    "no digits for :int": (Call(thing("count"), {"number": "12x"}), "cannot be read as int"),
    "fraction for :int": (Call(thing("count"), {"number": "1.5"}), "cannot be read as int"),
    "other digits for :int": (Call(thing("count"), {"number": "١٢"}), "cannot be read as int"),
    "too many digits for :int": (Call(thing("count"), {"number": "9" * 5_000}), "cannot be read"),
}


@pytest.mark.parametrize("way", WAYS, ids="-".join)
@pytest.mark.parametrize("row", INEXACT)
async def test_an_integer_that_would_change_is_refused(
    app: World, row: str, way: tuple[Door, Era]
) -> None:
    """What a request expression would round, or `:int` cannot read, is refused with its mend."""
    call, said = INEXACT[row]
    met = await app.call(way, call, ok())
    withheld(met, "invalid_arguments", way[1])
    assert said in met.response.json()["result"]["content"][0]["text"]


HEADER_VALUES: dict[str, tuple[str, str | None]] = {
    "CR LF and a header": ("x\r\nX-Evil: 1", None),
    "LF and a header": ("x\nX-Evil: 1", None),
    "CR alone": ("x\rX-Evil: 1", None),
    "CR LF CR LF and a request": ("x\r\n\r\nGET /v1/evil HTTP/1.1\r\n\r\n", None),
    "NUL": ("x\0y", None),
    "DEL": ("x\x7f", None),
    "escape": ("x\x1b[2J", None),
    "8,001 characters": ("x" * 8_001, None),
    "folded line": ("x\r\n y", None),
    "tab inside": ("a\tb", "a\tb"),
    "colon and comma": ("a: b, c: d", "a: b, c: d"),
    "encoded CR LF": ("x%0d%0aX-Evil: 1", "x%0d%0aX-Evil: 1"),
    "line separator": ("a\u2028b", "a\u2028b"),
    "next line": ("a\u0085b", "a\u0085b"),
    "outside Latin-1": ("naïve 中文", "naïve 中文"),
    "characters that end in CR LF in one byte": ("\u010d\u010a", "\u010d\u010a"),
}


@pytest.mark.parametrize("way", WAYS, ids="-".join)
@pytest.mark.parametrize("row", HEADER_VALUES)
async def test_a_header_argument_stays_one_header(
    app: World, row: str, way: tuple[Door, Era]
) -> None:
    """What could end a header is refused; what cannot arrives as one value of that header."""
    value, expected = HEADER_VALUES[row]
    met = await app.call(way, Call(thing("note"), {"X-Note": value}), ok())
    if expected is None:
        withheld(met, "invalid_arguments", way[1])
        return
    succeeded(met)
    (seen,) = met.upstream
    assert [v.encode("latin-1").decode() for k, v in seen.headers if k == "X-Note"] == [expected]
    assert {name.lower() for name, _ in seen.headers} <= {
        *("x-note", "authorization", "accept", "accept-encoding", "host", "user-agent"),
        "content-length",
    }


QUERY_VALUES = [
    "a&admin=1",
    "a#b",
    "a;b=c",
    "a\r\nb",
    "a\0b",
    "%26admin%3d1",
    "{{context.key}}",
    "é😀",
]


@pytest.mark.parametrize("way", WAYS, ids="-".join)
@pytest.mark.parametrize("value", QUERY_VALUES)
async def test_a_query_argument_stays_one_value(
    app: World, value: str, way: tuple[Door, Era]
) -> None:
    """Separators, controls and templates in a query argument are data, percent-encoded."""
    met = await app.call(way, Call(thing("find"), {"text": value}), ok())
    succeeded(met)
    (seen,) = met.upstream
    path, _, query = seen.target.partition("?")
    assert (path, parse_qsl(query, strict_parsing=True)) == ("/v1/find", [("text", value)])
    assert set(query) <= set(UNRESERVED + "=%")


@pytest.mark.parametrize("way", WAYS, ids="-".join)
async def test_controls_in_a_body_are_data(app: World, way: tuple[Door, Era]) -> None:
    """NUL, quotes and braces in a body argument arrive as the same text."""
    text = 'a\0b","admin":true,"x":"{{context.key}}\u2028'
    met = await app.call(way, Call(CREATE, {"text": text}), ok())
    succeeded(met)
    (seen,) = met.upstream
    assert json.loads(seen.body) == {"text": text}


@pytest.mark.parametrize("way", WAYS, ids="-".join)
async def test_five_thousand_members_pass_where_the_schema_admits_them(
    app: World, way: tuple[Door, Era]
) -> None:
    """A schema that admits any member lets 5,000 of them through in one request, unchanged."""
    arguments = {f"m{number}": number for number in range(5_000)}
    met = await app.call(way, Call(thing("open"), arguments), ok())
    succeeded(met)
    (seen,) = met.upstream
    assert json.loads(seen.body) == arguments


@pytest.mark.parametrize("way", WAYS, ids="-".join)
async def test_of_a_doubled_argument_one_value_travels(app: World, way: tuple[Door, Era]) -> None:
    """The value that was checked is the value that is sent: the last, and only that."""
    raw = '{"text":"first","text":"last"}'
    met = await app.call(way, Call(CREATE, raw=raw), ok())
    succeeded(met)
    (seen,) = met.upstream
    assert seen.body == b'{"text":"last"}'


MIRRORED: dict[str, tuple[dict[str, str], dict[str, Any], bool]] = {
    "equal": ({"mcp-param-region": "eu"}, {"region": "eu"}, True),
    "in Base64": ({"mcp-param-region": "=?base64?ZXU=?="}, {"region": "eu"}, True),
    "absent on both sides": ({}, {}, True),
    "another value": ({"mcp-param-region": "us"}, {"region": "eu"}, False),
    "another case": ({"mcp-param-region": "EU"}, {"region": "eu"}, False),
    "no header": ({}, {"region": "eu"}, False),
    "broken Base64": ({"mcp-param-region": "=?base64?ZX?="}, {"region": "eu"}, False),
}


@pytest.mark.parametrize("row", MIRRORED)
async def test_a_mirrored_argument_equals_its_header(app: World, row: str) -> None:
    """An argument that clients repeat in a header is refused when the two differ (modern era)."""
    headers, arguments, fits = MIRRORED[row]
    call = Call(thing("region"), arguments)
    path, own = app.address("path")
    met = await app.post(
        path, call.body("modern"), {**call.headers("modern"), **own, **headers}, ok()
    )
    if fits:
        succeeded(met)
    else:
        refused(met, "header_mismatch", "modern")
