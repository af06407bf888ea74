"""What every kind of authorization must hold: it adds its secret, shows nothing, and fits HTTP."""

from base64 import b64decode
from typing import Any

import msgspec
import pytest
from tests.support.upstreams import World, make_account, make_tool, response

from mcpassport.errors import ReauthorizationRequired
from mcpassport.records.integration import Authorization
from mcpassport.records.masked import Secret
from mcpassport.upstream.auth import AUTHORIZATIONS

CASES: dict[str, tuple[Authorization, dict[str, str], tuple[str, str]]] = {
    "bearer": (Authorization("bearer"), {"token": "S3é"}, ("Authorization", "Bearer S3é")),
    "basic": (
        Authorization("basic"),
        {"username": "u", "password": "S3:é"},
        ("Authorization", "Basic dTpTMzrDqQ=="),
    ),
    "header": (
        Authorization("header", "X-Key", "Key {{credentials.key}}"),
        {"key": "S3"},
        ("X-Key", "Key S3"),
    ),
}


def sealed(fields: Any) -> Secret:
    return Secret(msgspec.json.encode(fields))


def test_every_kind_has_a_case() -> None:
    """A new kind must bring its case, or this suite would pass it by."""
    assert set(CASES) == set(AUTHORIZATIONS)


@pytest.mark.parametrize("kind", CASES)
async def test_the_credential_goes_where_it_belongs(kind: str) -> None:
    """The header it names carries the credential, apart from what may be shown."""
    authorization, fields, header = CASES[kind]
    applied = AUTHORIZATIONS[kind].apply(authorization, sealed(fields))
    assert (applied.headers, applied.query) == ((header,), ())
    assert AUTHORIZATIONS[kind].headers(authorization) == (header[0],)
    assert "S3" not in repr(applied)
    world = World(response({}))
    tool = make_tool(authorization=authorization)
    await world.upstream.call(tool, {}, make_account(), sealed(fields), 1)
    assert world.http.request.secret_headers == (header,)
    assert "S3" not in f"{world.http.request!r}{world.http.request.headers}"


@pytest.mark.parametrize("fields", [{}, {"other": "S3CRET"}, {"token": 1}, [], None])
@pytest.mark.parametrize("kind", CASES)
def test_a_credential_without_its_fields_is_refused(kind: str, fields: Any) -> None:
    """The account has to be connected again; the error shows no value."""
    with pytest.raises(ReauthorizationRequired) as caught:
        AUTHORIZATIONS[kind].apply(CASES[kind][0], sealed(fields))
    assert "S3CRET" not in str(caught.value)


@pytest.mark.parametrize("bad", ["S3\r\nX: y", "S3\n", "S3\x00", "S3" * 10_000])
@pytest.mark.parametrize("kind", ["bearer", "header"])
def test_a_credential_that_no_header_may_hold_is_refused(kind: str, bad: str) -> None:
    """Controls and giants never reach the request, nor the error."""
    with pytest.raises(ReauthorizationRequired) as caught:
        AUTHORIZATIONS[kind].apply(CASES[kind][0], sealed({"token": bad, "key": bad}))
    assert "S3" not in str(caught.value)


def test_basic_keeps_controls_inside_base64_and_refuses_a_colon_in_the_name() -> None:
    """The password may hold anything; a name with a colon would be another name."""
    basic, authorization = AUTHORIZATIONS["basic"], CASES["basic"][0]
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
