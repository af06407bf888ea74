"""Signing keys of identity providers, found by discovery.

1. The discovery document must name the very issuer that was asked for (OpenID Connect Discovery
   1.0, 4.3; RFC 8414, 3.3), and every address in it is https; loopback may be http.
2. Keys are used as they are for `FRESH_S`. Then, or when a token names a key that is not among
   them, they are fetched again: once at a time, and at most once in `AGAIN_S`.
3. While an issuer cannot be reached, its last good keys serve until `KEPT_S` after they came. From
   then on it has no keys, and nobody whom it vouches for is let in.
"""

import asyncio
import json
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key, KeySet, RSAKey

from mcpassport.errors import McpassportError
from mcpassport.records.calls import OutboundRequest, OutboundResponse
from mcpassport.records.sources import Clock

FRESH_S: Final = 300
AGAIN_S: Final = 10
KEPT_S: Final = 3_600
FETCH_S: Final = 5
"""One request of the two that a fetch makes."""
DOCUMENT_BYTES: Final = 2**18
KEYS_MOST: Final = 64
"""Keys of one issuer that are looked at."""
ISSUERS_MOST: Final = 1_000
"""Issuers that are remembered; the one not asked for longest goes first."""
RSA_BITS: Final = 2_048
_BITS_PER_CHAR: Final = 6
"""Of Base64."""
_OK: Final = 200
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_KINDS: Final = frozenset({"RSA", "EC", "OKP"})


class Fetcher(Protocol):
    """The outbound HTTP client."""

    async def send(self, request: OutboundRequest) -> OutboundResponse:
        """One request; an `McpassportError` says by class what failed."""
        ...


@dataclass(slots=True)
class _Known:
    """What is known of one issuer."""

    keys: KeySet | None = None
    came: datetime | None = None
    tried: datetime | None = None
    fetch: "asyncio.Task[None] | None" = None

    def due(self, key_id: str | None, now: datetime) -> bool:
        """Whether its keys should be fetched before a token with that key id is looked at."""
        if self.tried is not None and now - self.tried < timedelta(seconds=AGAIN_S):
            return self.fetch is not None
        if self.keys is None or self.came is None or now - self.came >= timedelta(seconds=FRESH_S):
            return True
        return key_id is not None and all(key.kid != key_id for key in self.keys)


class Issuers:
    """The keys of issuers that servers name; one per process."""

    def __init__(self, http: Fetcher, clock: Clock) -> None:
        self._http = http
        self._clock = clock
        self._known: OrderedDict[str, _Known] = OrderedDict()

    async def keys(self, issuer: str, key_id: str | None) -> KeySet | None:
        """Its keys now; None when there are none that may be trusted still."""
        known = self._of(issuer)
        if known.due(key_id, self._clock()):
            await self._fetched(issuer, known)
        now = self._clock()
        if known.came is None or now - known.came >= timedelta(seconds=KEPT_S):  # (3)
            return None
        return known.keys

    def _of(self, issuer: str) -> _Known:
        known = self._known.setdefault(issuer, _Known())
        self._known.move_to_end(issuer)
        if len(self._known) > ISSUERS_MOST:
            self._known.popitem(last=False)
        return known

    async def _fetched(self, issuer: str, known: _Known) -> None:
        """Wait for the fetch that is under way, or begin one; a waiter that leaves ends none."""
        if known.fetch is None:
            known.tried = self._clock()  # (2)
            known.fetch = asyncio.create_task(self._fetch(issuer, known))
        await asyncio.shield(known.fetch)

    async def _fetch(self, issuer: str, known: _Known) -> None:
        try:
            keys = await self._discovered(issuer)
            if keys is not None:
                known.keys, known.came = keys, self._clock()
        finally:
            known.fetch = None

    async def _discovered(self, issuer: str) -> KeySet | None:
        for address in discovery_addresses(issuer):
            found = await self._document(address)
            if found is None:
                continue
            place = found.get("jwks_uri")
            if found.get("issuer") != issuer or not isinstance(place, str):  # (1)
                return None
            return key_set(await self._document(place) or {})
        return None

    async def _document(self, address: str) -> Mapping[str, Any] | None:
        if not protected(address):  # (1)
            return None
        request = OutboundRequest(
            method="GET",
            url=address,
            headers=(("Accept", "application/json"),),
            timeout_s=FETCH_S,
            max_body=DOCUMENT_BYTES,
        )
        try:
            answer = await self._http.send(request)
            found = json.loads(answer.body) if answer.status == _OK else None
        except (McpassportError, ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) else None


def discovery_addresses(issuer: str) -> tuple[str, str]:
    """Where an issuer describes itself: OpenID Connect Discovery 1.0, 4; RFC 8414, 3.1."""
    parts = urlsplit(issuer)
    path = parts.path.rstrip("/")
    return (
        f"{issuer.rstrip('/')}/.well-known/openid-configuration",
        f"{parts.scheme}://{parts.netloc}/.well-known/oauth-authorization-server{path}",
    )


def protected(address: str) -> bool:
    """Whether what comes from there cannot be changed on the way."""
    try:
        parts = urlsplit(address)
        host = parts.hostname
    except ValueError:
        return False
    return bool(host) and (
        parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)
    )


def key_set(document: Mapping[str, Any]) -> KeySet | None:
    """The public signing keys of a JWK Set (RFC 7517, 5), without those that cannot be used."""
    listed = document.get("keys")
    keys = list(_usable(listed[:KEYS_MOST])) if isinstance(listed, list) else []
    return KeySet(keys) if keys else None


def _usable(listed: list[Any]) -> Iterator[Key]:
    for data in listed:
        if not isinstance(data, dict) or str(data.get("kty")) not in _KINDS:
            continue  # a symmetric key among them would make a signature of every reader
        if data.get("use", "sig") != "sig" or "d" in data:
            continue
        if data["kty"] == "RSA" and len(str(data.get("n"))) * _BITS_PER_CHAR < RSA_BITS:
            continue  # the library warns of it on standard error
        try:
            key = JWKRegistry.import_key(data)
            strong = not isinstance(key, RSAKey) or key.public_key.key_size >= RSA_BITS
        except (JoseError, ValueError, TypeError, KeyError):
            continue
        if strong:
            yield key
