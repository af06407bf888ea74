"""The keys of identity providers: found by discovery, fetched seldom, kept for a while."""

import asyncio
import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from mcpassport.errors import UpstreamUnreachable
from mcpassport.gate.issuers import (
    AGAIN_S,
    FRESH_S,
    ISSUERS_MOST,
    KEPT_S,
    Issuers,
    discovery_addresses,
    key_set,
    protected,
)
from mcpassport.records.calls import OutboundRequest, OutboundResponse

ISSUER = "https://login.acme.example/tenant"
FOUND = "https://login.acme.example/tenant/.well-known/openid-configuration"
KEYS = "https://login.acme.example/keys"
ONE = ECKey.generate_key("P-256", {"kid": "one"})
TWO = ECKey.generate_key("P-256", {"kid": "two"})


WEAK = rsa.generate_private_key(65_537, 1_024).public_key().public_numbers()


def encoded(number: int) -> str:
    """A number as a JWK has it (RFC 7518, 2)."""
    whole = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return urlsafe_b64encode(whole).rstrip(b"=").decode()


class Web:
    """Answers by address, and counts; what it does not know, or while it is down, fails."""

    def __init__(self) -> None:
        self.documents: dict[str, Any] = {FOUND: {"issuer": ISSUER, "jwks_uri": KEYS}}
        self.publish(ONE)
        self.asked: list[str] = []
        self.down = False
        self.now = datetime(2026, 3, 1, tzinfo=UTC)

    def publish(self, *keys: ECKey) -> None:
        self.documents[KEYS] = {"keys": [key.as_dict(private=False) for key in keys]}

    async def send(self, request: OutboundRequest) -> OutboundResponse:
        self.asked.append(request.url)
        await asyncio.sleep(0)
        if self.down:
            raise UpstreamUnreachable
        found = self.documents.get(request.url)
        body = found if isinstance(found, bytes) else json.dumps(found).encode()
        return OutboundResponse(status=404 if found is None else 200, headers=(), body=body)

    def later(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def clock(self) -> datetime:
        return self.now


@pytest.fixture
def web() -> Web:
    return Web()


@pytest.fixture
def issuers(web: Web) -> Issuers:
    return Issuers(web, web.clock)


async def named(issuers: Issuers, key_id: str | None = "one") -> list[str | None] | None:
    keys = await issuers.keys(ISSUER, key_id)
    return None if keys is None else [key.kid for key in keys]


async def test_keys_are_found_once_and_used_for_a_while(web: Web, issuers: Issuers) -> None:
    """Two requests, then none until they are no longer fresh."""
    for _ in range(3):
        assert await named(issuers) == ["one"]
    web.later(FRESH_S - 1)
    assert await named(issuers) == ["one"]
    assert web.asked == [FOUND, KEYS]
    web.later(1)
    await named(issuers)
    assert web.asked == [FOUND, KEYS] * 2


async def test_a_hundred_callers_at_once_cause_one_fetch(web: Web, issuers: Issuers) -> None:
    """All of them get its keys."""
    found = await asyncio.gather(*(named(issuers) for _ in range(100)))
    assert found == [["one"]] * 100
    assert web.asked == [FOUND, KEYS]


async def test_a_caller_that_leaves_does_not_end_the_fetch(web: Web, issuers: Issuers) -> None:
    """The others wait for the same one, and get its keys."""
    leaving, staying = [asyncio.create_task(named(issuers)) for _ in range(2)]
    await asyncio.sleep(0)
    leaving.cancel()
    assert await staying == ["one"]
    assert web.asked == [FOUND, KEYS]


async def test_an_unknown_key_is_looked_for_but_not_by_every_caller(
    web: Web, issuers: Issuers
) -> None:
    """A rotated key is found at once; made-up key ids make no flood of fetches."""
    await named(issuers)
    web.publish(ONE, TWO)
    web.later(AGAIN_S)
    assert await named(issuers, "two") == ["one", "two"]
    for number in range(100):
        await named(issuers, f"made-up-{number}")
    assert web.asked == [FOUND, KEYS] * 2


async def test_last_good_keys_serve_for_a_stated_time_only(web: Web, issuers: Issuers) -> None:
    """Then the issuer has none, until it is back."""
    await named(issuers)
    web.down = True
    web.later(KEPT_S - 1)
    assert await named(issuers) == ["one"]
    web.later(1)
    assert await named(issuers) is None
    web.down = False
    assert await named(issuers) is None, "not asked again that soon"
    web.later(AGAIN_S)
    assert await named(issuers) == ["one"]


async def test_a_withdrawn_key_is_gone_with_the_next_fetch(web: Web, issuers: Issuers) -> None:
    """What is no longer published is no longer believed."""
    web.publish(ONE, TWO)
    await named(issuers)
    web.publish(TWO)
    web.later(FRESH_S)
    assert await named(issuers) == ["two"]


@pytest.mark.parametrize(
    "document",
    [
        {"issuer": ISSUER + "/", "jwks_uri": KEYS},
        {"issuer": "https://login.evil.example", "jwks_uri": KEYS},
        {"jwks_uri": KEYS},
        {"issuer": ISSUER},
        {"issuer": ISSUER, "jwks_uri": "http://login.acme.example/keys"},
        {"issuer": ISSUER, "jwks_uri": "file:///etc/passwd"},
        {"issuer": ISSUER, "jwks_uri": ["x"]},
        [],
        b"{",
        b"[" * 100_000,
        b"\xff",
    ],
    ids=str,
)
async def test_a_document_that_is_not_the_issuers_gives_no_keys(
    document: Any, web: Web, issuers: Issuers
) -> None:
    """Another name, an address that is not protected, no JSON: nobody is let in by it."""
    web.documents[FOUND] = document
    assert await named(issuers) is None


async def test_an_issuer_of_oauth_alone_is_found_too(web: Web, issuers: Issuers) -> None:
    """RFC 8414 puts the document elsewhere."""
    other = discovery_addresses(ISSUER)[1]
    assert other == "https://login.acme.example/.well-known/oauth-authorization-server/tenant"
    web.documents[other] = web.documents.pop(FOUND)
    assert await named(issuers) == ["one"]


async def test_the_number_of_remembered_issuers_is_bounded(web: Web, issuers: Issuers) -> None:
    """The one that was not asked for longest is fetched anew."""
    await named(issuers)
    for number in range(ISSUERS_MOST):
        await issuers.keys(f"https://{number}.example", None)
    del web.asked[:]
    await named(issuers)
    assert web.asked == [FOUND, KEYS]


def test_only_public_signing_keys_of_some_strength_are_taken() -> None:
    """No shared secret, private key, key for encryption, weak or broken one."""
    good = [
        ONE.as_dict(private=False),
        OKPKey.generate_key("Ed25519", {"kid": "ed"}).as_dict(private=False),
        RSAKey.generate_key(2048, {"kid": "rsa", "use": "sig"}).as_dict(private=False),
    ]
    bad = [
        OctKey.generate_key(256, {"kid": "oct"}).as_dict(private=True),
        TWO.as_dict(private=True),
        {**TWO.as_dict(private=False), "use": "enc"},
        {**TWO.as_dict(private=False), "x": "!"},
        {**TWO.as_dict(private=False), "crv": "P-0"},
        {"kty": "EC"},
        {"kty": ["EC"]},
        {"kty": "ML-DSA"},
        {"kty": "RSA", "kid": "weak", "n": encoded(WEAK.n), "e": encoded(WEAK.e)},
        "text",
        None,
    ]
    keys = key_set({"keys": [*bad, *good]})
    assert keys is not None
    assert [key.kid for key in keys] == ["one", "ed", "rsa"]
    assert key_set({"keys": bad}) is None
    assert key_set({"keys": {}}) is None


@pytest.mark.parametrize(
    ("address", "held"),
    [
        ("https://login.acme.example", True),
        ("http://127.0.0.1:8080/x", True),
        ("http://[::1]/x", True),
        ("http://login.acme.example", False),
        ("http://127.0.0.1.evil.example", False),
        ("ftp://login.acme.example", False),
        ("https://", False),
        ("https://[x", False),
        ("", False),
    ],
)
def test_only_https_or_loopback_is_protected(address: str, held: bool) -> None:
    """Keys that somebody could change on the way are none."""
    assert protected(address) is held
