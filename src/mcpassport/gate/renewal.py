"""Moves a token that was presented, or an address, to the present token key.

Only then it can be hashed anew (`store/tokenkeys.py`). Record and index entries change together or
not at all; whoever finds that somebody else wrote first leaves it for the next time. A token that a
server's own rotation is letting run out stays where it is.
"""

from msgspec.structs import replace

from mcpassport.errors import StoreUnavailable
from mcpassport.gate.tokens import token_hash
from mcpassport.records.grants import ApiToken, IndexEntry, Server
from mcpassport.store.protocol import Delete, EtagConflict, Op, Put, Store
from mcpassport.store.repositories import API_TOKENS, INDEX, SERVERS
from mcpassport.store.tokenkeys import TokenKeyring


class Renewal:
    """Writes hashes anew."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def renew(self, keys: TokenKeyring, at: IndexEntry, token: str, stored: str) -> bool:
        """Have the token, or the address, stored under the current key instead of as `stored`.

        False if it was so already, or if nothing of that hash is alive.
        """
        hashed = token_hash(keys.current.key, token)
        if at.key_version >= keys.current.version:
            return False
        changed = await (
            self._server(at, stored, hashed)
            if at.kind == "server"
            else self._api_token(at, stored, hashed)
        )
        if changed is None:
            return False
        put, etag = changed
        entry = INDEX.put(hashed, replace(at, key_version=keys.current.version))
        ops: list[Op] = [put, entry, Delete(INDEX.key(stored))]
        try:
            await self._store.write(ops, {put.key: etag})
        except (EtagConflict, StoreUnavailable):  # the next time will do
            return False
        return True

    async def _server(self, at: IndexEntry, stored: str, hashed: str) -> tuple[Put, str] | None:
        found = await SERVERS.get(self._store, at.tenant, at.id)
        if found is None:
            return None
        server, etag = found
        if server.token_hash == stored:
            moved: Server = replace(server, token_hash=hashed, hash_before=stored)
        elif server.address_hash == stored:
            moved = replace(server, address_hash=hashed)
        else:
            return None
        return SERVERS.put(moved), etag

    async def _api_token(self, at: IndexEntry, stored: str, hashed: str) -> tuple[Put, str] | None:
        found = await API_TOKENS.get(self._store, at.tenant, at.id)
        if found is None or found[0].token_hash != stored:
            return None
        moved: ApiToken = replace(found[0], token_hash=hashed)
        return API_TOKENS.put(moved), found[1]
