"""Signed checkpoints: who has one can tell a rewritten chain from the one that was signed.

The signature is Ed25519 (RFC 8032) over five lines: `mcpassport audit checkpoint 1`, the chain, the
sequence, the row's hash in hex, and the time.
"""

import binascii
from base64 import b64decode, b64encode
from datetime import UTC, datetime
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from mcpassport.records.audit import ChainedRow, Checkpoint


class SigningKey:
    """A private key with its public half."""

    def __init__(self, seed: bytes) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = self._private.public_key().public_bytes_raw()

    def sign_bytes(self, statement: bytes) -> bytes:
        """The 64 bytes of a signature."""
        return self._private.sign(statement)

    def sign(self, row: ChainedRow, now: datetime) -> Checkpoint:
        """State that the chain has this row now."""
        place = (row.chain, row.sequence, row.hash.hex(), now.astimezone(UTC).isoformat())
        chain, sequence, digest, ts = place
        return Checkpoint(
            chain=chain,
            sequence=sequence,
            hash=digest,
            ts=ts,
            key=b64encode(self.public).decode(),
            signature=b64encode(self.sign_bytes(_statement(*place))).decode(),
        )


def fingerprint_of(public: bytes) -> str:
    """SHA-256 (hex) of the 32 bytes of a public key."""
    return sha256(public).hexdigest()


def problem_of(checkpoint: Checkpoint, fingerprint: str) -> str:
    """Why the key with that fingerprint did not sign this; empty when it did."""
    said = _statement(checkpoint.chain, checkpoint.sequence, checkpoint.hash, checkpoint.ts)
    problem = signed_by(checkpoint.key, checkpoint.signature, said, fingerprint)
    return f"the checkpoint: {problem}" if problem else ""


def signed_by(key: str, signature: str, statement: bytes, fingerprint: str) -> str:
    """Why that signature (key and signature in base64) is none of that key; empty when it is."""
    try:
        public = b64decode(key, validate=True)
        if fingerprint_of(public) != fingerprint:
            return "it is signed with another key"
        mark = b64decode(signature, validate=True)
        Ed25519PublicKey.from_public_bytes(public).verify(mark, statement)
    except (InvalidSignature, binascii.Error, ValueError):
        return "its signature does not hold"
    return ""


def _statement(chain: str, sequence: int, digest: str, ts: str) -> bytes:
    return f"mcpassport audit checkpoint 1\n{chain}\n{sequence}\n{digest}\n{ts}\n".encode()
