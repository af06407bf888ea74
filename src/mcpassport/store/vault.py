"""Seals values under a tenant's data key, bound to where they belong.

AES-256-GCM (NIST SP 800-38D):

    format (1 byte) | key version (4) | nonce (12) | ciphertext and tag

The first five bytes are authenticated, and so is the associated data: a sealed value that is moved
to another tenant, account or purpose does not open.
"""

import base64
from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mcpassport.records.masked import KeyMaterial, Secret
from mcpassport.records.sources import Random
from mcpassport.store.keys import Keys
from mcpassport.store.repositories import CREDENTIAL_KIND
from mcpassport.store.wrapping import NONCE_BYTES

_RECORD: Final = b"\x01"
_TEXT: Final = b"\x02"
"""A format of its own, so that text which was handed out never opens as a stored record."""
_VERSION_BYTES: Final = 4
_HEADER: Final = 1 + _VERSION_BYTES
_TAG_BYTES: Final = 16


class Tampered(ValueError):
    """A sealed value does not verify: damaged, forged, or out of its place."""


def credential_associated(tenant: str, account: str) -> bytes:
    """What binds an account's credential to its place in the store."""
    return msgspec.json.encode([CREDENTIAL_KIND, tenant, account])


class Vault:
    """Seals and opens; the only place where tenants' data keys are used."""

    def __init__(self, keys: Keys, random: Random) -> None:
        self._keys = keys
        self._random = random

    async def seal(self, tenant: str, version: int, associated: bytes, plaintext: bytes) -> bytes:
        """Seal a record under that version of the tenant's key.

        Raises:
            StoreUnavailable: the key is gone or cannot be read.
        """
        return await self._seal(_RECORD, (tenant, version), associated, plaintext)

    async def unseal(self, tenant: str, associated: bytes, sealed: bytes) -> Secret:
        """Open a sealed record.

        Raises:
            StoreUnavailable: the key is gone or cannot be read.
            Tampered: it does not verify.
        """
        version = _version(_RECORD, sealed)
        key = await self._keys.tenant_key(tenant, version)
        return Secret(_open(key, associated, sealed))

    async def reseal(self, tenant: str, version: int, associated: bytes, sealed: bytes) -> bytes:
        """The same record under that version of the tenant's key.

        Raises:
            StoreUnavailable: the keys cannot be read.
            Tampered: it does not verify, or its key is gone.
        """
        key = await self._keys.find_tenant_key(tenant, key_version(sealed))
        if key is None:
            raise Tampered("no such key")
        plaintext = _open(key, associated, sealed)
        return await self.seal(tenant, version, associated, plaintext)

    async def seal_text(self, tenant: str, version: int, associated: bytes, text: bytes) -> str:
        """Seal as URL-safe base64, for values that travel through a client, such as cursors.

        Raises:
            StoreUnavailable: the key is gone or cannot be read.
        """
        sealed = await self._seal(_TEXT, (tenant, version), associated, text)
        return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()

    async def unseal_text(self, tenant: str, associated: bytes, text: str) -> bytes:
        """Open what `seal_text` made.

        Raises:
            StoreUnavailable: the keys cannot be read.
            Tampered: it does not verify, or its key is gone: a client may send any version.
        """
        try:
            padded = text.encode("ascii") + b"=" * (-len(text) % 4)
            sealed = base64.b64decode(padded, altchars=b"-_", validate=True)
        except ValueError:
            raise Tampered("not base64") from None
        key = await self._keys.find_tenant_key(tenant, _version(_TEXT, sealed))
        if key is None:
            raise Tampered("no such key")
        return _open(key, associated, sealed)

    async def _seal(
        self, form: bytes, key_name: tuple[str, int], associated: bytes, plaintext: bytes
    ) -> bytes:
        key = await self._keys.tenant_key(*key_name)
        header = form + key_name[1].to_bytes(_VERSION_BYTES, "big")
        nonce = self._random(NONCE_BYTES)
        ciphertext = AESGCM(key.unwrap()).encrypt(nonce, plaintext, header + associated)
        return header + nonce + ciphertext


def key_version(sealed: bytes) -> int:
    """The version of the key under which a record is sealed. `Tampered` if it is no record."""
    return _version(_RECORD, sealed)


def _version(form: bytes, sealed: bytes) -> int:
    if sealed[:1] != form or len(sealed) < _HEADER + NONCE_BYTES + _TAG_BYTES:
        raise Tampered("not a sealed value of this form")
    return int.from_bytes(sealed[1:_HEADER], "big")


def _open(key: KeyMaterial, associated: bytes, sealed: bytes) -> bytes:
    body = _HEADER + NONCE_BYTES
    try:
        return AESGCM(key.unwrap()).decrypt(
            sealed[_HEADER:body], sealed[body:], sealed[:_HEADER] + associated
        )
    except InvalidTag:
        raise Tampered("does not verify") from None
