"""Requests to a provider's token endpoint, and what its answers mean (RFC 6749, 3.2 and 5).

1. Secrets are revealed for the length of building one request, and travel as its secret headers or
   in its body, which no log or message holds.
2. An answer is tokens, or a refusal by its error code. Of the provider's text nothing goes on: a
   code is one of those that the RFCs name, or it is `unknown`.
3. What a token may hold is what a header may hold; anything else is no answer of use.
"""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote_plus, urlencode

import msgspec
from msgspec import Struct

from mcpassport.records.calls import OutboundRequest, OutboundResponse
from mcpassport.records.integration import OAuthEndpoints
from mcpassport.records.masked import Secret
from mcpassport.upstream.auth.fields import field, read_fields
from mcpassport.upstream.query import sendable

TOKEN_TIMEOUT_S: Final = 10.0
"""Shorter than the lease of a renewal, so that whoever takes it over comes after the end."""
ANSWER_BYTES: Final = 64 * 1024
_OK: Final = range(200, 300)
_EXPIRES_MAX_S: Final = 10 * 365 * 86_400
_CODES: Final = frozenset(
    {
        *("invalid_request", "invalid_client", "invalid_grant", "unauthorized_client"),
        *("unsupported_grant_type", "invalid_scope", "access_denied", "invalid_target"),
        *("server_error", "temporarily_unavailable", "slow_down", "interaction_required"),
    }
)
"""RFC 6749, 4.1.2.1 and 5.2; RFC 8628, 3.5; RFC 8707, 2; OpenID Connect Core, 3.1.2.6."""


class Tokens(Struct, frozen=True, kw_only=True):
    """What a provider granted; `repr` hides the tokens."""

    fields: Mapping[str, str]
    """`token`, and `refresh_token` where there is one: what is sealed."""
    expires_in: int | None
    scopes: tuple[str, ...] | None
    """None: those that were asked for (RFC 6749, 5.1)."""

    def __repr__(self) -> str:
        return f"Tokens({len(self.fields)})"

    __str__ = __repr__


class Refused(Struct, frozen=True):
    """Why a provider granted nothing: its error code, or `unknown`."""

    code: str
    status: int


def by_code(
    at: OAuthEndpoints, app: Secret, verifier: Secret, code: str, redirect_uri: str
) -> OutboundRequest:
    """Exchange an authorization code (RFC 6749, 4.1.3; RFC 7636, 4.5)."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri,
        "code_verifier": field(read_fields(verifier), "verifier"),
    }
    return _request(at, form, read_fields(app))


def by_refresh_token(at: OAuthEndpoints, app: Secret, credential: Secret) -> OutboundRequest:
    """Renew with the account's refresh token (RFC 6749, 6).

    Raises:
        ReauthorizationRequired: it has none.
    """
    token = field(read_fields(credential), "refresh_token")
    return _request(at, {"grant_type": "refresh_token", "refresh_token": token}, read_fields(app))


def by_client(at: OAuthEndpoints, credential: Secret, scopes: tuple[str, ...]) -> OutboundRequest:
    """A token for the account's own client (RFC 6749, 4.4)."""
    form = {"grant_type": "client_credentials"}
    if scopes:
        form["scope"] = at.scope_separator.join(scopes)
    return _request(at, form | at.extra_params, read_fields(credential))


def renewed(credential: Secret, tokens: Tokens) -> bytes:
    """What is sealed from now on: what the account had, with the new tokens in their places.

    A provider that gives no new refresh token means that the old one stays (RFC 6749, 6).
    """
    return msgspec.json.encode({**read_fields(credential), **tokens.fields})


def _request(
    at: OAuthEndpoints, form: Mapping[str, str], client: Mapping[str, str]
) -> OutboundRequest:
    """(1) The client authenticates as RFC 6749, 2.3.1 says, or as many providers want it."""
    name, secret = client.get("client_id", ""), client.get("client_secret", "")
    sent = dict(form)
    secret_headers: tuple[tuple[str, str], ...] = ()
    if at.client_auth == "basic" and secret:
        pair = f"{quote_plus(name)}:{quote_plus(secret)}"
        secret_headers = (("Authorization", f"Basic {b64encode(pair.encode()).decode()}"),)
    else:
        sent |= {"client_id": name} | ({"client_secret": secret} if secret else {})
    return OutboundRequest(
        method="POST",
        url=at.token_url,
        headers=(
            ("Content-Type", "application/x-www-form-urlencoded"),
            ("Accept", "application/json"),
        ),
        secret_headers=secret_headers,
        body=urlencode(sent).encode(),
        timeout_s=TOKEN_TIMEOUT_S,
        max_body=ANSWER_BYTES,
    )


def read_answer(response: OutboundResponse, separator: str = " ") -> Tokens | Refused | None:
    """What the provider said; None where that cannot be known."""
    document = _document(response.body)
    if response.status in _OK:
        return None if document is None else _tokens(document, separator)
    code = document.get("error") if document is not None else None
    known = isinstance(code, str) and code in _CODES  # (2)
    return Refused(str(code) if known else "unknown", response.status)


def _tokens(document: Mapping[str, Any], separator: str) -> Tokens | None:
    fields: dict[str, str] = {}
    for ours, theirs in (("token", "access_token"), ("refresh_token", "refresh_token")):
        value = document.get(theirs)
        if isinstance(value, str) and value:
            if not sendable(value):  # (3)
                return None
            fields[ours] = value
    if "token" not in fields:
        return None
    scope = document.get("scope")
    scopes = tuple(filter(None, scope.split(separator))) if isinstance(scope, str) else None
    return Tokens(fields=fields, expires_in=_seconds(document.get("expires_in")), scopes=scopes)


def _seconds(value: Any) -> int | None:
    """Some providers send a text of digits."""
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:  # noqa: PLR0124 - NaN
        return None
    return int(min(max(value, 0), _EXPIRES_MAX_S))


def _document(body: bytes) -> dict[str, Any] | None:
    try:
        found = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
