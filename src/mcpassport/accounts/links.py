"""Links by which accounts are connected, and what providers were asked for them.

1. A link is a random token, stored only as a keyed hash; it ends when it is used, or after
   `LINK_TTL_S`.
2. To the provider goes a random `state`, stored only as a keyed hash. Beside it stands, sealed by
   the caller, the verifier that only we know (PKCE, RFC 7636).
3. The browser that began gets a cookie, stored as a keyed hash too. Only with it the state counts.
4. A state is spent before anything is done with it: of two that bring it one goes on.
"""

import hmac
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final, NamedTuple

from mcpassport.errors import NoSuchObject
from mcpassport.gate.keys import TokenKeys
from mcpassport.gate.tokens import issue, token_hash, token_hashes, well_formed
from mcpassport.limits import LINK_TOKEN_PREFIX, LINK_TTL_S
from mcpassport.records.grants import Asked, Link
from mcpassport.records.sources import Clock, Random
from mcpassport.store.protocol import ABSENT, PLATFORM, Delete, EtagConflict, Key, Op, Store
from mcpassport.store.repositories import ASKED, LINKS

STATE_TTL: Final = timedelta(minutes=10)


class LinkDraft(NamedTuple):
    """What a link is to connect."""

    tenant: str
    account: str
    integration: str
    credential_kind: str
    name: str
    context: Mapping[str, str]
    scopes: tuple[str, ...]
    reconnect: bool
    by: str


class Opened(NamedTuple):
    """A link that holds: its record, and what must still stand when it is used."""

    link: Link
    etag: str

    @property
    def key(self) -> Key:
        """Where it stands."""
        return LINKS.key_of(self.link)


class Departure(NamedTuple):
    """What a browser takes along to the provider, and what it must bring back."""

    state: str
    cookie: str


class Links:
    """The owner of links and states."""

    def __init__(self, store: Store, keys: TokenKeys, clock: Clock, random: Random) -> None:
        self._store = store
        self._keys = keys
        self._clock = clock
        self._random = random

    async def create(self, draft: LinkDraft, extra: Sequence[Op]) -> tuple[Link, str]:
        """Make a link; its token is returned here and never again."""
        token = issue(LINK_TOKEN_PREFIX, self._random)
        link = Link(
            token_hash=await self._hash(token),
            tenant=draft.tenant,
            account=draft.account,
            integration=draft.integration,
            credential_kind=draft.credential_kind,
            name=draft.name,
            context=dict(draft.context),
            scopes=draft.scopes,
            reconnect=draft.reconnect,
            by=draft.by,
            expires_at=self._clock() + timedelta(seconds=LINK_TTL_S),
        )
        await self._store.write([LINKS.put(link), *extra], {LINKS.key_of(link): ABSENT})
        return link, token

    async def open(self, token: str) -> Opened:
        """The link of that token; `NoSuchObject` for any that does not hold (1)."""
        if not well_formed(token, LINK_TOKEN_PREFIX):
            raise expired()
        keys = await self._keys.token_keys()
        places = [LINKS.key(PLATFORM, each) for each in token_hashes(keys, token)]
        return self._held(await self._first(places))

    async def ask(self, opened: Opened, sealed_verifier: bytes) -> Departure:
        """Remember what a provider is asked now, for that browser (2), (3)."""
        departure = Departure(*(issue(LINK_TOKEN_PREFIX, self._random) for _ in range(2)))
        asked = Asked(
            state_hash=await self._hash(departure.state),
            link_hash=opened.link.token_hash,
            tenant=opened.link.tenant,
            browser_hash=await self._hash(departure.cookie),
            sealed_verifier=sealed_verifier,
            expires_at=self._clock() + STATE_TTL,
        )
        await self._store.write([ASKED.put(asked)], {ASKED.key_of(asked): ABSENT})
        return departure

    async def answered(self, state: str, cookie: str) -> tuple[Opened, Asked]:
        """What a browser that comes back was sent for; spent by this (4).

        Raises:
            NoSuchObject: the state is unknown, spent or too old, another browser began, or the link
                was used meanwhile.
        """
        if not all(well_formed(each, LINK_TOKEN_PREFIX) for each in (state, cookie)):
            raise expired()
        keys = await self._keys.token_keys()
        places = [ASKED.key(PLATFORM, each) for each in token_hashes(keys, state)]
        found = [each for each in await self._store.get_many(places) if each is not None]
        asked = ASKED.decode(found[0]) if found else None
        if asked is None or asked.expires_at <= self._clock():
            raise expired()
        browsers = token_hashes(keys, cookie)
        if not any(hmac.compare_digest(asked.browser_hash, each) for each in browsers):  # (3)
            raise expired()
        try:  # (4)
            await self._store.write([Delete(found[0].key)], {found[0].key: found[0].etag})
        except EtagConflict:
            raise expired() from None
        opened = self._held(await self._first([LINKS.key(PLATFORM, asked.link_hash)]))
        return opened, asked

    async def _first(self, places: Sequence[Key]) -> Opened:
        for entry in await self._store.get_many(places):
            link = LINKS.decode(entry)
            if entry is not None and link is not None:
                return Opened(link, entry.etag)
        raise expired()

    def _held(self, opened: Opened) -> Opened:
        if opened.link.expires_at <= self._clock():
            raise expired()
        return opened

    async def _hash(self, token: str) -> str:
        return token_hash((await self._keys.token_keys()).current.key, token)


def expired() -> NoSuchObject:
    """The one answer to every link that does not hold."""
    return NoSuchObject("This link was used, or its time is over; ask for a new one.")
