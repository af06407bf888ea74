"""The keys of one deployment, each wrapped by the master key, so a copy of the data opens nothing.

The master key lives outside the store of keys. Under it: one token key, one signing key, data keys
per tenant and version, and a fingerprint key per tenant. Destroying a tenant's keys makes
everything sealed under them unreadable.
"""

from datetime import datetime, timedelta
from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mcpassport.errors import StoreUnavailable
from mcpassport.records.masked import KeyMaterial
from mcpassport.records.sources import Clock, Random
from mcpassport.store.keystore import KEY_BYTES, KeyName, KeyStore
from mcpassport.store.trouble import data_folder_error

NONCE_BYTES: Final = 12
"""NIST SP 800-38D section 8.2.2: random nonces of 96 bits."""
CACHE_TTL: Final = timedelta(seconds=60)
"""How long a process may use an unwrapped key without reading it again."""
_CACHE_SIZE: Final = 4_096
_FORMAT: Final = b"\x01"

_TENANT: Final = "tenant"
_FINGERPRINT: Final = "fingerprint"
_CHECK: Final = KeyName("check")
_TOKEN: Final = KeyName("token")
_OPERATIONS: Final = KeyName("operations")


class Keys:
    """Made by `open_keys`, which knows that the master key fits."""

    def __init__(
        self, store: KeyStore, master: KeyMaterial, *, clock: Clock, random: Random
    ) -> None:
        self._store = store
        self._master = AESGCM(master.unwrap())
        self._clock = clock
        self._random = random
        self._cache: dict[KeyName, tuple[KeyMaterial, datetime]] = {}
        self._destroyed = 0

    async def token_key(self) -> KeyMaterial:
        """The key under which tokens are hashed; made on first use.

        Raises:
            DataFolderError: the stored key does not unwrap.
        """
        return self._kept(_TOKEN) or await self._made_on_first_use(_TOKEN)

    async def fingerprint_key(self, tenant: str) -> bytes:
        """The key of a tenant's argument fingerprints; made on first use.

        Raises:
            StoreUnavailable: it was destroyed, or cannot be read.
            DataFolderError: the stored key does not unwrap.
        """
        name = KeyName(_FINGERPRINT, tenant)
        return (self._kept(name) or await self._made_on_first_use(name)).unwrap()

    async def operations_key(self) -> KeyMaterial:
        """The private Ed25519 key (RFC 8032) that signs audit checkpoints; made on first use.

        Raises:
            DataFolderError: the stored key does not unwrap.
        """
        return await self._made_on_first_use(_OPERATIONS)

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
        name = KeyName(_TENANT, tenant, version)
        key = self._kept(name)
        if key is not None:
            return key
        before = (self._clock(), self._destroyed)
        stored = await self._store.read(name)
        if stored is None or stored.wrapped is None:
            return None
        key = self._unwrap(name, stored.wrapped)
        if key is not None:
            self._keep(name, key, *before)
        return key

    async def create_tenant_key(self, tenant: str) -> int:
        """Make the tenant's next data key; its version, which was never used before."""
        key = self._random(KEY_BYTES)
        made = await self._store.add_next(_TENANT, tenant, lambda name: self._wrap(name, key))
        return made.version

    async def destroy_tenant_keys(self, tenant: str) -> int:
        """Destroy every version, and the fingerprint key; how many keys. Others forget in 60 s.

        The caller makes them unusable at once by the tenant record, which each request reads.
        """
        destroyed = await self._store.destroy((_TENANT, _FINGERPRINT), tenant)
        self._destroyed += 1
        for name in [name for name in self._cache if name.tenant == tenant]:
            del self._cache[name]
        return destroyed

    async def check_master(self, *, expected: bool) -> None:
        """A row that the master key of the first start wrapped opens under no other key.

        `expected` says that there are records which were made under these keys.

        Raises:
            DataFolderError: the keys are expected and not here, or of another master key.
        """
        stored = await self._store.read(_CHECK)
        if expected and (stored is None or await self._store.read(_TOKEN) is None):
            raise data_folder_error(
                self._store.place,
                "the keys of these records are missing, and new ones would open nothing",
                "Restore them from a key backup, or correct `keys_url`.",
            )
        if stored is None:
            stored = await self._store.add(_CHECK, self._wrap(_CHECK, bytes(KEY_BYTES)))
        if self._unwrap(_CHECK, stored.wrapped or b"") is None:
            raise data_folder_error(
                self._store.place,
                "these keys were wrapped by another master key",
                "Give the program the master key that belongs to these keys.",
            )

    async def close(self) -> None:
        """Forget the unwrapped keys and release the store."""
        self._cache.clear()
        await self._store.close()

    async def _made_on_first_use(self, name: KeyName) -> KeyMaterial:
        key = self._kept(name)
        if key is not None:
            return key
        before = (self._clock(), self._destroyed)
        stored = await self._store.read(name)
        if stored is None:
            # Of two processes that come here at once, both get the key of the first.
            stored = await self._store.add(name, self._wrap(name, self._random(KEY_BYTES)))
        if stored.wrapped is None:
            raise StoreUnavailable  # destroyed, and so it stays
        key = self._unwrap(name, stored.wrapped)
        if key is None:
            raise data_folder_error(
                self._store.place,
                f"the {name.kind} key is damaged",
                "Restore the keys from a key backup.",
            )
        self._keep(name, key, *before)
        return key

    def _kept(self, name: KeyName) -> KeyMaterial | None:
        now = self._clock()
        key, since = self._cache.get(name, (None, now))
        # A clock that was set back must not lengthen the time.
        if key is not None and timedelta(0) <= now - since < CACHE_TTL:
            return key
        self._cache.pop(name, None)
        return None

    def _keep(self, name: KeyName, key: KeyMaterial, since: datetime, destroyed: int) -> None:
        """Keep a key that was read after `since`, unless keys were destroyed since then."""
        if destroyed != self._destroyed:
            return
        while len(self._cache) >= _CACHE_SIZE:
            del self._cache[next(iter(self._cache))]  # the one read longest ago
        self._cache[name] = (key, since)

    def _unwrap(self, name: KeyName, wrapped: bytes) -> KeyMaterial | None:
        if wrapped[:1] != _FORMAT:
            return None
        nonce, sealed = wrapped[1 : 1 + NONCE_BYTES], wrapped[1 + NONCE_BYTES :]
        try:
            return KeyMaterial(self._master.decrypt(nonce, sealed, _associated(name)))
        except (InvalidTag, ValueError):
            return None

    def _wrap(self, name: KeyName, key: bytes) -> bytes:
        nonce = self._random(NONCE_BYTES)
        return _FORMAT + nonce + self._master.encrypt(nonce, key, _associated(name))


def _associated(name: KeyName) -> bytes:
    return b"mcpassport key " + msgspec.json.encode(name)


async def open_keys(
    store: KeyStore, master: KeyMaterial, *, clock: Clock, random: Random, expected: bool = False
) -> Keys:
    """The keys in that store, which is closed again if they cannot be used.

    Raises:
        DataFolderError: they belong to another master key, or records `expected` them to be here.
    """
    keys = Keys(store, master, clock=clock, random=random)
    try:
        await keys.check_master(expected=expected)
    except BaseException:
        await keys.close()
        raise
    return keys
