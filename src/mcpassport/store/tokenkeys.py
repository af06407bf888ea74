"""The token key, and the one that takes its place.

A token is stored as its hash under the token key, so no key can be exchanged in one go: the hash
of a token can only be made anew while the token is presented. A rotation goes:

1. The next key is made, with the time from which on new tokens are hashed under it. Until then
   every process has read it (`CACHE_TTL`), so none meets a hash that it cannot find.
2. Tokens are looked up under both keys; one that is found under the key before is written under
   the present one.
3. The key before is destroyed. What is still stored under it opens nothing from then on.

A stored token key is 32 bytes, those of a rotation followed by 8 bytes: the time of (1), in seconds
since 1970.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from mcpassport.records.masked import KeyMaterial
from mcpassport.store.keystore import KEY_BYTES

_TIME_BYTES: Final = 8


class TokenKey(NamedTuple):
    """One token key; `since` is when it is used from, in seconds since 1970."""

    version: int
    key: KeyMaterial
    since: int = 0


class TokenKeyring(NamedTuple):
    """The key of new tokens, and the others under which tokens may be stored."""

    current: TokenKey
    others: tuple[TokenKey, ...] = ()

    @property
    def newest(self) -> TokenKey:
        """The key of the highest version: the current one, or the one that will be."""
        return max((self.current, *self.others), key=lambda each: each.version)

    @property
    def earlier(self) -> tuple[TokenKey, ...]:
        """The keys that the current one replaces."""
        return tuple(each for each in self.others if each.version < self.current.version)


def keyring_of(keys: Sequence[TokenKey], now: datetime) -> TokenKeyring:
    """Of the keys there are, oldest first, the newest that is in use by now is the current one."""
    if len(keys) == 1:
        return TokenKeyring(keys[0])
    due = [each for each in keys if each.since <= now.timestamp()]
    current = due[-1] if due else keys[0]
    return TokenKeyring(current, tuple(each for each in keys if each is not current))


def packed(key: bytes, since: datetime) -> bytes:
    """A token key as it is stored, to be used from that time on."""
    return key + int(since.timestamp()).to_bytes(_TIME_BYTES, "big")


def unpacked(version: int, stored: KeyMaterial) -> TokenKey:
    """The token key of what is stored."""
    text = stored.unwrap()
    return TokenKey(version, KeyMaterial(text[:KEY_BYTES]), int.from_bytes(text[KEY_BYTES:], "big"))


def active_from(key: TokenKey) -> datetime:
    """When new tokens are, or were, hashed under it first; 1970 for the first key."""
    return datetime.fromtimestamp(key.since, UTC)
