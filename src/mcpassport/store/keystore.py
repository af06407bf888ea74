"""What a store of keys must offer: wrapped keys by kind, tenant and version.

It holds nothing that opens anything: each key is wrapped by the master key, which it never sees. A
destroyed key leaves its row, without the key, so that its version never returns.
"""

from collections.abc import Callable, Collection
from typing import Final, NamedTuple, Protocol

KEY_BYTES: Final = 32
"""AES-256, and HMAC-SHA256 keys of the same length."""

LAST_VERSION: Final = 2**32
"""Versions stay below it: a sealed value names its key's in four bytes."""


class KeyName(NamedTuple):
    """Which key; bound into the wrapping, so a wrapped key is of no use under another name."""

    kind: str
    tenant: str = ""
    version: int = 1


class StoredKey(NamedTuple):
    """A key as stored; `wrapped` is None once it is destroyed."""

    name: KeyName
    wrapped: bytes | None


class KeyStore(Protocol):
    """Wrapped keys. Every failure of the engine is a `StoreUnavailable`."""

    @property
    def place(self) -> str:
        """Where the keys lie, for messages; never a password."""
        ...

    async def read(self, name: KeyName) -> StoredKey | None:
        """The key of that name; None if there never was one."""
        ...

    async def add(self, name: KeyName, wrapped: bytes) -> StoredKey:
        """Store a key under a name that has none; what stands there now, whoever was first."""
        ...

    async def add_next(self, kind: str, tenant: str, wrap: Callable[[KeyName], bytes]) -> KeyName:
        """Store a key under the next version, which was never used before; its name."""
        ...

    async def versions(self, kind: str, tenant: str) -> list[StoredKey]:
        """Every version of one key, oldest first, destroyed ones too."""
        ...

    async def page(self, after: KeyName | None = None, limit: int = 500) -> list[StoredKey]:
        """Keys of every kind and tenant in the order of their names, behind `after`."""
        ...

    async def replace(self, name: KeyName, expected: bytes, wrapped: bytes) -> bool:
        """Put `wrapped` in the place of `expected`; False if something else stands there."""
        ...

    async def destroy(
        self, kinds: Collection[str], tenant: str, *, below: int = LAST_VERSION
    ) -> int:
        """Remove the versions below that of those keys of the tenant; how many there ever were.

        Their names stay used.
        """
        ...

    async def close(self) -> None:
        """Finish writes in progress and release everything."""
        ...
