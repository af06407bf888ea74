"""Keys in PostgreSQL, in a schema of their own: `KeyStore` of several machines."""

from collections.abc import Callable, Collection
from typing import Any, Final

from mcpassport.store.keystore import LAST_VERSION, KeyName, StoredKey
from mcpassport.store.postgres_open import Connection, PostgresSchema
from mcpassport.store.postgres_pool import Postgres

SCHEMA: Final = PostgresSchema(
    suffix="_keys",
    holds="keys",
    steps=(
        (
            """CREATE TABLE keys (
                kind TEXT COLLATE "C" NOT NULL, tenant TEXT COLLATE "C" NOT NULL,
                version BIGINT NOT NULL, wrapped BYTEA,
                PRIMARY KEY (kind, tenant, version))""",
        ),
    ),
)
_READ: Final = """
    SELECT kind, tenant, version, wrapped FROM keys
    WHERE kind = $1 AND tenant = $2 AND version = $3"""
_INSERT: Final = """
    INSERT INTO keys (kind, tenant, version, wrapped) VALUES ($1, $2, $3, $4)
    ON CONFLICT DO NOTHING RETURNING version"""
_NEXT: Final = "SELECT coalesce(max(version), 0) + 1 FROM keys WHERE kind = $1 AND tenant = $2"
_VERSIONS: Final = """
    SELECT kind, tenant, version, wrapped FROM keys
    WHERE kind = $1 AND tenant = $2 ORDER BY version"""
_PAGE: Final = """
    SELECT kind, tenant, version, wrapped FROM keys
    WHERE (kind, tenant, version) > ($1, $2, $3) ORDER BY kind, tenant, version LIMIT $4"""
_REPLACE: Final = """
    UPDATE keys SET wrapped = $5
    WHERE kind = $1 AND tenant = $2 AND version = $3 AND wrapped = $4 RETURNING version"""
_DESTROY: Final = """
    UPDATE keys SET wrapped = NULL
    WHERE kind = ANY ($1::text[]) AND tenant = $2 AND version < $3"""
_BEFORE_ALL: Final = KeyName("", "", 0)


class PostgresKeys:
    """A `KeyStore` in the database at `url`, shared by any number of processes and machines."""

    def __init__(self, url: str) -> None:
        self._database = Postgres(url, SCHEMA)

    @property
    def place(self) -> str:
        """The schema."""
        return self._database.place

    async def read(self, name: KeyName) -> StoredKey | None:
        """The key of that name; None if there never was one."""
        rows = await self._database.read(_READ, *name)
        return _stored(rows[0]) if rows else None

    async def add(self, name: KeyName, wrapped: bytes) -> StoredKey:
        """Store a key under a name that has none; what stands there now, whoever was first."""

        async def work(connection: Connection) -> StoredKey:
            # Of two at once the second waits for the commit of the first, and then reads it.
            await connection.fetch(_INSERT, *name, wrapped)
            return _stored(await connection.fetchrow(_READ, *name))

        return await self._database.write(work)

    async def add_next(self, kind: str, tenant: str, wrap: Callable[[KeyName], bytes]) -> KeyName:
        """Store a key under the next version, which was never used before; its name."""

        async def work(connection: Connection) -> KeyName:
            while True:
                name = KeyName(kind, tenant, await connection.fetchval(_NEXT, kind, tenant))
                # Another node may have taken the version just now; then the next one is asked for.
                if await connection.fetch(_INSERT, *name, wrap(name)):
                    return name

        return await self._database.write(work)

    async def versions(self, kind: str, tenant: str) -> list[StoredKey]:
        """Every version of one key, oldest first, destroyed ones too."""
        return [_stored(row) for row in await self._database.read(_VERSIONS, kind, tenant)]

    async def page(self, after: KeyName | None = None, limit: int = 500) -> list[StoredKey]:
        """Keys of every kind and tenant in the order of their names, behind `after`."""
        rows = await self._database.read(_PAGE, *(after or _BEFORE_ALL), limit)
        return [_stored(row) for row in rows]

    async def replace(self, name: KeyName, expected: bytes, wrapped: bytes) -> bool:
        """Put `wrapped` in the place of `expected`; False if something else stands there."""
        terms = (*name, expected, wrapped)
        rows = await self._database.write(lambda connection: connection.fetch(_REPLACE, *terms))
        return bool(rows)

    async def destroy(
        self, kinds: Collection[str], tenant: str, *, below: int = LAST_VERSION
    ) -> int:
        """Remove the versions below that of those keys; the files keep them until a clean-up."""
        gone = ([*kinds], tenant, below)
        told = await self._database.write(lambda connection: connection.execute(_DESTROY, *gone))
        return int(told.rpartition(" ")[2])  # the command's tag: UPDATE and the number of rows

    async def close(self) -> None:
        """Finish writes in progress and release the connections."""
        await self._database.close()


def _stored(row: Any) -> StoredKey:
    return StoredKey(KeyName(*row[:3]), row[3])
