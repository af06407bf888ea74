"""Building a request: where arguments go, what is refused, and that nothing leaves its address."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.upstreams import World, make_account, make_tool, response
from yarl import URL

from mcpassport.errors import (
    AddressForbidden,
    ExpressionFailed,
    InvalidArguments,
    InvalidIntegration,
    McpassportError,
)
from mcpassport.limits import LIMITS, Limits
from mcpassport.records.integration import Authorization, Pagination
from mcpassport.records.tool import Part, Route
from mcpassport.upstream.address import Address


async def refused(
    tool: Any, kind: type[McpassportError], account: Any = None, /, **arguments: Any
) -> McpassportError:
    world = World()
    outcome = await world.call(tool, account, **arguments)
    assert isinstance(outcome.error, kind), outcome.error
    assert not outcome.sent
    assert not world.http.requests
    return outcome.error


async def sent(tool: Any, account: Any = None, /, **arguments: Any) -> Any:
    world = World(response({}))
    outcome = await world.call(tool, account, **arguments)
    assert outcome.error is None
    return world.http.request


async def test_arguments_go_where_their_routes_send_them() -> None:
    """Path, query, header and body each get their own, under the upstream's names."""
    tool = make_tool(
        ("id", "path"),
        ("q", "query"),
        Route("header_q", "header", "X-Q"),
        Route("body_q", "body", "q"),
        ("unused", "query"),
        method="update",
        http="PATCH",
        path="/notes/{{args.id}}",
    )
    request = await sent(tool, id="a/b", q="x y&z", header_q="h", body_q={"n": 10**30})
    assert request.method == "PATCH"
    assert request.url == "https://api.example.com/v1/notes/a%2Fb?q=x%20y%26z"
    assert dict(request.headers) == {
        "Accept": "application/json",
        "Content-Type": "application/json",
        "X-Q": "h",
    }
    assert request.body == b'{"q":{"n":1' + b"0" * 30 + b"}}"
    assert request.max_body == Limits().upstream_body_bytes


async def test_templates_fill_query_headers_and_body() -> None:
    """Missing values drop their key; arguments are laid over what templates gave."""
    tool = make_tool(
        ("title", "body"),
        http="POST",
        method="create",
        query={"kind": "note", "region": "{{context.region}}", "gone": "{{args.gone}}", "n": 1},
        headers={"X-Region": "r-{{context.region}}", "X-Gone": "{{context.gone}}"},
        body={"title": "untitled", "author": {"id": "{{args.author:int}}"}},
    )
    account = make_account(context={"region": "eu"})
    request = await sent(tool, account, title="T", author="12345678901234567890")
    assert request.url.endswith("/notes?kind=note&region=eu&n=1")
    assert ("X-Region", "r-eu") in request.headers
    assert "X-Gone" not in dict(request.headers)
    assert request.body == b'{"title":"T","author":{"id":12345678901234567890}}'


@pytest.mark.parametrize(
    ("arrays", "query"),
    [
        ("repeat", "x=a&x=b%2Cc"),
        ("comma", "x=a,b%2Cc"),
        ("brackets", "x%5B%5D=a&x%5B%5D=b%2Cc"),
        ("indices", "x%5B0%5D=a&x%5B1%5D=b%2Cc"),
    ],
)
async def test_arrays_in_a_query(arrays: str, query: str) -> None:
    """Each format writes an array its own way; an empty one is left out."""
    tool = make_tool(("x", "query"), ("y", "query"), query_array_format=arrays)
    request = await sent(tool, x=["a", "b,c"], y=[])
    assert request.url.partition("?")[2] == query


async def test_values_of_a_query_are_json_where_they_are_no_text() -> None:
    """Truth values, numbers and objects are written as JSON; null is left out."""
    tool = make_tool(*((name, "query") for name in "abcd"))
    request = await sent(tool, a=True, b=2**63, c={"k": [1]}, d=None)
    assert URL(request.url).query == {"a": "true", "b": str(2**63), "c": '{"k":[1]}'}


@pytest.mark.parametrize(
    ("routes", "arguments", "body"),
    [
        ([("a", "body")], {}, b"{}"),
        ([Route("body", "body", None)], {"body": [1, 2]}, b"[1,2]"),
        ([Route("body", "body", None)], {}, None),
        ([], {}, None),
    ],
)
async def test_bodies_of_methods_that_write(
    routes: list[tuple[str, Part] | Route], arguments: dict[str, Any], body: bytes | None
) -> None:
    """An object when its members were left out, the whole value when it is one, else none."""
    request = await sent(make_tool(*routes, http="POST", method="create"), **arguments)
    assert request.body == body
    assert ("Content-Type" in dict(request.headers)) == (body is not None)


