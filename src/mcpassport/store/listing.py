"""What stores of records do alike: cursors, and refusals before the engine sees anything."""

import base64
import binascii
from collections.abc import Sequence

import msgspec

from mcpassport.errors import InvalidInput
from mcpassport.store.protocol import Append, IndexColumn, IndexValue, Key, Op


def cursor_after(key: Key, *, one_tenant: bool) -> str:
    """What continues a listing behind that record: its id, and its tenant if it spans tenants."""
    return cursor_of((key.id,) if one_tenant else (key.id, key.tenant))


def cursor_of(position: Sequence[str]) -> str:
    """The cursor of that position; `position_of` reads it."""
    return base64.urlsafe_b64encode(msgspec.json.encode(position)).rstrip(b"=").decode()


def position_of(cursor: str, length: int) -> list[str]:
    """Where a listing goes on: the id, and the tenant if the listing spans tenants.

    Raises:
        InvalidInput: the cursor is not one of this listing.
    """
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        position = msgspec.json.decode(
            base64.b64decode(padded, altchars=b"-_", validate=True), type=list[str]
        )
    except (ValueError, binascii.Error, msgspec.MsgspecError):
        position = []
    if len(position) != length:
        raise InvalidInput("The cursor is not valid: send back the `next_cursor` you received.")
    return position


def check_listing(index: IndexColumn | None, value: IndexValue | None, limit: int) -> None:
    """Refuse a listing that cannot be meant.

    Raises:
        InvalidInput: the limit is below 1.
    """
    if (index is None) != (value is None):
        raise ValueError("index and value go together")
    if limit < 1:
        raise InvalidInput("The limit must be at least 1.")


def check_keys(ops: Sequence[Op]) -> None:
    """Refuse ids that not every engine can hold.

    Raises:
        InvalidInput: an id holds NUL.
    """
    for op in ops:
        if not isinstance(op, Append) and any("\0" in part for part in op.key):
            raise InvalidInput("An id cannot hold the character NUL.")


def unstorable() -> InvalidInput:
    """A text or number that the engine cannot hold."""
    return InvalidInput("A name or number in the request cannot be stored: use plain Unicode text.")
