"""The keys of one deployment, each wrapped by the master key, so a copy of the data opens nothing.

The master key lives outside the store of keys. Under it: one token key, one signing key, data keys
per tenant and version, and a fingerprint key per tenant. Destroying a tenant's keys makes
everything sealed under them unreadable.
"""

from datetime import datetime, timedelta
from typing import Final

from mcpassport.errors import StoreUnavailable
from mcpassport.records.masked import KeyMaterial
from mcpassport.records.sources import Clock, Random
from mcpassport.store.keystore import KEY_BYTES, KeyName, KeyStore
from mcpassport.store.protocol import PLATFORM
from mcpassport.store.tokenkeys import TokenKey, TokenKeyring, keyring_of, packed, unpacked
from mcpassport.store.trouble import data_folder_error
from mcpassport.store.wrapping import Wrapping

CACHE_TTL: Final = timedelta(seconds=60)
"""How long a process may use an unwrapped key without reading it again."""
TOKEN_KEY_NOTICE: Final = 2 * CACHE_TTL
"""How long before its use a token key is made, so that every process knows it by then."""
_CACHE_SIZE: Final = 4_096

_TENANT: Final = "tenant"
_FINGERPRINT: Final = "fingerprint"
_CHECK: Final = KeyName("check")
_TOKEN: Final = KeyName("token")
_OBJECTS: Final = KeyName("objects")
_OPERATIONS: Final = KeyName("operations")