async def test_a_delete_without_body_arguments_has_no_body() -> None:
    """Nothing is sent that was not asked for."""
    request = await sent(make_tool(("a", "body"), http="DELETE", method="delete"))
    assert request.body is None


async def test_a_request_expression_is_merged_over() -> None:
    """Its query and headers lie over the rest, its body replaces; a null takes a value away."""
    tool = make_tool(
        ("q", "query"),
        ("title", "body"),
        http="POST",
        method="search",
        query={"kind": "note"},
        headers={"X-A": "1"},
        request='{"query": {"q": $uppercase(args.q), "kind": null},'
        ' "headers": {"x-a": context.region}, "body": {"n": 1}}',
    )
    request = await sent(tool, make_account(context={"region": "eu"}), q="a", title="T")
    assert request.url.endswith("/notes?q=A")
    assert ("x-a", "eu") in request.headers
    assert request.body == b'{"n":1}'


@pytest.mark.parametrize("source", ["1", "[1]", '{"url": "x"}', '{"query": 1}', '{"headers": [1]}'])
async def test_a_request_expression_of_another_shape_fails(source: str) -> None:
    """Anything but query, headers and body is refused, unsent."""
    await refused(make_tool(request=source), ExpressionFailed)


async def test_an_undefined_request_expression_changes_nothing() -> None:
    """Undefined is no request of its own."""
    assert (await sent(make_tool(("q", "query"), request="nope"), q=1)).url.endswith("?q=1")


@pytest.mark.parametrize(
    ("schema", "mend"),
    [({"type": ["integer", "string"]}, "Send it as a string."), ({"type": "integer"}, "smaller")],
)
async def test_only_a_request_expression_refuses_large_integers(
    schema: dict[str, Any], mend: str
) -> None:
    """An integer that JSONata would round is refused with a mend; without JSONata it is exact."""
    shape = {"type": "object", "properties": {"n": schema}}
    tool = make_tool(("n", "query"), schema=shape, request="{}")
    error = await refused(tool, InvalidArguments, n=2**53)
    assert error.problems[0].where == "/n"
    assert mend in str(error)
    assert (await sent(tool, n=2**53 - 1)).url.endswith(str(2**53 - 1))
    assert (await sent(make_tool(("n", "query")), n=2**53)).url.endswith(str(2**53))


@pytest.mark.parametrize("value", ["a\r\nX: y", "a\nb", "a\x00", "\x7f", "x" * 100_000])
async def test_a_header_value_that_could_do_harm_is_refused(value: str) -> None:
    """CR, LF, NUL, other controls and giants never reach the network."""
    await refused(make_tool(Route("h", "header", "X-H")), InvalidArguments, h=value)


async def test_a_url_that_is_too_long_is_refused() -> None:
    """A query of 100 kB is an argument error."""
    await refused(make_tool(("q", "query")), InvalidArguments, q="x" * 100_000)


async def test_a_lone_surrogate_is_refused() -> None:
    """What is no text cannot be sent, in a query or in a body."""
    await refused(make_tool(("q", "query")), InvalidArguments, q="\ud800")
    await refused(make_tool(("q", "body"), http="POST"), InvalidArguments, q="\ud800")


async def test_framing_and_authorization_headers_are_never_taken_from_data() -> None:
    """Neither arguments, expressions nor overrides set the host, the length or the credential."""
    tool = make_tool(
        Route("a", "header", "Authorization"),
        Route("b", "header", "Host"),
        request='{"headers": {"Content-Length": "1", "authorization": "x"}}',
    )
    account = make_account(overrides={"headers": {"Cookie": "c", "X-Ok": "1"}})
    request = await sent(tool, account, a="mine", b="evil.example")
    assert dict(request.headers) == {"Accept": "application/json", "X-Ok": "1"}
    assert request.secret_headers == (("Authorization", "Bearer S3CRET-token"),)


async def test_overrides_give_defaults_headers_and_a_shorter_timeout() -> None:
    """The account's own context wins over the default; a timeout can only shrink."""
    tool = make_tool(query={"a": "{{context.a}}", "b": "{{context.b}}"}, timeout_s=60.0)
    account = make_account(
        context={"a": "own"},
        overrides={"context": {"a": "x", "b": "y"}, "headers": {"X-T": "1"}, "timeout_s": 5.0},
    )
    request = await sent(tool, account)
    assert request.url.endswith("?a=own&b=y")
    assert ("X-T", "1") in request.headers
    assert request.timeout_s == 5.0
    slower = make_account(overrides={"timeout_s": 900.0})
    assert (await sent(tool, slower)).timeout_s == 60.0
    assert (await sent(make_tool(), slower)).timeout_s == Limits().call_timeout_s
    capped = await sent(make_tool(timeout_s=900.0), slower)
    assert capped.timeout_s == LIMITS["call_timeout_s"].ceiling


