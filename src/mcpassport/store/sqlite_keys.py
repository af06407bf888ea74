"""Keys in one SQLite file of their own: `KeyStore` of the embedded deployment."""

import sqlite3
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, Final

from mcpassport.store.keystore import LAST_VERSION, KeyName, StoredKey
from mcpassport.store.sqlite_engine import Database
from mcpassport.store.sqlite_open import Schema

SCHEMA: Final = Schema(
    application_id=0x6D637033,
    holds="keys",
    steps=(
        (
            """CREATE TABLE keys (
                kind TEXT NOT NULL, tenant TEXT NOT NULL, version INTEGER NOT NULL, wrapped BLOB,
                PRIMARY KEY (kind, tenant, version)) WITHOUT ROWID""",
        ),
    ),
)
_READ: Final = """
    SELECT kind, tenant, version, wrapped FROM keys
    WHERE kind = ? AND tenant = ? AND version = ?"""
_INSERT: Final = "INSERT OR IGNORE INTO keys (kind, tenant, version, wrapped) VALUES (?, ?, ?, ?)"
_NEXT: Final = "SELECT coalesce(max(version), 0) + 1 FROM keys WHERE kind = ? AND tenant = ?"
_VERSIONS: Final = """
    SELECT kind, tenant, version, wrapped FROM keys
    WHERE kind = ? AND tenant = ? ORDER BY version"""
_PAGE: Final = """
    SELECT kind, tenant, version, wrapped FROM keys
    WHERE (kind, tenant, version) > (?, ?, ?) ORDER BY kind, tenant, version LIMIT ?"""
_REPLACE: Final = """
    UPDATE keys SET wrapped = ? WHERE kind = ? AND tenant = ? AND version = ? AND wrapped = ?"""
_DESTROY: Final = """
    UPDATE keys SET wrapped = NULL WHERE kind = ? AND tenant = ? AND version < ?"""
_BEFORE_ALL: Final = KeyName("", "", 0)


class SqliteKeys:
    """A `KeyStore` in the file at `path`. Several processes may use the file at once."""

    def __init__(self, path: Path) -> None:
        self.place = str(path)
        self._database = Database(path, SCHEMA)

    async def read(self, name: KeyName) -> StoredKey | None:
        """The key of that name; None if there never was one."""
        rows = self._database.read(_READ, name)
        return _stored(rows[0]) if rows else None

    async def add(self, name: KeyName, wrapped: bytes) -> StoredKey:
        """Store a key under a name that has none; what stands there now, whoever was first."""

        def work(connection: sqlite3.Connection) -> StoredKey:
            connection.execute(_INSERT, (*name, wrapped))
            return _stored(connection.execute(_READ, name).fetchone())

        return await self._database.write(work)

    async def add_next(self, kind: str, tenant: str, wrap: Callable[[KeyName], bytes]) -> KeyName:
        """Store a key under the next version, which was never used before; its name."""

        def work(connection: sqlite3.Connection) -> KeyName:
            (version,) = connection.execute(_NEXT, (kind, tenant)).fetchone()
            name = KeyName(kind, tenant, version)
            connection.execute(_INSERT, (*name, wrap(name)))
            return name

        return await self._database.write(work)

    async def versions(self, kind: str, tenant: str) -> list[StoredKey]:
        """Every version of one key, oldest first, destroyed ones too."""
        return [_stored(row) for row in self._database.read(_VERSIONS, (kind, tenant))]

    async def page(self, after: KeyName | None = None, limit: int = 500) -> list[StoredKey]:
        """Keys of every kind and tenant in the order of their names, behind `after`."""
        rows = self._database.read(_PAGE, (*(after or _BEFORE_ALL), limit))
        return [_stored(row) for row in rows]

    async def replace(self, name: KeyName, expected: bytes, wrapped: bytes) -> bool:
        """Put `wrapped` in the place of `expected`; nothing of what it replaced is left."""
        terms = (wrapped, *name, expected)
        replaced = await self._database.write(lambda c: c.execute(_REPLACE, terms).rowcount)
        await self._database.empty_journal()
        return replaced == 1

    async def destroy(
        self, kinds: Collection[str], tenant: str, *, below: int = LAST_VERSION
    ) -> int:
        """Remove the versions below that of those keys, from the file and from its journal."""
        gone = [(kind, tenant, below) for kind in kinds]
        count = await self._database.write(lambda c: c.executemany(_DESTROY, gone).rowcount)
        await self._database.empty_journal()
        return count

    async def close(self) -> None:
        """Finish writes in progress and release the file."""
        await self._database.close()


def _stored(row: Any) -> StoredKey:
    return StoredKey(KeyName(*row[:3]), row[3])
