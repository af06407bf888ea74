"""The hash chain: what it holds together, and what breaks it."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from mcpassport.audit.chain import Broken, link, verify
from mcpassport.records.audit import ChainedRow
from mcpassport.store.protocol import GENESIS


def chain(bodies: list[bytes], name: str = "acme") -> list[ChainedRow]:
    rows: list[ChainedRow] = []
    previous = GENESIS
    for sequence, body in enumerate(bodies, 1):
        previous = link(previous, sequence, body)
        rows.append(ChainedRow(name, sequence, previous, body))
    return rows


BODIES = st.lists(st.binary(max_size=20), min_size=1, max_size=8)


def test_link_is_the_published_formula() -> None:
    """A stranger can recompute a hash from the formula alone."""
    expected = hashlib.sha256(GENESIS + (7).to_bytes(8, "big") + b"body").digest()
    assert link(GENESIS, 7, b"body") == expected


@given(BODIES)
def test_whole_chain_verifies(bodies: list[bytes]) -> None:
    """Rows that nobody touched verify, also from the middle on."""
    rows = chain(bodies)
    assert verify(rows) is None
    assert verify(rows[1:], previous=rows[0].hash, sequence=2) is None


@given(BODIES, st.data())
def test_changed_row_is_found(bodies: list[bytes], data: st.DataObject) -> None:
    """A changed body is found at its own sequence."""
    rows = chain(bodies)
    at = data.draw(st.integers(0, len(rows) - 1))
    rows[at] = ChainedRow("acme", at + 1, rows[at].hash, rows[at].body + b"!")
    broken = verify(rows)
    assert broken is not None
    assert broken.sequence == at + 1


@given(st.lists(st.binary(max_size=20), min_size=2, max_size=8), st.data())
def test_deleted_row_is_found(bodies: list[bytes], data: st.DataObject) -> None:
    """A row deleted before the end leaves a gap that is named."""
    rows = chain(bodies)
    at = data.draw(st.integers(0, len(rows) - 2))
    del rows[at]
    assert verify(rows) == Broken(at + 1, f"row {at + 1} is missing; found row {at + 2}")


def test_row_of_another_chain_is_found() -> None:
    """A row cannot be moved from one tenant's chain to another's."""
    rows = chain([b"a", b"b"])
    rows[1] = ChainedRow("other", 2, rows[1].hash, rows[1].body)
    assert verify(rows) == Broken(2, "the row belongs to another chain")


def test_renumbered_row_is_found() -> None:
    """Closing a gap by renumbering breaks the hash, which covers the sequence."""
    rows = chain([b"a", b"b", b"c"])
    moved = [rows[0], ChainedRow("acme", 2, rows[2].hash, rows[2].body)]
    assert verify(moved) == Broken(2, "the row or the one before it was changed")
