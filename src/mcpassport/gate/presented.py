"""Which secrets a request presents, by the address table: kinds are told by prefix, never tried.

| address | server secret | API token | identity token |
|---|---|---|---|
| `/mcp/<token>` | in the path | Bearer `mcpp_api_…`, or `X-Api-Token` | Bearer |
| `/mcp/s/<server-id>` | Bearer `mcpp_srv_…` | `X-Api-Token` | `X-Identity-Token` |
| the same, OAuth allowed | an access token replaces it | `X-Api-Token` | the access token itself |

Bearer is `Authorization: Bearer …`; a value that does not begin with `mcpp_` is no token of ours.
"""

from msgspec import Struct

from mcpassport.gate.tokens import well_formed
from mcpassport.limits import API_TOKEN_PREFIX, SERVER_TOKEN_PREFIX, TOKEN_PREFIX
from mcpassport.records.certificate import Shown

_BEARER = "bearer "


class Presented(Struct, frozen=True, kw_only=True):
    """What stood in the address and the headers; `repr` shows none of it."""

    path_token: str | None = None
    server_id: str | None = None
    authorization: str | None = None
    api_token: str | None = None
    """The value of `X-Api-Token`."""
    identity_token: str | None = None
    """The value of `X-Identity-Token`."""
    certificate: Shown = Shown()
    """The client certificate, from a proxy that is believed."""

    def __repr__(self) -> str:
        return "Presented(****)"

    __str__ = __repr__


class Claim(Struct, frozen=True):
    """The secrets worth looking up: well formed, or None. `factor_shown` also counts bad ones."""

    server_token: str | None
    api_token: str | None
    factor_shown: bool
    identity_token: str | None = None
    """Of any form: whether it is one, its factor finds out."""
    server_id: str | None = None
    """The server by its address alone, where no server token came: an access token may do."""
    certificate: Shown = Shown()

    def __repr__(self) -> str:
        return "Claim(****)"

    __str__ = __repr__


def read_claim(presented: Presented) -> Claim:
    """Sort what was presented by the address table above."""
    bearer, by_address = bearer_of(presented.authorization), None
    if presented.server_id is None:
        server, elsewhere = presented.path_token, bearer
        identity = None if bearer is None or bearer.startswith(TOKEN_PREFIX) else bearer
    else:
        server, elsewhere = bearer, None
        ours = bearer is not None and bearer.startswith(TOKEN_PREFIX)
        by_address = None if ours else presented.server_id
        identity = presented.identity_token if ours else bearer
    shown = {presented.api_token} if presented.api_token else set()
    if elsewhere is not None and elsewhere.startswith(API_TOKEN_PREFIX):
        shown.add(elsewhere)
    # Two different API tokens leave open which one is meant; neither is taken.
    api = shown.pop() if len(shown) == 1 else None
    return Claim(
        server_token=_checked(server, SERVER_TOKEN_PREFIX),
        api_token=_checked(api, API_TOKEN_PREFIX),
        factor_shown=api is not None or bool(shown),
        identity_token=identity or None,
        server_id=by_address,
        certificate=presented.certificate,
    )


def bearer_of(authorization: str | None) -> str | None:
    """The token of an `Authorization: Bearer …` (RFC 6750, 2.1; the scheme in any case)."""
    if authorization is None or authorization[: len(_BEARER)].lower() != _BEARER:
        return None
    return authorization[len(_BEARER) :].strip()


def _checked(token: str | None, prefix: str) -> str | None:
    return token if token is not None and well_formed(token, prefix) else None
