"""An identity provider that the lab plays: its keys are published, and tokens are signed here."""

import base64
import hmac
import time
from collections.abc import Mapping, Sequence
from secrets import token_hex
from typing import Any, Final

import msgspec
from joserfc import jwt
from joserfc.jwk import ECKey

from mcpassport.evidence.upstream import Says, Seen

KEY_ID: Final = "evidence-key"
_json: Final = msgspec.json.Encoder().encode
LONG_S: Final = 10 * 365 * 86_400
"""The clock of a sandbox may be far ahead."""


class Provider:
    """An identity provider that the lab plays: its keys are published, and tokens signed here."""

    def __init__(self, origin: str, audience: str) -> None:
        self.audience = audience
        self._path = f"/idp/{token_hex(8)}"
        self.issuer = origin + self._path
        self.key = ECKey.generate_key("P-256", {"kid": KEY_ID})
        self.other = ECKey.generate_key("P-256", {"kid": KEY_ID})

    def says(self) -> tuple[Says, ...]:
        """What the lab answers then, in its part and beside it."""
        keys = {"keys": [self.key.as_dict(private=False)]}
        found = {"issuer": self.issuer, "jwks_uri": f"{self.issuer}/keys"}
        return (
            Says(path=f"{self._path}/.well-known/openid-configuration", body=_json(found)),
            Says(path=f"{self._path}/keys", body=_json(keys)),
            Says(),
        )

    def token(self, kind: str = "JWT", key: ECKey | None = None, **claims: Any) -> str:
        """A good one, but for what is given."""
        head = {"alg": "ES256", "kid": KEY_ID, "typ": kind}
        return jwt.encode(head, self._claims(claims), key or self.key)

    def forged(self, algorithm: str, secret: bytes = b"") -> str:
        """One that no library would make."""
        parts = ({"alg": algorithm, "kid": KEY_ID, "typ": "JWT"}, self._claims({}))
        signed = ".".join(_encoded(_json(part)) for part in parts)
        mac = hmac.digest(secret, signed.encode(), "sha256") if secret else b""
        return f"{signed}.{_encoded(mac)}"

    def _claims(self, changed: Mapping[str, Any]) -> dict[str, Any]:
        until = int(time.time()) + LONG_S
        usual = {"iss": self.issuer, "aud": self.audience, "exp": until, "role": "it"}
        return {name: value for name, value in {**usual, **changed}.items() if value is not None}

    def passed(self, seen: Sequence[Seen]) -> list[Seen]:
        """What the upstream API saw; the provider's own addresses do not count."""
        return [each for each in seen if not each.target.startswith("/idp/")]

    def bad(self) -> dict[str, str]:
        """What must not be believed, one flaw each."""
        public = self.key.as_pem(private=False)
        return {
            "unsigned (alg none)": self.forged("none"),
            "with its signature cut off": self.token().rsplit(".", 1)[0] + ".",
            "signed with the public key as a shared secret": self.forged("HS256", public),
            "signed with another key of the same id": self.token(key=self.other),
            "of another issuer": self.token(iss="https://login.elsewhere.example"),
            "for another audience": self.token(aud="another-audience"),
            "expired": self.token(exp=int(time.time()) - 3_600),
            "without expiry": self.token(exp=None),
            "from the future": self.token(nbf=int(time.time()) + LONG_S - 1),
            "without the required claim": self.token(role="sales"),
            "made for another purpose (typ)": self.token("oauth-id-jag+jwt"),
        }


def bearer(token: str) -> tuple[str, str]:
    """The header that shows it."""
    return "Authorization", f"Bearer {token}"


def _encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()
