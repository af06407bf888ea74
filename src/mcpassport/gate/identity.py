"""Identity tokens: JWTs that an identity provider signed.

What holds, in this order (RFC 7519, RFC 8725); the numbers stand again at the code:

1. It is a signed JWT of the three parts, and no longer than `TOKEN_CHARS`.
2. Its algorithm is one that the server allows, all of them asymmetric; its type is one of `_TYPES`,
   so that no token made for another purpose passes.
3. The signature holds under the issuer's key of that id.
4. Issuer and audience are exactly the ones that the server names.
5. It is not expired and not from the future, but for the skew; one without expiry never holds.
6. Every claim that the server requires has a value that it allows.
"""

import json
import math
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from msgspec import Struct

ALGORITHMS: Final = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "Ed25519"),
)
TOKEN_CHARS: Final = 8_000
_TYPES: Final = frozenset({"jwt", "at+jwt", "application/jwt", "application/at+jwt"})
_PARTS: Final = 3


class Expected(Struct, frozen=True, kw_only=True):
    """What a server demands of an identity token."""

    issuer: str
    audience: str
    algorithms: tuple[str, ...]
    skew_s: int
    required: Mapping[str, Any]
    """Claim -> the value it must have, or a list of those it may have."""


def key_id(token: str) -> str | None:
    """The key that a token says it is signed with; nothing is verified yet."""
    try:
        head = token.partition(".")[0]
        found = json.loads(urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except (ValueError, RecursionError):
        return None
    named = found.get("kid") if isinstance(found, dict) else None
    return named if isinstance(named, str) else None


def verified(
    token: str, keys: KeySet, expected: Expected, now: datetime
) -> Mapping[str, Any] | None:
    """Its claims, once all of the above holds; else None."""
    if len(token) > TOKEN_CHARS or token.count(".") != _PARTS - 1:  # (1)
        return None
    try:
        decoded = jwt.decode(token, keys, algorithms=expected.algorithms)  # (2) (3)
    except (JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    kind, claims = decoded.header.get("typ", "JWT"), decoded.claims
    if not isinstance(kind, str) or kind.lower() not in _TYPES:  # (2)
        return None
    if claims.get("iss") != expected.issuer or not _meant(claims, expected.audience):  # (4)
        return None
    if not _current(claims, now.timestamp(), expected.skew_s):  # (5)
        return None
    allowed = all(_allows(claims.get(name), value) for name, value in expected.required.items())
    return claims if allowed else None  # (6)


def _meant(claims: Mapping[str, Any], audience: str) -> bool:
    named = claims.get("aud")
    return named == audience or (isinstance(named, list) and audience in named)


def _current(claims: Mapping[str, Any], now: float, skew_s: int) -> bool:
    until = _moment(claims.get("exp"))
    if until is None or not now < until + skew_s:
        return False
    begins = [_moment(claims[name]) for name in ("nbf", "iat") if name in claims]
    return all(begin is not None and begin - skew_s <= now for begin in begins)


def _moment(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return value


def _allows(found: Any, allowed: Any) -> bool:
    """A claim that is a list holds when one of its members does."""
    values = found if isinstance(found, list) else [found]
    wanted = allowed if isinstance(allowed, list) else [allowed]
    return any(type(one) is type(other) and one == other for one in values for other in wanted)
