"""Which secrets a request presents."""

import os

import pytest

from mcpassport.gate.presented import Claim, Presented, bearer_of, read_claim
from mcpassport.gate.tokens import issue
from mcpassport.limits import API_TOKEN_PREFIX, SERVER_TOKEN_PREFIX

SERVER = issue(SERVER_TOKEN_PREFIX, os.urandom)
API = issue(API_TOKEN_PREFIX, os.urandom)
OTHER = issue(API_TOKEN_PREFIX, os.urandom)
NOTHING = Claim(None, None, factor_shown=False)
BY_ADDRESS = Claim(None, None, factor_shown=False, server_id="srv_1")


@pytest.mark.parametrize(
    ("presented", "expected"),
    [
        # `/mcp/<token>`
        (Presented(path_token=SERVER), Claim(SERVER, None, factor_shown=False)),
        (
            Presented(path_token=SERVER, authorization=f"Bearer {API}"),
            Claim(SERVER, API, factor_shown=True),
        ),
        (Presented(path_token=SERVER, api_token=API), Claim(SERVER, API, factor_shown=True)),
        (
            Presented(path_token=SERVER, authorization=f"bearer  {API}", api_token=API),
            Claim(SERVER, API, factor_shown=True),
        ),
        (
            Presented(path_token=SERVER, authorization=f"Bearer {API}", api_token=OTHER),
            Claim(SERVER, None, factor_shown=True),
        ),
        (
            Presented(path_token=SERVER, authorization="Bearer eyJhbGciOi.J9.x"),
            Claim(SERVER, None, factor_shown=False, identity_token="eyJhbGciOi.J9.x"),
        ),
        (
            Presented(path_token=SERVER, authorization=f"Bearer {API}", identity_token="x"),
            Claim(SERVER, API, factor_shown=True),
        ),
        (
            Presented(
                server_id="srv_1", authorization=f"Bearer {SERVER}", identity_token="eyJ.J9.x"
            ),
            Claim(SERVER, None, factor_shown=False, identity_token="eyJ.J9.x"),
        ),
        (
            Presented(server_id="srv_1", authorization="Bearer eyJ.J9.x", identity_token="y"),
            Claim(None, None, factor_shown=False, identity_token="eyJ.J9.x", server_id="srv_1"),
        ),
        (
            Presented(path_token=SERVER, authorization=f"Basic {API}"),
            Claim(SERVER, None, factor_shown=False),
        ),
        (
            Presented(path_token=SERVER, authorization=f"Bearer {API[:-1]}x!"),
            Claim(SERVER, None, factor_shown=True),
        ),
        (Presented(path_token=SERVER, api_token="x"), Claim(SERVER, None, factor_shown=True)),
        (Presented(path_token=SERVER, api_token=SERVER), Claim(SERVER, None, factor_shown=True)),
        (Presented(path_token=SERVER, api_token=""), Claim(SERVER, None, factor_shown=False)),
        (Presented(path_token=API), NOTHING),
        (Presented(path_token=""), NOTHING),
        (Presented(), NOTHING),
        (Presented(authorization=f"Bearer {SERVER}"), NOTHING),
        # `/mcp/s/<server-id>`
        (
            Presented(server_id="srv_1", authorization=f"Bearer {SERVER}"),
            Claim(SERVER, None, factor_shown=False),
        ),
        (
            Presented(server_id="srv_1", authorization=f"Bearer {SERVER}", api_token=API),
            Claim(SERVER, API, factor_shown=True),
        ),
        (Presented(server_id="srv_1", authorization=f"Bearer {API}"), NOTHING),
        (Presented(server_id="srv_1", path_token=SERVER), BY_ADDRESS),
        (Presented(server_id="srv_1"), BY_ADDRESS),
    ],
)
def test_each_secret_is_read_from_its_place_only(presented: Presented, expected: Claim) -> None:
    """The address decides where each secret stands, and the prefix which one it is."""
    assert read_claim(presented) == expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("", None),
        ("Bearer", None),
        ("Bearer abc", "abc"),
        ("BEARER abc ", "abc"),
        ("Basic abc", None),
        ("Bearerabc", None),
    ],
)
def test_bearer_is_read_as_the_rfc_says(header: str | None, expected: str | None) -> None:
    """The scheme's case does not matter, another scheme is no Bearer."""
    assert bearer_of(header) == expected


def test_secrets_do_not_show_in_repr() -> None:
    """A log line that renders these objects renders no secret."""
    presented = Presented(path_token=SERVER, authorization=f"Bearer {API}", api_token=API)
    for shown in (presented, read_claim(presented)):
        assert SERVER not in f"{shown!r}{shown}"
        assert API not in f"{shown!r}{shown}"