class Keys:
    """Made by `open_keys`, which knows that the master key fits."""

    def __init__(
        self, store: KeyStore, wrapping: Wrapping, *, clock: Clock, random: Random
    ) -> None:
        self._store = store
        self._wrapping = wrapping
        self._clock = clock
        self._random = random
        self._cache: dict[KeyName, tuple[KeyMaterial, datetime]] = {}
        self._tokens: tuple[list[TokenKey], datetime] | None = None
        self._destroyed = 0

    async def token_keys(self) -> TokenKeyring:
        """The keys under which tokens are hashed; the first is made on first use.

        Raises:
            DataFolderError: a stored key does not unwrap.
        """
        now = self._clock()
        if self._tokens is None or not timedelta(0) <= now - self._tokens[1] < CACHE_TTL:
            self._tokens = (await self._read_token_keys(), now)
        return keyring_of(self._tokens[0], now)

    async def next_token_key(self) -> TokenKeyring:
        """Make the token key that takes the place of the present one in `TOKEN_KEY_NOTICE`.

        Where one was made and the one before it is still there, nothing is made.
        """
        if len(keys := await self._read_token_keys()) == 1:
            stored = packed(self._random(KEY_BYTES), self._clock() + TOKEN_KEY_NOTICE)
            await self._store.add_next(
                _TOKEN.kind, "", lambda name: self._wrapping.wrap(name, stored)
            )
            keys = await self._read_token_keys()
        self._tokens = (keys, self._clock())
        return keyring_of(*self._tokens)

    async def destroy_earlier_token_keys(self) -> None:
        """Destroy the keys that the present one replaced; others forget them in 60 s."""
        keyring = keyring_of(await self._read_token_keys(), self._clock())
        if keyring.earlier:
            await self._store.destroy((_TOKEN.kind,), "", below=keyring.current.version)
        self._tokens = None

    async def objects_key(self) -> KeyMaterial:
        """The key from which ids of objects are derived; made on first use, and never exchanged.

        Raises:
            DataFolderError: the stored key does not unwrap.
        """
        return self._kept(_OBJECTS) or await self._made_on_first_use(_OBJECTS)

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
        key = self._wrapping.unwrap(name, stored.wrapped)
        if key is not None:
            self._keep(name, key, *before)
        return key

    async def create_tenant_key(self, tenant: str) -> int:
        """Make the tenant's next data key; its version, which was never used before."""
        key = self._random(KEY_BYTES)
        made = await self._store.add_next(
            _TENANT, tenant, lambda name: self._wrapping.wrap(name, key)
        )
        return made.version

    async def tenant_key_versions(self, tenant: str) -> list[int]:
        """The versions of a tenant's data key that there are, oldest first."""
        stored = await self._store.versions(_TENANT, tenant)
        return [each.name.version for each in stored if each.wrapped is not None]

    async def platform_key_version(self) -> int:
        """The newest data key of the deployment's own secrets, made on first use."""
        versions = await self.tenant_key_versions(PLATFORM)
        return versions[-1] if versions else await self.create_tenant_key(PLATFORM)

    async def destroy_tenant_keys_below(self, tenant: str, version: int) -> None:
        """Destroy the tenant's data keys of lower versions. Others forget in 60 s."""
        await self._store.destroy((_TENANT,), tenant, below=version)
        self._forget(tenant)

    async def destroy_tenant_keys(self, tenant: str) -> int:
        """Destroy every version, and the fingerprint key; how many keys. Others forget in 60 s.

        The caller makes them unusable at once by the tenant record, which each request reads.
        """
        destroyed = await self._store.destroy((_TENANT, _FINGERPRINT), tenant)
        self._forget(tenant)
        return destroyed

    async def rewrap(self, after: KeyName | None, limit: int) -> tuple[int, KeyName | None]:
        """Wrap a page of keys under the present master key; how many, and where to go on.

        Those that the master key before wrapped are exchanged one by one, so an interruption leaves
        each whole. None means that the page was the last.
        """
        page, count = await self._store.page(after, limit), 0
        for name, wrapped in page:
            anew = None if wrapped is None else self._wrapping.rewrapped(name, wrapped)
            if wrapped is not None and anew is not None:
                count += await self._store.replace(name, wrapped, anew)
        return count, page[-1].name if len(page) == limit else None

    async def check_master(self, *, expected: bool) -> None:
        """A row that the master key of the first start wrapped opens under no other key.

        `expected` says that there are records which were made under these keys.

        Raises:
            DataFolderError: the keys are expected and not here, or of another master key.
        """
        stored = await self._store.read(_CHECK)
        if expected and (stored is None or not await self._store.versions(_TOKEN.kind, "")):
            raise data_folder_error(
                self._store.place,
                "the keys of these records are missing, and new ones would open nothing",
                "Restore them from a key backup, or correct `keys_url`.",
            )
        if stored is None:
            wrapped = self._wrapping.wrap(_CHECK, bytes(KEY_BYTES))
            stored = await self._store.add(_CHECK, wrapped)
        if self._wrapping.unwrap(_CHECK, stored.wrapped or b"") is None:
            raise data_folder_error(
                self._store.place,
                "these keys were wrapped by another master key",
                "Give the program the master key that belongs to these keys.",
            )

    async def close(self) -> None:
        """Forget the unwrapped keys and release the store."""
        self._cache.clear()
        self._tokens = None
        await self._store.close()

    async def _made_on_first_use(self, name: KeyName) -> KeyMaterial:
        key = self._kept(name)
        if key is not None:
            return key
        before = (self._clock(), self._destroyed)
        stored = await self._store.read(name)
        if stored is None:
            # Of two processes that come here at once, both get the key of the first.
            stored = await self._store.add(name, self._wrapping.wrap(name, self._random(KEY_BYTES)))
        if stored.wrapped is None:
            raise StoreUnavailable  # destroyed, and so it stays
        key = self._opened(name, stored.wrapped)
        self._keep(name, key, *before)
        return key

    async def _read_token_keys(self) -> list[TokenKey]:
        stored = await self._store.versions(_TOKEN.kind, "")
        if not stored:
            wrapped = self._wrapping.wrap(_TOKEN, self._random(KEY_BYTES))
            stored = [await self._store.add(_TOKEN, wrapped)]
        return [
            unpacked(name.version, self._opened(name, wrapped))
            for name, wrapped in stored
            if wrapped is not None
        ]

    def _opened(self, name: KeyName, wrapped: bytes) -> KeyMaterial:
        key = self._wrapping.unwrap(name, wrapped)
        if key is None:
            raise data_folder_error(
                self._store.place,
                f"the {name.kind} key is damaged",
                "Restore the keys from a key backup.",
            )
        return key

    def _forget(self, tenant: str) -> None:
        self._destroyed += 1
        for name in [name for name in self._cache if name.tenant == tenant]:
            del self._cache[name]

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


async def open_keys(
    store: KeyStore,
    master: KeyMaterial,
    *,
    clock: Clock,
    random: Random,
    expected: bool = False,
    previous: KeyMaterial | None = None,
) -> Keys:
    """The keys in that store, which is closed again if they cannot be used.

    With `previous`, keys that the master key before wrapped are opened too.

    Raises:
        DataFolderError: they belong to another master key, or records `expected` them to be here.
    """
    keys = Keys(store, Wrapping(master, previous, random), clock=clock, random=random)
    try:
        await keys.check_master(expected=expected)
    except BaseException:
        await keys.close()
        raise
    return keys
