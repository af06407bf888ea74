"""Wraps keys under the master key, and unwraps those that the master key before wrapped.

AES-256-GCM (NIST SP 800-38D): format (1 byte) | nonce (12) | ciphertext and tag. The key's name is
authenticated, so a wrapped key is of no use under another name.
"""

from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mcpassport.records.masked import KeyMaterial
from mcpassport.records.sources import Random
from mcpassport.store.keystore import KeyName

NONCE_BYTES: Final = 12
"""NIST SP 800-38D section 8.2.2: random nonces of 96 bits."""
_FORMAT: Final = b"\x01"


class Wrapping:
    """Wraps under `master`; unwraps what it or `previous` wrapped."""

    def __init__(self, master: KeyMaterial, previous: KeyMaterial | None, random: Random) -> None:
        self._master = AESGCM(master.unwrap())
        self._previous = None if previous is None else AESGCM(previous.unwrap())
        self._random = random

    def wrap(self, name: KeyName, key: bytes) -> bytes:
        """The key, wrapped under the master key."""
        nonce = self._random(NONCE_BYTES)
        return _FORMAT + nonce + self._master.encrypt(nonce, key, _associated(name))

    def unwrap(self, name: KeyName, wrapped: bytes) -> KeyMaterial | None:
        """The key of that name; None if neither master key wrapped it."""
        key = _unwrapped(self._master, name, wrapped)
        if key is None and self._previous is not None:
            return _unwrapped(self._previous, name, wrapped)
        return key

    def rewrapped(self, name: KeyName, wrapped: bytes) -> bytes | None:
        """The same key under the master key; None if it is so already, or opens under neither."""
        if self._previous is None or _unwrapped(self._master, name, wrapped) is not None:
            return None
        key = _unwrapped(self._previous, name, wrapped)
        return None if key is None else self.wrap(name, key.unwrap())


def _unwrapped(master: AESGCM, name: KeyName, wrapped: bytes) -> KeyMaterial | None:
    if wrapped[:1] != _FORMAT:
        return None
    nonce, sealed = wrapped[1 : 1 + NONCE_BYTES], wrapped[1 + NONCE_BYTES :]
    try:
        return KeyMaterial(master.decrypt(nonce, sealed, _associated(name)))
    except (InvalidTag, ValueError):
        return None


def _associated(name: KeyName) -> bytes:
    return b"mcpassport key " + msgspec.json.encode(name)
