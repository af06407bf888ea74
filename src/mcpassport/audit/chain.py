"""The hash chain: each row's hash covers the row before it (FIPS 180-4 SHA-256).

    hash = SHA-256(previous hash || sequence as 8 bytes, big-endian || body)

The body is the exact JSON text that is stored, so a verifier never has to re-encode anything.
"""

from collections.abc import Iterable
from hashlib import sha256
from hmac import compare_digest
from typing import Final, NamedTuple

from mcpassport.records.audit import ChainedRow
from mcpassport.store.protocol import GENESIS

FIRST_SEQUENCE: Final = 1


class Broken(NamedTuple):
    """Where a chain stops being whole, and why."""

    sequence: int
    reason: str


def link(previous: bytes, sequence: int, body: bytes) -> bytes:
    """The hash of a row, given the hash of the row before it."""
    return sha256(previous + sequence.to_bytes(8, "big") + body).digest()


def verify(
    rows: Iterable[ChainedRow], *, previous: bytes = GENESIS, sequence: int = FIRST_SEQUENCE
) -> Broken | None:
    """Recompute a chain, oldest row first; None when it is whole.

    `previous` and `sequence` say where to begin: at the genesis, or after a signed checkpoint.
    Stops at the first fault: (1) a gap or a repeat, (2) a row of another chain, (3) a changed row.
    """
    chain: str | None = None
    for expected, row in enumerate(rows, start=sequence):
        # (1) Sequences are dense: a deleted row leaves a gap.
        if row.sequence != expected:
            return Broken(expected, f"row {expected} is missing; found row {row.sequence}")
        # (2) A row moved here from another tenant's chain would prove nothing.
        chain = row.chain if chain is None else chain
        if row.chain != chain:
            return Broken(expected, "the row belongs to another chain")
        # (3) Any changed byte changes this hash and every later one.
        if not compare_digest(link(previous, expected, row.body), row.hash):
            return Broken(expected, "the row or the one before it was changed")
        previous = row.hash
    return None
