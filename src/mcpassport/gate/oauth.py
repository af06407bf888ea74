"""Access tokens in place of a server's own token: the resource server of OAuth 2.1.

At `/mcp/s/<server-id>`, where the server names an authorization server:

1. An access token is verified as identity tokens are (`gate/identity.py`); its audience is this
   server and no other (RFC 8707), so a token made for somebody else's server opens nothing here.
2. Its scopes say which methods it reaches: the read scope `list` and `get`, the write scope the
   rest. A scope that the server leaves empty is not asked for.
3. Who brings no token, a bad one, or too few scopes is told where to get one (RFC 9728, RFC 6750).

The token ends here: what goes upstream carries the credential of the account.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias
from urllib.parse import urlsplit, urlunsplit

from joserfc.jwk import KeySet
from msgspec import Struct

from mcpassport.gate.identity import Expected, verified
from mcpassport.records.grants import OAuth

WELL_KNOWN: Final = "/.well-known/oauth-protected-resource"
ADDRESS: Final = "oauth-address\n"
"""Goes before a server's id in the index: no token begins so."""
Lack: TypeAlias = Literal["missing", "invalid", "undecided", "scope"]
_READ: Final = ("read",)
_WRITE: Final = ("write", "custom")
_SCOPE: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,200}")
"""One scope (RFC 6749, 3.3)."""
_ERRORS: Final[Mapping[Lack, str]] = {
    "missing": "",
    "invalid": "invalid_token",
    "undecided": "invalid_token",
    "scope": "insufficient_scope",
}


class Lacking(Struct, frozen=True):
    """Why no access token opens the server."""

    lack: Lack
    oauth: OAuth


def reach(
    oauth: OAuth, token: str | None, keys: KeySet | None, now: datetime
) -> tuple[str, ...] | Lacking:
    """The groups of methods that the token reaches, or what it lacks."""
    if token is None:
        return Lacking("missing", oauth)
    if keys is None:
        return Lacking("undecided", oauth)
    expected = Expected(
        issuer=oauth.issuer,
        audience=oauth.audience,
        algorithms=oauth.algorithms,
        skew_s=oauth.skew_s,
        required=oauth.required_claims,
    )
    claims = verified(token, keys, expected, now)  # (1)
    if claims is None:
        return Lacking("invalid", oauth)
    scopes = _scopes(claims)
    groups = (
        *(_READ if not oauth.read_scope or oauth.read_scope in scopes else ()),  # (2)
        *(_WRITE if not oauth.write_scope or oauth.write_scope in scopes else ()),
    )
    return groups or Lacking("scope", oauth)


def _scopes(claims: Mapping[str, Any]) -> frozenset[str]:
    """Of `scope` (RFC 9068, 2.2.3), or of `scp`, as some providers have it."""
    found: set[str] = set()
    for name in ("scope", "scp"):
        value = claims.get(name, ())
        listed = value.split() if isinstance(value, str) else value
        if isinstance(listed, list | tuple):
            found.update(each for each in listed if isinstance(each, str))
    return frozenset(found)


def scopes_of(oauth: OAuth) -> tuple[str, ...]:
    """The scopes that a client may ask for."""
    return tuple(dict.fromkeys(each for each in (oauth.read_scope, oauth.write_scope) if each))


def metadata_url(oauth: OAuth) -> str:
    """Where the server describes itself: between host and path (RFC 9728, 3.1)."""
    parts = urlsplit(oauth.resource)
    return urlunsplit((parts.scheme, parts.netloc, WELL_KNOWN + parts.path, "", ""))


def metadata(oauth: OAuth, name: str) -> dict[str, Any]:
    """That description (RFC 9728, 2)."""
    return {
        "resource": oauth.resource,
        "authorization_servers": [oauth.issuer],
        "bearer_methods_supported": ["header"],
        "resource_name": name,
        **({"scopes_supported": list(scopes_of(oauth))} if scopes_of(oauth) else {}),
    }


def challenge(lacking: Lacking) -> bytes:
    """The value of `WWW-Authenticate` (3); it names every scope that there is to ask for."""
    oauth = lacking.oauth
    members = {
        "error": _ERRORS[lacking.lack],
        "scope": " ".join(scopes_of(oauth)),
        "resource_metadata": metadata_url(oauth),
    }
    told = ", ".join(f'{name}="{value}"' for name, value in members.items() if value)
    return f"Bearer {told}".encode()


def scope_problems(oauth: OAuth) -> Iterator[tuple[str, str, str]]:
    """What is wrong with its scopes: member, message, mend."""
    for name, scope in (("read_scope", oauth.read_scope), ("write_scope", oauth.write_scope)):
        if scope and not _SCOPE.fullmatch(scope):
            yield name, f"{name} is no scope.", "Write one word of ASCII, without quotes."
