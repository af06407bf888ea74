"""The revocation log: what was ended, in a file that outlives a restored backup.

A backup knows nothing of what was revoked after it, and neither does a database that its own tools
set back. Each revocation is therefore also a line of `revocations.log` in the data folder of the
machine that did it: JSON, only ever appended, synchronised to the disk before the revocation is
answered. It holds ids and keyed hashes, no secret; it is meant to be copied apart.

Of several machines over one database each has a log of its own. The store knows every log and its
last line, so that a backup can say which logs a restore needs, and a machine finds out that the
store has forgotten what its log still holds.
"""

import asyncio
import socket
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from mcpassport.errors import DataFolderError, StoreUnavailable
from mcpassport.records.sources import Clock, Random
from mcpassport.store.linefile import adopt, append, digest_of, first_line, lines_of
from mcpassport.store.protocol import ABSENT, PLATFORM, EtagConflict, Key, Put, Store
from mcpassport.store.trouble import data_folder_error, os_data_folder_error

REVOCATIONS_FILE: Final = "revocations.log"
LOG_KIND: Final = "revocation_log"
"""Records of the logs that a store knows."""
BEGINNING: Final = "log"
"""The kind of a log's first line: it makes every log unlike every other, and ends nothing."""
_ID_LENGTH: Final = 32
_ID_BYTES: Final = 16


class Revocation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line. `kind` is free text, so that a later release can end more kinds of things."""

    ts: datetime
    kind: str
    tenant: str
    id: str
    token_hash: str = ""


class Known(msgspec.Struct, frozen=True):
    """What a store knows of a log: on which machine it is, and its last line (SHA-256, hex)."""

    id: str
    host: str
    last: str


class RevocationLog:
    """The log in a data folder. Several processes may append at once."""

    def __init__(self, folder: Path, store: Store, *, clock: Clock, random: Random) -> None:
        self.path = folder / REVOCATIONS_FILE
        self._store = store
        self._clock = clock
        self._random = random
        self._id = ""

    async def begin(self) -> None:
        """Make the log if there is none, and make it known to the store.

        Raises:
            DataFolderError: the file cannot be read or made.
        """
        beginning = Revocation(
            ts=self._clock(), kind=BEGINNING, tenant=PLATFORM, id=self._random(_ID_BYTES).hex()
        )
        try:
            first = await asyncio.to_thread(
                first_line, self.path, msgspec.json.encode(beginning) + b"\n"
            )
        except OSError as error:
            raise os_data_folder_error(self.path, error) from None
        self._id = digest_of(first)[:_ID_LENGTH]
        if await self._known() is None:
            with suppress(EtagConflict):  # another process of this machine was first
                await self._remember(first, {self._key(): ABSENT})

    async def append(self, revocation: Revocation) -> None:
        """Write one line; it is on the disk when this returns.

        Raises:
            StoreUnavailable: it is not; what it records happened all the same.
        """
        line = msgspec.json.encode(revocation)
        try:
            await asyncio.shield(asyncio.to_thread(append, self.path, line + b"\n"))
        except OSError:
            raise StoreUnavailable(
                "It is revoked, but the revocation log cannot be written, so a restored backup "
                "could revive it: make room in the data folder, then repeat the revocation."
            ) from None
        with suppress(StoreUnavailable):  # then the store knows an earlier line, which will do
            await self._remember(line)

    async def forgotten(self) -> list[Revocation]:
        """What this log holds behind the last line that the store knows: none, as a rule.

        More than one that was just being written means that the store was set back.
        """
        known = await self._known()
        lines = self.lines()
        digests = [digest_of(line) for line in lines]
        if known is not None and known.last in digests:
            lines = lines[len(digests) - digests[::-1].index(known.last) :]
        return revocations_of(self.path, lines)

    async def remembered(self) -> None:
        """The store holds everything that this log does."""
        await self._remember(self.lines()[-1])

    def lines(self) -> list[bytes]:
        """Every whole line. Raises `DataFolderError`: the file cannot be read."""
        try:
            return lines_of(self.path)
        except OSError as error:
            raise os_data_folder_error(self.path, error) from None

    def adopt(self, lines: list[bytes]) -> None:
        """Take in the lines of other logs, so that a later restore finds all of them here.

        Raises:
            DataFolderError: they cannot be written.
        """
        try:
            adopt(self.path, lines)
        except OSError as error:
            raise os_data_folder_error(self.path, error) from None

    async def _known(self) -> Known | None:
        (entry,) = await self._store.get_many([self._key()])
        return None if entry is None else msgspec.json.decode(entry.value, type=Known)

    async def _remember(self, line: bytes, expect: dict[Key, str] | None = None) -> None:
        known = Known(self._id, socket.gethostname(), digest_of(line))
        await self._store.write([Put(self._key(), msgspec.json.encode(known))], expect or {})

    def _key(self) -> Key:
        return Key(LOG_KIND, PLATFORM, self._id)


def read_log(path: Path) -> list[bytes]:
    """The lines of a copy of a log, each of them one that can be read.

    Raises:
        DataFolderError: unreadable, or damaged.
    """
    try:
        lines = lines_of(path)
    except OSError as error:
        raise os_data_folder_error(path, error) from None
    revocations_of(path, lines)
    return lines


def revocations_of(path: Path, lines: list[bytes]) -> list[Revocation]:
    """What the lines ended, in their order.

    Raises:
        DataFolderError: a line is not a revocation.
    """
    found = [_decoded(path, number, line) for number, line in enumerate(lines, 1)]
    return [revocation for revocation in found if revocation.kind != BEGINNING]


def missing_logs(known: tuple[Known, ...], lines: list[bytes]) -> list[Known]:
    """The logs whose last known line is not among the lines."""
    digests = {digest_of(line) for line in lines}
    return [log for log in known if log.last not in digests]


def _decoded(path: Path, number: int, line: bytes) -> Revocation:
    try:
        return msgspec.json.decode(line, type=Revocation)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise _damaged(path, number) from None


def _damaged(path: Path, number: int) -> DataFolderError:
    return data_folder_error(
        path, f"line {number} is not a revocation", "Give an undamaged copy of the log."
    )
