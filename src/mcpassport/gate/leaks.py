"""Tokens that somebody found where they do not belong, and their end.

1. Shape and checksum are judged offline; what is no token costs nothing.
2. The look-ups are the same whatever was found: `LEAKED_TOKENS` index entries in one read (of each
   token key, while one takes the place of another), those that are missing under a key that never
   exists.
3. What still opens something is ended: a server's present token with its server, one that a
   rotation is letting run out by itself, an API token.
"""

import re
from collections.abc import Callable
from typing import Final

from mcpassport.errors import Conflict, NoSuchObject
from mcpassport.gate.api_tokens import ApiTokens
from mcpassport.gate.grant import NOBODY
from mcpassport.gate.keys import TokenKeys
from mcpassport.gate.servers import Servers
from mcpassport.gate.tokens import PATTERN, token_hashes, well_formed
from mcpassport.limits import API_TOKEN_PREFIX, SERVER_TOKEN_PREFIX
from mcpassport.records.grants import IndexEntry
from mcpassport.store.protocol import Append, Store
from mcpassport.store.repositories import INDEX

LEAKED_TOKENS: Final = 20
"""How many tokens of one report are looked at."""
_TOKEN: Final = re.compile(PATTERN)
Tell = Callable[[str, IndexEntry], Append]
"""The audit event of an ending: its action, and what was ended."""


class Leaks:
    """Ends what was reported."""

    def __init__(
        self, store: Store, keys: TokenKeys, servers: Servers, api_tokens: ApiTokens
    ) -> None:
        self._store = store
        self._keys = keys
        self._servers = servers
        self._api_tokens = api_tokens

    async def report(self, text: str, tell: Tell) -> list[tuple[IndexEntry, str]]:
        """End every live token in the text; what each led to, with its hash."""
        found = dict.fromkeys(_TOKEN.findall(text))
        tokens = [each for each in found if _is_token(each)][:LEAKED_TOKENS]  # (1)
        keys = await self._keys.token_keys()
        hashes = [each for token in tokens for each in token_hashes(keys, token)]
        wanted = LEAKED_TOKENS * (1 + len(keys.others))
        padded = hashes + [NOBODY] * (wanted - len(hashes))
        entries = await self._store.get_many([INDEX.key(each) for each in padded])  # (2)
        ended = []
        for hashed, entry in zip(padded, entries, strict=True):
            at = INDEX.decode(entry)
            if at is not None and await self._end(at, hashed, tell):
                ended.append((at, hashed))
        return ended

    async def _end(self, at: IndexEntry, hashed: str, tell: Tell) -> bool:
        """(3) Whether there was something to end."""
        try:
            if at.kind == "api_token":
                token = await self._api_tokens.get(at.tenant, at.id)
                if token.status == "active":
                    await self._api_tokens.revoke(at.tenant, at.id, [tell("api_token.leaked", at)])
                return token.status == "active"
            server = await self._servers.get(at.tenant, at.id)
            if server.status != "revoked" and server.token_hash == hashed:
                await self._servers.revoke(at.tenant, at.id, [tell("server.leaked", at)])
                return True
            if server.earlier is not None and server.earlier.token_hash == hashed:
                told = [tell("server.leaked", at)]
                await self._servers.forget_token(at.tenant, at.id, hashed, told)
                return True
        except (NoSuchObject, Conflict):  # gone, or ended by somebody else meanwhile
            return False
        return False


def _is_token(text: str) -> bool:
    return any(well_formed(text, prefix) for prefix in (SERVER_TOKEN_PREFIX, API_TOKEN_PREFIX))
