"""The factor `jwt`: an identity token of the customer's SSO."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from mcpassport.gate.evidence import Evidence, Verdict
from mcpassport.gate.identity import ALGORITHMS, Expected, verified
from mcpassport.gate.issuers import protected

ISSUER: Final = "issuer"
AUDIENCE: Final = "audience"
REQUIRED: Final = "required_claims"
ALLOWED: Final = "algorithms"
SKEW: Final = "skew_s"
DEFAULT_ALGORITHMS: Final = ("RS256", "ES256")
SKEW_S: Final = 60
SKEW_MOST_S: Final = 300
TEXT_CHARS: Final = 500
MOST: Final = 32
_Problem = tuple[str, str, str]


class JwtFactor:
    """Holds when the identity token is one that `gate/identity.py` verifies.

    Its keys come from the issuer by discovery (`gate/issuers.py`); without any, nothing holds.
    """

    options = frozenset({ISSUER, AUDIENCE, REQUIRED, ALLOWED, SKEW})

    def judge(self, evidence: Evidence, options: Mapping[str, Any]) -> Verdict:
        """See the class."""
        if evidence.identity_token is None:
            return "missing"
        if evidence.issuer_keys is None:
            return "undecided"
        expected = Expected(
            issuer=options[ISSUER],
            audience=options[AUDIENCE],
            algorithms=tuple(options.get(ALLOWED, DEFAULT_ALGORITHMS)),
            skew_s=options.get(SKEW, SKEW_S),
            required=options.get(REQUIRED, {}),
        )
        claims = verified(evidence.identity_token, evidence.issuer_keys, expected, evidence.now)
        return "held" if claims is not None else "wrong"

    def problems(self, options: Mapping[str, Any]) -> Iterator[_Problem]:
        """Issuer and audience are there; the rest is of its form and within bounds."""
        issuer = options.get(ISSUER)
        if not _text(issuer) or not protected(str(issuer)) or {"?", "#"} & set(str(issuer)):
            mend = "Write the provider's issuer as its discovery document does: https://…"
            yield ISSUER, f"{ISSUER} is no https address.", mend
        if not _text(options.get(AUDIENCE)):
            mend = "Write what the provider puts into `aud` for this server."
            yield AUDIENCE, f"{AUDIENCE} is missing: every token of the issuer would do.", mend
        allowed = options.get(ALLOWED, [*DEFAULT_ALGORITHMS])
        if not isinstance(allowed, list) or not allowed or not set(map(str, allowed)) <= _KNOWN:
            yield (
                ALLOWED,
                f"{ALLOWED} is no list of known ones.",
                f"Valid: {', '.join(ALGORITHMS)}.",
            )
        skew = options.get(SKEW, SKEW_S)
        if type(skew) is not int or not 0 <= skew <= SKEW_MOST_S:
            yield SKEW, f"{SKEW} is no whole number from 0 to {SKEW_MOST_S}.", "Write seconds."
        yield from _wrong_claims(options.get(REQUIRED, {}))


_KNOWN: Final = frozenset(ALGORITHMS)


def _text(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= TEXT_CHARS


def _wrong_claims(required: Any) -> Iterator[_Problem]:
    if not isinstance(required, dict) or len(required) > MOST:
        mend = 'Write {"department": ["it", "security"]}.'
        yield REQUIRED, f"{REQUIRED} is no object of at most {MOST} members.", mend
        return
    for name, allowed in required.items():
        values = allowed if isinstance(allowed, list) else [allowed]
        plain = all(type(value) in (bool, int) or _text(value) for value in values)
        if not plain or not 0 < len(values) <= MOST:
            mend = (
                f"Write a text, a whole number, true or false, or a list of up to {MOST} of them."
            )
            yield f"{REQUIRED}/{name}", "No claim can have such a value.", mend