async def test_credentials_in_templates_travel_apart() -> None:
    """Headers and query values with a credential are secret, and nothing else sets them."""
    tool = make_tool(
        ("api_key", "query"),
        query={"api_key": "{{credentials.key}}", "v": "2"},
        headers={"X-User": "{{credentials.username}}@{{context.region}}"},
    )
    request = await sent(tool, make_account(context={"region": "eu"}), api_key="mine")
    assert request.url.endswith("/notes?v=2")
    assert request.secret_query == (("api_key", "S3CRET-key"),)
    assert ("X-User", "u@eu") in request.secret_headers
    assert "S3CRET" not in f"{request!r} {request.url} {request.headers}"


async def test_a_plan_shows_the_request_without_its_secrets() -> None:
    """A plan is the request with every secret masked, and nothing is sent."""
    world = World()
    tool = make_tool(
        query={"api_key": "{{credentials.key}}", "v": "2"},
        authorization=Authorization("header", "X-Key", "{{credentials.key}}"),
    )
    plan = await world.upstream.plan(tool, {}, make_account(), 1)
    assert plan.url == "https://api.example.com/v1/notes?v=2"
    assert plan.secret_headers == (("X-Key", "****"),)
    assert plan.secret_query == (("api_key", "****"),)
    assert not world.http.requests


@given(st.text(min_size=1))
def test_an_address_keeps_its_shape(value: str) -> None:
    """Whatever the value, host, port and literal segments stay, or the value is refused."""
    address = Address("https://api.example.com:8443/v1", "/a b/{{args.x}}/c", (), "t")
    try:
        url = address.url({"args": {"x": value}})
    except InvalidArguments:
        return
    for reading in (URL(url), URL(url, encoded=True)):
        assert (reading.scheme, reading.host, reading.port) == ("https", "api.example.com", 8443)
        segments = reading.raw_path.split("/")
        assert segments[:3] + segments[4:] == ["", "v1", "a%20b", "c"]


HOSTS = ("*.example.com", "eu.example.org:8443")


@pytest.mark.parametrize(
    ("base", "context", "url"),
    [
        ("https://{{context.x}}.example.com", "acme", "https://acme.example.com/notes"),
        ("https://{{context.x}}:8443/v1", "eu.example.org", "https://eu.example.org:8443/v1/notes"),
        ("https://a.example.com/{{context.x}}/", "a b", "https://a.example.com/a%20b/notes"),
        ("https://{{context.y|fallback}}.example.com", "", "https://fallback.example.com/notes"),
    ],
)
def test_a_base_url_takes_the_accounts_context(base: str, context: str, url: str) -> None:
    """Context fills the host, within `allowed_hosts`, or a segment of the path."""
    address = Address(base, "/notes", HOSTS, "t")
    assert address.url({"context": {"x": context}}) == url


@pytest.mark.parametrize(
    "value",
    [
        "evil.com/",
        "evil.com#",
        "evil.com?",
        "u@evil",
        "a.b",
        "evil\\",
        "①②⑦.0.0.1",
        "",
        ".",
        "a..b",
        "-a",
        "a:80",
        "a%2eb",
        "a\n",
    ],
)
def test_context_cannot_lead_to_another_host(value: str) -> None:
    """A value that is no single allowed label, however written, is refused."""
    address = Address("https://{{context.x}}.example.com", "/notes", HOSTS, "t")
    with pytest.raises(AddressForbidden):
        address.url({"context": {"x": value}})
    whole = Address("https://{{context.x}}", "/notes", HOSTS, "t")
    with pytest.raises(AddressForbidden):
        whole.url({"context": {"x": value}})


@pytest.mark.parametrize(
    ("base", "path", "hosts"),
    [
        ("ftp://a.example.com", "/x", ()),
        ("{{context.x}}", "/x", HOSTS),
        ("https://{{context.x}}", "/x", ()),
        ("https://a.example.com?x=1", "/x", ()),
        ("https://u@a.example.com", "/x", ()),
        ("https://a.example.com", "/a/../b", ()),
    ],
)
def test_a_base_url_of_no_use_does_not_compile(base: str, path: str, hosts: Any) -> None:
    """Relative, templated without allowed hosts, with a query or climbing: refused by name."""
    with pytest.raises(InvalidIntegration):
        Address(base, path, hosts, "notes.get")


@pytest.mark.parametrize(
    "change",
    [
        {"body_format": "xml"},
        {"authorization": Authorization("oauth9")},
        {"pagination": Pagination("seek")},
        {"body": {"a": "{{credentials.key}}"}},
    ],
)
async def test_a_kind_that_this_version_lacks_is_refused(change: dict[str, Any]) -> None:
    """The call ends in an error that says so; nothing is sent."""
    await refused(make_tool(**change), InvalidIntegration)
