"""Check of SSO: whose identity token is admitted, and whose is not."""

import base64
import hmac
import time
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from joserfc import jwt
from joserfc.jwk import ECKey

from mcpassport.evidence.bench import Bench, Grant, Headers, Message, outcome_of
from mcpassport.evidence.finding import Finding
from mcpassport.evidence.probe import CALLS, GET
from mcpassport.evidence.upstream import Says
from mcpassport.gate.issuers import FRESH_S, KEPT_S
from mcpassport.limits import HEADER_IDENTITY_TOKEN

REQUIRED: Final = "second_factor_required"
INVALID: Final = "second_factor_invalid"
AUDIENCE: Final = "evidence-audience"
KEY_ID: Final = "evidence-key"
LONG_S: Final = 10 * 365 * 86_400
"""The clock of a sandbox may be far ahead."""
_GONE: Final = Says(path="/idp/*", status=503, body=b"{}")


class _Provider:
    """An identity provider that the lab plays: its keys are published, and tokens signed here."""

    def __init__(self, origin: str) -> None:
        self.issuer = f"{origin}/idp"
        self.key = ECKey.generate_key("P-256", {"kid": KEY_ID})
        self.other = ECKey.generate_key("P-256", {"kid": KEY_ID})

    def says(self) -> tuple[Says, ...]:
        keys = {"keys": [self.key.as_dict(private=False)]}
        found = {"issuer": self.issuer, "jwks_uri": f"{self.issuer}/keys"}
        return (
            Says(path="/idp/.well-known/openid-configuration", body=msgspec.json.encode(found)),
            Says(path="/idp/keys", body=msgspec.json.encode(keys)),
            Says(),
        )

    def token(self, kind: str = "JWT", key: ECKey | None = None, **claims: Any) -> str:
        """A good one, but for what is given."""
        head = {"alg": "ES256", "kid": KEY_ID, "typ": kind}
        return jwt.encode(head, self._claims(claims), key or self.key)

    def forged(self, algorithm: str, secret: bytes = b"") -> str:
        """One that no library would make."""
        parts = ({"alg": algorithm, "kid": KEY_ID, "typ": "JWT"}, self._claims({}))
        signed = ".".join(_encoded(msgspec.json.encode(part)) for part in parts)
        mac = hmac.digest(secret, signed.encode(), "sha256") if secret else b""
        return f"{signed}.{_encoded(mac)}"

    def _claims(self, changed: Mapping[str, Any]) -> dict[str, Any]:
        until = int(time.time()) + LONG_S
        usual = {"iss": self.issuer, "aud": AUDIENCE, "exp": until, "role": "it"}
        return {name: value for name, value in {**usual, **changed}.items() if value is not None}

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


async def signed_on(bench: Bench, finding: Finding) -> None:
    """AUT-06. Control: a good token is found admitted at both addresses."""
    provider = _Provider(bench.lab.origin)
    demanded = {"kind": "jwt", "issuer": provider.issuer, "audience": AUDIENCE}
    grant = await bench.grant(factors=[{**demanded, "required_claims": {"role": ["it", "ops"]}}])
    await bench.lab.answer(*provider.says())
    came = await _called(bench, grant)
    finding.expect(came == REQUIRED, "without a token: refused", came)
    for flaw, token in provider.bad().items():
        came = await _called(bench, grant, _bearer(token))
        finding.expect(came == INVALID, f"{flaw}: refused", came)
    sent = await _sent(bench)
    finding.expect(not sent, "refused calls: 0 upstream requests", len(sent))
    good = provider.token()
    admitted = [
        await _called(bench, grant, _bearer(good)),
        outcome_of(
            await bench.rpc(
                grant.header_address,
                Message.call(GET, CALLS[GET]),
                *grant.by_header,
                (HEADER_IDENTITY_TOKEN, good),
            )
        ),
    ]
    sent = await _sent(bench)
    told = [each for each in sent if good.encode() in repr(each).encode()]
    finding.expect(not told, f"{len(sent)} upstream requests do not hold the token", told)
    await bench.lab.answer(_GONE, Says())
    await bench.sandbox.step(FRESH_S)
    came = await _called(bench, grant, _bearer(good))
    finding.expect(came == "ok", "the issuer cannot be reached: its last keys serve", came)
    await bench.sandbox.step(KEPT_S)
    came = await _called(bench, grant, _bearer(good))
    finding.expect(came == INVALID, f"for {KEPT_S} s since they came, and no longer", came)
    finding.control = admitted == ["ok", "ok"]


def _encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def _bearer(token: str) -> tuple[str, str]:
    return "Authorization", f"Bearer {token}"


async def _called(bench: Bench, grant: Grant, *headers: tuple[str, str]) -> str:
    more: Headers = headers
    return outcome_of(await bench.rpc(grant.address, Message.call(GET, CALLS[GET]), *more))


async def _sent(bench: Bench) -> list[Any]:
    """What the upstream API saw; the provider's own addresses do not count."""
    return [each for each in await bench.lab.seen() if not each.target.startswith("/idp/")]
