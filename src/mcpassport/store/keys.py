"""Keys in a file of their own, each wrapped by the master key, so a copy of the data opens nothing.

The master key lives outside the data folder. Under it: one token key, one signing key, data keys
per tenant and version, and a fingerprint key per tenant. Destroying a tenant's keys makes
everything sealed under them unreadable.
"""

import base64
import os
import sqlite3
import stat
from contextlib import closing, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mcpassport.errors import StoreUnavailable
from mcpassport.records.masked import KeyMaterial
from mcpassport.records.sources import Clock, Random
from mcpassport.store.sqlite_engine import Database
from mcpassport.store.sqlite_open import Schema, data_folder_error, os_data_folder_error

KEY_BYTES: Final = 32
"""AES-256, and HMAC-SHA256 keys of the same length."""
NONCE_BYTES: Final = 12
"""NIST SP 800-38D section 8.2.2: random nonces of 96 bits."""
CACHE_TTL: Final = timedelta(seconds=60)
"""How long a process may use an unwrapped key without reading it again."""
_CACHE_SIZE: Final = 4_096
_FORMAT: Final = b"\x01"

_SCHEMA: Final = Schema(
    application_id=0x6D637033,
    holds="keys",
    steps=(
        (
            # A destroyed key leaves its row, without the key, so that its version never returns.
            """CREATE TABLE keys (
                kind TEXT NOT NULL, tenant TEXT NOT NULL, version INTEGER NOT NULL, wrapped BLOB,
                PRIMARY KEY (kind, tenant, version)) WITHOUT ROWID""",
        ),
    ),
)
_READ: Final = "SELECT wrapped FROM keys WHERE kind = ? AND tenant = ? AND version = ?"
_INSERT: Final = "INSERT OR IGNORE INTO keys VALUES (?, ?, ?, ?)"
_NEXT: Final = "SELECT coalesce(max(version), 0) + 1 FROM keys WHERE kind = ? AND tenant = ?"
_DESTROY: Final = "UPDATE keys SET wrapped = NULL WHERE kind IN (?, ?) AND tenant = ?"
_TENANT: Final = "tenant"
_FINGERPRINT: Final = "fingerprint"


class _Name(NamedTuple):
    """Which key; bound into the wrapping, so a wrapped key is of no use under another name."""

    kind: str
    tenant: str = ""
    version: int = 1


_CHECK: Final = _Name("check")
_TOKEN: Final = _Name("token")
_OPERATIONS: Final = _Name("operations")


