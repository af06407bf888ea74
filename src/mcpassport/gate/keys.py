"""What the gate needs of the keys."""

from typing import Protocol

from mcpassport.records.masked import KeyMaterial


class TokenKeys(Protocol):
    """Where the token key comes from; `StoreUnavailable` when it cannot be read."""

    async def token_key(self) -> KeyMaterial:
        """The key under which tokens are hashed."""
        ...
