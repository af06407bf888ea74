"""Exchanges the token key, while everything goes on: `keys rotate --token-key`.

1. `begin` makes the next key; every process knows it before it is used (`store/tokenkeys.py`).
2. From then on each token that is presented moves over (`gate/renewal.py`), and `left` counts
   those that did not yet. Addresses, which need nobody to present them, move while it counts.
3. `finish` destroys the key before. Tokens that were left open nothing any more: their servers are
   rotated, and API tokens made anew.
"""

from datetime import datetime
from typing import Final

from msgspec import Struct

from mcpassport.errors import Conflict
from mcpassport.gate.oauth import ADDRESS
from mcpassport.gate.renewal import Renewal
from mcpassport.gate.validity import is_expired
from mcpassport.records.grants import ApiToken, IndexEntry, Server
from mcpassport.records.sources import Clock
from mcpassport.store.keys import CACHE_TTL, Keys
from mcpassport.store.protocol import PLATFORM, Entry, Op, Store
from mcpassport.store.repositories import API_TOKENS, INDEX, INDEX_KIND, SERVERS
from mcpassport.store.tokenkeys import TokenKeyring, active_from

PAGE: Final = 500


class TokenKeyState(Struct, frozen=True, kw_only=True):
    """Which token key is in use, and which takes or took its place."""

    version: int
    next_version: int | None
    """The key that is made already, and used from `active_from` on."""
    active_from: datetime | None
    previous_versions: tuple[int, ...]
    """Keys under which tokens may still be stored."""


class Left(Struct, frozen=True, kw_only=True):
    """A token that still opens something and is stored under a key before the present one."""

    kind: str
    tenant: str
    id: str
    name: str


class TokenKeyExchange:
    """The owner of exchanges of the token key."""

    def __init__(self, store: Store, keys: Keys, clock: Clock) -> None:
        self._store = store
        self._keys = keys
        self._clock = clock
        self._renewal = Renewal(store)

    async def state(self) -> TokenKeyState:
        """Where the exchange stands."""
        return _state(await self._keys.token_keys())

    async def begin(self, extra: list[Op]) -> TokenKeyState:
        """Step (1); one that is under way goes on, and then nothing is recorded."""
        if not (await self._keys.token_keys()).others:
            await self._store.write(extra)
        return _state(await self._keys.next_token_key())

    async def left(self, cursor: str | None) -> tuple[list[Left], str | None]:
        """Step (2): those of one page of the index that are left, and the cursor of the next."""
        keys = await self._keys.token_keys()
        page = await self._store.page(INDEX_KIND, PLATFORM, cursor=cursor, limit=PAGE)
        found = [await self._look(keys, entry) for entry in page.entries]
        return [each for each in found if each is not None], page.cursor

    async def finish(self, extra: list[Op]) -> TokenKeyState:
        """Step (3). `Conflict` while no key is to be destroyed, or others may still use it."""
        keys = await self._keys.token_keys()
        ready = active_from(keys.newest) + CACHE_TTL
        if self._clock() < ready:
            raise Conflict(f"The next token key is not in use everywhere before {ready:%H:%M:%S}Z.")
        if not keys.earlier:
            raise Conflict("The token key is not being exchanged; begin first.")
        await self._store.write(extra)
        await self._keys.destroy_earlier_token_keys()
        return await self.state()

    async def _look(self, keys: TokenKeyring, entry: Entry) -> Left | None:
        at = INDEX.decode(entry)
        if at is None or at.key_version >= keys.current.version:
            return None
        stored = entry.key.id
        if at.kind == "api_token":
            found = await API_TOKENS.get(self._store, at.tenant, at.id)
            return self._living(at, found[0] if found else None, stored)
        server = await SERVERS.get(self._store, at.tenant, at.id)
        if server is not None and server[0].address_hash == stored:
            await self._renewal.renew(keys, at, ADDRESS + at.id, stored)
            return None
        return self._living(at, server[0] if server else None, stored)

    def _living(self, at: IndexEntry, record: Server | ApiToken | None, stored: str) -> Left | None:
        now = self._clock()
        if record is None or record.status == "revoked" or is_expired(record.expires_at, now):
            return None
        earlier = record.earlier if isinstance(record, Server) else None
        running_out = earlier is not None and earlier.token_hash == stored and now < earlier.until
        if record.token_hash != stored and not running_out:
            return None
        return Left(kind=at.kind, tenant=at.tenant, id=at.id, name=record.name)


def _state(keys: TokenKeyring) -> TokenKeyState:
    pending = keys.newest is not keys.current
    return TokenKeyState(
        version=keys.current.version,
        next_version=keys.newest.version if pending else None,
        active_from=active_from(keys.newest) if keys.newest.since else None,
        previous_versions=tuple(each.version for each in keys.earlier),
    )
