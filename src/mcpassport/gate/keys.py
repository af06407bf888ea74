"""What the gate needs of the keys."""

from typing import Protocol

from mcpassport.store.tokenkeys import TokenKeyring


class TokenKeys(Protocol):
    """Where the token keys come from; `StoreUnavailable` when they cannot be read."""

    async def token_keys(self) -> TokenKeyring:
        """The keys under which tokens are hashed: new ones under the current one."""
        ...
