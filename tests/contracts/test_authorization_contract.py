"""What every kind of authorization must hold: it adds its secret, shows nothing, and fits HTTP."""

import traceback
from base64 import b64decode
from typing import Any, NamedTuple

import msgspec
import pytest
from tests.support.upstreams import World, make_account, make_tool, response

from mcpassport.errors import ExpressionFailed, ReauthorizationRequired
from mcpassport.limits import EXPRESSION_INLINE_BYTES
from mcpassport.records.integration import Authorization
from mcpassport.records.masked import Secret
from mcpassport.upstream.auth import AUTHORIZATIONS
from mcpassport.upstream.call import MASKED


class Case(NamedTuple):
    """A kind, a credential that fits it, and what comes of it."""

    authorization: Authorization
    fields: dict[str, str]
    headers: tuple[tuple[str, str], ...] = ()
    query: tuple[tuple[str, str], ...] = ()


PAIR = '{"X-Id": credentials.id, "X-Sum": $base64encode(credentials.id & ":" & credentials.key)}'
CASES: dict[str, Case] = {
    "bearer": Case(Authorization("bearer"), {"token": "S3é"}, (("Authorization", "Bearer S3é"),)),
    "basic": Case(
        Authorization("basic"),
        {"username": "u", "password": "S3:é"},
        (("Authorization", "Basic dTpTMzrDqQ=="),),
    ),
    "header": Case(
        Authorization("header", "X-Key", "Key {{credentials.key}}"),
        {"key": "S3"},
        (("X-Key", "Key S3"),),
    ),
    "query": Case(
        Authorization("query", "api_key"), {"key": "S3 é&x"}, (), (("api_key", "S3 é&x"),)
    ),
    "expression": Case(
        Authorization("expression", value=PAIR, headers=("X-Id", "X-Sum")),
        {"id": "S3i", "key": "k"},
        (("X-Id", "S3i"), ("X-Sum", "UzNpOms=")),
    ),
}


def sealed(fields: Any) -> Secret:
    return Secret(msgspec.json.encode(fields))


def test_every_kind_has_a_case() -> None:
    """A new kind must bring its case, or this suite would pass it by."""
    assert set(CASES) == set(AUTHORIZATIONS)


@pytest.mark.parametrize("kind", CASES)
async def test_the_credential_goes_where_it_belongs(kind: str) -> None:
    """The names it gives beforehand carry the credential, apart from what may be shown."""
    authorization, fields, headers, query = CASES[kind]
    applied = AUTHORIZATIONS[kind].apply(authorization, sealed(fields))
    assert (applied.headers, applied.query) == (headers, query)
    assert AUTHORIZATIONS[kind].headers(authorization) == tuple(name for name, _ in headers)
    assert AUTHORIZATIONS[kind].query(authorization) == tuple(name for name, _ in query)
    assert "S3" not in repr(applied)
    world = World(response({}))
    tool = make_tool(authorization=authorization)
    await world.upstream.call(tool, {}, make_account(), sealed(fields), 1)
    request = world.http.request
    assert (request.secret_headers, request.secret_query) == (headers, query)
    assert "S3" not in f"{request!r}{request.headers}{request.url}"


@pytest.mark.parametrize("kind", CASES)
async def test_nothing_else_sets_what_the_credential_sets(kind: str) -> None:
    """No template, argument, expression or override; in the plan of a call its place is masked."""
    authorization, fields, headers, query = CASES[kind]
    names = [name for name, _ in headers]
    queries = [name for name, _ in query]
    mine = {
        "query": dict.fromkeys(queries, "mine"),
        "headers": dict.fromkeys([name.upper() for name in names], "mine"),
    }
    tool = make_tool(
        *((name, "header") for name in names),
        *((name, "query") for name in queries),
        authorization=authorization,
        query={**mine["query"], "fine": "yes"},
        headers=mine["headers"],
        request=msgspec.json.encode(mine).decode(),
    )
    account = make_account(overrides={"headers": mine["headers"]})
    arguments = dict.fromkeys([*names, *queries], "mine")
    world = World(response({}))
    await world.upstream.call(tool, arguments, account, sealed(fields), 1)
    request = world.http.request
    assert "mine" not in f"{request.url}{request.headers}"
    assert request.url.endswith("?fine=yes")
    assert (request.secret_headers, request.secret_query) == (headers, query)
    planned = await World().upstream.plan(tool, arguments, account, 1)
    assert planned.secret_headers == tuple((name, MASKED) for name in names)
    assert planned.secret_query == tuple((name, MASKED) for name in queries)


