"""The release key: Ed25519 (RFC 8032), on the publisher's machine and nowhere else.

A serving process never reads it: nothing but the commands that publish import `load_key`.
"""

import os
import stat
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from mcpassport.audit.checkpoint import fingerprint_of
from mcpassport.errors import UsageError

_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


class ReleaseKey:
    """A private key; `repr` shows its fingerprint only."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public = private.public_key().public_bytes_raw()
        self.fingerprint = fingerprint_of(self.public)

    def __repr__(self) -> str:
        return f"ReleaseKey({self.fingerprint})"

    def sign(self, message: bytes) -> bytes:
        """The 64 bytes of the signature."""
        return self._private.sign(message)

    def __reduce__(self) -> str:
        raise TypeError("A release key is not pickled.")


def generate_key() -> ReleaseKey:
    """A new key."""
    return ReleaseKey(Ed25519PrivateKey.generate())


def write_key(path: Path, passphrase: str = "") -> ReleaseKey:
    """A new key in a new file (PKCS #8, mode 0600); `UsageError` if something is there."""
    private = Ed25519PrivateKey.generate()
    encryption = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    text = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise UsageError(f"{path} exists; a key is never overwritten. Name another file.") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}.") from None
    with os.fdopen(file, "wb") as stream:
        stream.write(text)
    return ReleaseKey(private)


def load_key(path: Path, passphrase: str = "") -> ReleaseKey:
    """The key of a file that nobody else may read; `UsageError` says what is wrong with it."""
    try:
        mode, text = path.stat().st_mode, path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"The release key {path} cannot be read: {error.strerror}. "
            "`mcpassport reference keygen FILE` makes one."
        ) from None
    if mode & _OTHERS:
        raise UsageError(f"Others may read the release key {path}: chmod 600 {path}.")
    try:
        private = load_pem_private_key(text, passphrase.encode() if passphrase else None)
    except TypeError:
        word = "has no passphrase; leave it out" if passphrase else "has a passphrase; give it"
        raise UsageError(f"The release key {path} {word}.") from None
    except (ValueError, UnsupportedAlgorithm):
        raise UsageError(
            f"{path} holds no private key in PEM, or the passphrase is wrong."
        ) from None
    if not isinstance(private, Ed25519PrivateKey):
        raise UsageError(f"{path} holds a key of another kind than Ed25519.")
    return ReleaseKey(private)
