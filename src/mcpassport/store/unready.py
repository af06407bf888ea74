"""What keeps a store from being used: a copy into it that is not complete, or an unreplayed backup.

Both are records of the store itself, so every process on every machine finds them, and a backup
that is unpacked by hand holds its own mark.
"""

from datetime import datetime
from typing import Final, TypeVar

import msgspec

from mcpassport.errors import DataFolderError
from mcpassport.store.protocol import PLATFORM, Delete, Key, Put, Store
from mcpassport.store.revocations import Known

T = TypeVar("T", bound=msgspec.Struct)

KIND: Final = "unready"
COPY: Final = Key(KIND, PLATFORM, "copy")
REPLAY: Final = Key(KIND, PLATFORM, "replay")


class Unfinished(msgspec.Struct, frozen=True):
    """A copy into the store that has begun and not ended."""

    source: str
    began: datetime


class Mark(msgspec.Struct, frozen=True):
    """A restored backup whose revocations were not replayed yet."""

    taken_at: datetime
    logs: tuple[Known, ...]
    """The revocation logs that the deployment had, and how far each was known to reach."""


def unfinished_of(value: bytes) -> Unfinished:
    """The copy that a record under `COPY` is about; `DataFolderError` if it cannot be read."""
    return _decoded(value, Unfinished)


async def begin_copy(store: Store, copy: Unfinished) -> None:
    """From now on nothing opens the store but what goes on with this copy."""
    await store.write([Put(COPY, msgspec.json.encode(copy))])


async def end_copy(store: Store) -> None:
    """The copy is complete."""
    await store.write([Delete(COPY)])


async def mark_of(store: Store) -> Mark | None:
    """The mark of a restored backup, or None where nothing awaits a replay."""
    (entry,) = await store.get_many([REPLAY])
    return None if entry is None else _decoded(entry.value, Mark)


async def unmark(store: Store) -> None:
    """The revocations are replayed."""
    await store.write([Delete(REPLAY)])


async def refuse_unfinished(store: Store) -> None:
    """`DataFolderError` while a copy into the store is not complete."""
    (entry,) = await store.get_many([COPY])
    if entry is not None:
        copy = unfinished_of(entry.value)
        raise DataFolderError(
            f"A copy from {copy.source} into this store began at {copy.began:%Y-%m-%d %H:%M} UTC "
            "and is not complete. Run the same command again: it goes on where it was."
        )


async def refuse_unreplayed(store: Store) -> None:
    """`DataFolderError` while the store is a restored backup whose revocations are not replayed.

    What was revoked after the backup would work again.
    """
    mark = await mark_of(store)
    if mark is not None:
        raise DataFolderError(
            f"This is a backup of {mark.taken_at:%Y-%m-%d %H:%M} UTC; what was revoked since would "
            "work again. Run `mcpassport store replay --revocations FILE` with the newest "
            "revocations.log of each machine, or `mcpassport store replay "
            "--accept-revived-grants`, which suspends every server and revokes every API token."
        )


def _decoded(value: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(value, type=kind)
    except msgspec.MsgspecError:
        raise DataFolderError(
            "The note on an unfinished copy or a restored backup in this store cannot be read. "
            "Restore the backup again, or run the copy again with --restart."
        ) from None