@pytest.mark.parametrize("fields", [{}, {"other": "S3CRET"}, {"token": 1}, [], None])
@pytest.mark.parametrize("kind", [kind for kind in CASES if kind != "expression"])
def test_a_credential_without_its_fields_is_refused(kind: str, fields: Any) -> None:
    """The account has to be connected again; the error shows no value."""
    with pytest.raises(ReauthorizationRequired) as caught:
        AUTHORIZATIONS[kind].apply(CASES[kind].authorization, sealed(fields))
    assert "S3CRET" not in str(caught.value)


@pytest.mark.parametrize("bad", ["S3\r\nX: y", "S3\n", "S3\x00", "S3" * 10_000])
@pytest.mark.parametrize("kind", ["bearer", "header", "query", "expression"])
def test_a_credential_that_cannot_be_sent_is_refused(kind: str, bad: str) -> None:
    """Controls and giants never reach the request, nor the error."""
    fields = {"token": bad, "key": bad, "id": bad}
    with pytest.raises(ReauthorizationRequired) as caught:
        AUTHORIZATIONS[kind].apply(CASES[kind].authorization, sealed(fields))
    assert "S3" not in str(caught.value)


def test_basic_keeps_controls_inside_base64_and_refuses_a_colon_in_the_name() -> None:
    """The password may hold anything; a name with a colon would be another name."""
    basic, authorization = AUTHORIZATIONS["basic"], CASES["basic"].authorization
    applied = basic.apply(authorization, sealed({"username": "u", "password": "a\nb"}))
    assert b64decode(applied.headers[0][1].removeprefix("Basic ")) == b"u:a\nb"
    assert basic.apply(authorization, sealed({"username": "u"})).headers[0][1] == "Basic dTo="
    with pytest.raises(ReauthorizationRequired, match="colon"):
        basic.apply(authorization, sealed({"username": "u:v", "password": "p"}))


def test_bearer_takes_the_key_of_an_api_key_credential() -> None:
    """An `api_key` account works with `Authorization: Bearer`."""
    applied = AUTHORIZATIONS["bearer"].apply(Authorization("bearer"), sealed({"key": "k"}))
    assert applied.headers == (("Authorization", "Bearer k"),)


def test_a_header_without_name_or_template_has_defaults() -> None:
    """The key alone, in `Authorization`."""
    applied = AUTHORIZATIONS["header"].apply(Authorization("header"), sealed({"key": "k"}))
    assert applied.headers == (("Authorization", "k"),)


def test_a_query_value_may_be_the_token_of_a_bearer_credential() -> None:
    """An API that wants its token in the address."""
    applied = AUTHORIZATIONS["query"].apply(Authorization("query", "t"), sealed({"token": "k"}))
    assert applied.query == (("t", "k"),)


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("credentials.key", ExpressionFailed),
        ("credentials.missing", ExpressionFailed),
        ('{"X-Other": credentials.key}', ExpressionFailed),
        ('{"X-Key": 1}', ExpressionFailed),
        ('{"X-Key": credentials}', ExpressionFailed),
        ("$error(credentials.key)", ExpressionFailed),
        ("$toMillis(credentials.key)", ExpressionFailed),
        ("$number(credentials.key)", ExpressionFailed),
        ("$eval(credentials.key)", ExpressionFailed),
        ("($f := function($x){$f($x)}; $f(credentials.key))", ExpressionFailed),
        ('{"X-Key": null}', ReauthorizationRequired),
        ("{}", ReauthorizationRequired),
    ],
)
async def test_an_expression_that_fails_says_its_slot_alone(
    source: str, error: type[Exception]
) -> None:
    """Nothing is sent, and neither the error nor what led to it holds a part of the credential."""
    authorization = Authorization("expression", value=source, headers=("X-Key",))
    world = World(response({}))
    tool = make_tool(authorization=authorization)
    outcome = await world.upstream.call(tool, {}, make_account(), sealed({"key": "S3CRET"}), 1)
    assert isinstance(outcome.error, error)
    assert not world.http.requests
    shown = "".join(traceback.format_exception(outcome.error))
    assert "S3CRET" not in shown
    assert outcome.error.__cause__ is None


async def test_an_expression_over_a_secret_stays_in_this_process() -> None:
    """However large the credential is: no evaluator process gets it, and it is refused instead."""
    authorization = Authorization(
        "expression", value='{"X-Key": $substring(credentials.key, 0, 5)}', headers=("x-key",)
    )
    kind = AUTHORIZATIONS["expression"]
    assert kind.apply(authorization, sealed({"key": "S3" * 1000})).headers == (("x-key", "S3S3S"),)
    world = World(response({}))
    fields = {"key": "S3" * EXPRESSION_INLINE_BYTES}
    tool = make_tool(authorization=authorization)
    outcome = await world.upstream.call(tool, {}, make_account(), sealed(fields), 1)
    assert isinstance(outcome.error, ExpressionFailed)
    assert not world.evaluator._idle
    assert not world.evaluator._busy
