"""Identity tokens from strangers: whatever the text is, it is refused and nothing is raised."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey

from mcpassport.gate.identity import ALGORITHMS, TOKEN_CHARS, Expected, key_id, verified
from mcpassport.gate.issuers import key_set

NOW = datetime(2026, 3, 1, tzinfo=UTC)
KEYS = KeySet([ECKey.generate_key("P-256", {"kid": "1"})])
EXPECTED = Expected(
    issuer="https://a.example", audience="b", algorithms=ALGORITHMS, skew_s=0, required={}
)
CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}
SIGNERS: dict[str, Callable[[str], ECKey | OKPKey | RSAKey]] = {
    "RS": lambda _: RSAKey.generate_key(2048, {"kid": "1"}),
    "PS": lambda _: RSAKey.generate_key(2048, {"kid": "1"}),
    "ES": lambda algorithm: ECKey.generate_key(CURVES[algorithm], {"kid": "1"}),
    "Ed": lambda _: OKPKey.generate_key("Ed25519", {"kid": "1"}),
}
"""Beginning of an algorithm's name -> a key for it."""
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=5,
)
MEMBERS = st.sampled_from(["alg", "kid", "typ", "crit", "b64", "jwk", "jku", "x5c", "cty", "zip"])
HEADS = st.dictionaries(MEMBERS, VALUES | st.sampled_from([*ALGORITHMS, "none", "HS256", "1"]))


def part(document: object) -> str:
    return urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()


@given(head=HEADS, claims=VALUES, signature=st.binary(max_size=80))
def test_no_made_up_header_or_claims_pass(head: object, claims: object, signature: bytes) -> None:
    """Three parts of any content, without the key: refused."""
    token = f"{part(head)}.{part(claims)}.{urlsafe_b64encode(signature).rstrip(b'=').decode()}"
    assert verified(token, KEYS, EXPECTED, NOW) is None
    key_id(token)


@given(token=st.text(max_size=200))
def test_no_other_text_passes(token: str) -> None:
    """Not of three parts, not Base64, not ASCII."""
    assert verified(token, KEYS, EXPECTED, NOW) is None
    assert key_id(token) is None


def test_a_long_text_is_not_looked_at() -> None:
    """Nor is a header nested without end."""
    assert verified("a.b." + "c" * TOKEN_CHARS, KEYS, EXPECTED, NOW) is None
    nested = urlsafe_b64encode(b"[" * 5_000).decode()
    assert key_id(nested + ".b.c") is None
    assert verified(f"{nested}.b.c", KEYS, EXPECTED, NOW) is None


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_that_is_offered_is_verified(algorithm: str) -> None:
    """With a key of its kind, as its issuer publishes it; another of the list does not do."""
    key = SIGNERS[algorithm[:2]](algorithm)
    claims = {"iss": EXPECTED.issuer, "aud": EXPECTED.audience, "exp": NOW.timestamp() + 60}
    token = jwt.encode({"alg": algorithm, "kid": "1"}, claims, key, algorithms=[algorithm])
    published = key_set({"keys": [key.as_dict(private=False)]})
    assert published is not None
    only = msgspec.structs.replace(EXPECTED, algorithms=(algorithm,))
    assert verified(token, published, only, NOW) == claims
    others = tuple(each for each in ALGORITHMS if each != algorithm)
    assert (
        verified(token, published, msgspec.structs.replace(EXPECTED, algorithms=others), NOW)
        is None
    )