def load_master_key(path: Path) -> KeyMaterial:
    """The master key in that file: base64 of 32 bytes.

    Raises:
        DataFolderError: no such file, readable for others, or not a key.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        with closing(os.fdopen(descriptor, "rb")) as file:
            status = os.fstat(descriptor)
            text = file.read(1024) if stat.S_ISREG(status.st_mode) else b""
    except FileNotFoundError:
        raise data_folder_error(
            path, "there is no master key here", "Restore it, or correct the setting."
        ) from None
    except OSError as error:
        raise os_data_folder_error(path, error) from None
    if status.st_mode & 0o077:
        raise data_folder_error(
            path, "others than the owner may read the master key", f"Run: chmod 600 {path}"
        )
    with suppress(ValueError):
        key = base64.b64decode(text.strip(), validate=True)
        if len(key) == KEY_BYTES:
            return KeyMaterial(key)
    raise data_folder_error(
        path,
        f"this is not a master key (base64 of {KEY_BYTES} bytes)",
        "Restore the file, or correct the setting.",
    )


def create_master_key(path: Path, random: Random) -> KeyMaterial:
    """A new master key in a new file, readable for the owner only; never overwrites.

    Raises:
        DataFolderError: something is there already, or the file cannot be written.
    """
    key = random(KEY_BYTES)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise data_folder_error(
            path,
            "a file is here already, and a master key is never overwritten",
            "Use that key, or choose another path.",
        ) from None
    except OSError as error:
        raise os_data_folder_error(path, error) from None
    try:
        with closing(os.fdopen(descriptor, "wb")) as file:
            file.write(base64.b64encode(key) + b"\n")
            file.flush()
            os.fsync(descriptor)
    except OSError as error:
        path.unlink(missing_ok=True)  # ours: O_EXCL made it above
        raise os_data_folder_error(path, error) from None
    return KeyMaterial(key)


class Keys:
    """The keys of one deployment.

    Raises `DataFolderError` when made: the file cannot be used, or belongs to another master key.
    """

    def __init__(self, path: Path, master: KeyMaterial, *, clock: Clock, random: Random) -> None:
        self._path = path
        self._master = AESGCM(master.unwrap())
        self._clock = clock
        self._random = random
        self._cache: dict[_Name, tuple[KeyMaterial, datetime]] = {}
        self._database = Database(path, _SCHEMA)
        try:
            self._check_master()
        except BaseException:
            self._database.close_now()
            raise

    async def token_key(self) -> KeyMaterial:
        """The key under which tokens are hashed; made on first use.

        Raises:
            DataFolderError: the stored key does not unwrap.
        """
        return self._cached(_TOKEN) or await self._made_on_first_use(_TOKEN)

    async def fingerprint_key(self, tenant: str) -> bytes:
        """The key of a tenant's argument fingerprints; made on first use.

        Raises:
            StoreUnavailable: it was destroyed, or cannot be read.
            DataFolderError: the stored key does not unwrap.
        """
        name = _Name(_FINGERPRINT, tenant)
        return (self._cached(name) or await self._made_on_first_use(name)).unwrap()

    async def operations_key(self) -> KeyMaterial:
        """The private Ed25519 key (RFC 8032) that signs audit checkpoints; made on first use.

        Raises:
            DataFolderError: the stored key does not unwrap.
        """
        return await self._made_on_first_use(_OPERATIONS)

    async def _made_on_first_use(self, name: _Name) -> KeyMaterial:
        key = self._cached(name)
        if key is not None:
            return key
        stored = self._database.read(_READ, name)
        if not stored:
            new = (*name, self._wrap(name, self._random(KEY_BYTES)))
            # Of two processes that come here at once, the second one's insert does nothing.
            await self._database.write(lambda connection: connection.execute(_INSERT, new).rowcount)
        elif stored[0][0] is None:
            raise StoreUnavailable  # destroyed, and so it stays
        key = self._cached(name)  # ours, or made by another caller between the two reads
        if key is None:
            raise data_folder_error(
                self._path, f"the {name.kind} key is damaged", "Restore the file from a key backup."
            )
        return key

    async def tenant_key(self, tenant: str, version: int) -> KeyMaterial:
        """A tenant's data key (AES-256).

        Raises:
            StoreUnavailable: it was destroyed, never was, or cannot be read.
        """
        key = await self.find_tenant_key(tenant, version)
        if key is None:
            raise StoreUnavailable
        return key

    async def find_tenant_key(self, tenant: str, version: int) -> KeyMaterial | None:
        """A tenant's data key, or None if there is none of that version, or no longer."""
        return self._cached(_Name(_TENANT, tenant, version))

    async def create_tenant_key(self, tenant: str) -> int:
        """Make the tenant's next data key; its version, which was never used before."""
        key, nonce = self._random(KEY_BYTES), self._random(NONCE_BYTES)

        def work(connection: sqlite3.Connection) -> int:
            (version,) = connection.execute(_NEXT, (_TENANT, tenant)).fetchone()
            name = _Name(_TENANT, tenant, version)
            connection.execute(_INSERT, (*name, self._wrap(name, key, nonce)))
            return int(version)

        return await self._database.write(work)

    async def destroy_tenant_keys(self, tenant: str) -> None:
        """Destroy every version, in the file and its journal; other processes forget within 60 s.

        The caller makes them unusable at once by the tenant record, which each request reads.
        """
        names = (_TENANT, _FINGERPRINT, tenant)
        await self._database.write(lambda connection: connection.execute(_DESTROY, names).rowcount)
        for name in [name for name in self._cache if name.tenant == tenant]:
            del self._cache[name]
        await self._database.empty_journal()

    async def close(self) -> None:
        """Forget the unwrapped keys and release the file."""
        self._cache.clear()
        await self._database.close()

    def _check_master(self) -> None:
        """A row that the master key of the first start wrapped opens under no other key."""
        check = (*_CHECK, self._wrap(_CHECK, bytes(KEY_BYTES)))
        self._database.write_now(lambda connection: connection.execute(_INSERT, check).rowcount)
        if self._read(_CHECK) is None:
            raise data_folder_error(
                self._path,
                "these keys were wrapped by another master key",
                "Give the program the master key that belongs to this data folder.",
            )

    def _cached(self, name: _Name) -> KeyMaterial | None:
        now = self._clock()
        key, since = self._cache.get(name, (None, now))
        # A clock that was set back must not lengthen the time.
        if key is not None and timedelta(0) <= now - since < CACHE_TTL:
            return key
        self._cache.pop(name, None)
        key = self._read(name)
        if key is not None:
            while len(self._cache) >= _CACHE_SIZE:
                del self._cache[next(iter(self._cache))]  # the one read longest ago
            self._cache[name] = (key, now)
        return key

    def _read(self, name: _Name) -> KeyMaterial | None:
        rows = self._database.read(_READ, name)
        wrapped: bytes | None = rows[0][0] if rows else None
        if wrapped is None or wrapped[:1] != _FORMAT:
            return None
        nonce, sealed = wrapped[1 : 1 + NONCE_BYTES], wrapped[1 + NONCE_BYTES :]
        try:
            return KeyMaterial(self._master.decrypt(nonce, sealed, _associated(name)))
        except (InvalidTag, ValueError):
            return None

    def _wrap(self, name: _Name, key: bytes, nonce: bytes | None = None) -> bytes:
        nonce = nonce or self._random(NONCE_BYTES)
        return _FORMAT + nonce + self._master.encrypt(nonce, key, _associated(name))


def _associated(name: _Name) -> bytes:
    return b"mcpassport key " + msgspec.json.encode(name)
