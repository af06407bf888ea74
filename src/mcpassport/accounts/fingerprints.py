"""Disclosure of a tenant's fingerprint key: once, to the tenant, and never without its event.

1. That the key is asked for, by whom, is written together with the event.
2. The event is in the tenant's chain before the key is handed out.
3. Of several that ask at once one marks it as shown; only that one gets the key.

Who is refused at (2), because the audit cannot be written, may ask again: nothing was shown yet. A
process that is killed after (3) has handed out nothing, and the key cannot be had again.
"""

from collections.abc import Awaitable, Callable, Sequence

import msgspec

from mcpassport.errors import Conflict
from mcpassport.records.grants import Disclosure, Principal
from mcpassport.records.sources import Clock
from mcpassport.store.keys import Keys
from mcpassport.store.protocol import ABSENT, EtagConflict, Op, Store
from mcpassport.store.repositories import DISCLOSURES

DISCLOSED = "The fingerprint key of this tenant is already disclosed; it is shown only once."
CONTESTED = (
    "Somebody else asked for this key at the same moment, and it is shown only once: read this "
    "address to see who got it."
)


class FingerprintKeys:
    """Hands out each tenant's fingerprint key, once."""

    def __init__(self, store: Store, keys: Keys, clock: Clock) -> None:
        self._store = store
        self._keys = keys
        self._clock = clock

    async def disclosure(self, tenant: str) -> Disclosure | None:
        """Whether, when and to whom the key was shown; None while it was not."""
        found = await DISCLOSURES.get(self._store, tenant, tenant)
        return found[0] if found is not None and found[0].shown else None

    async def disclose(
        self,
        tenant: str,
        principal: Principal,
        recorded: Callable[[], Awaitable[None]],
        extra: Sequence[Op],
    ) -> tuple[Disclosure, str]:
        """The disclosure and the key: 64 hexadecimal digits.

        `extra` holds the event and joins its transaction; `recorded` returns once it is in its
        chain. The tenant exists: the caller looked.

        Raises:
            Conflict: the key is disclosed already, or somebody else is asking at this moment.
            StoreUnavailable: nothing was shown.
        """
        key = await self._keys.fingerprint_key(tenant)
        found = await DISCLOSURES.get(self._store, tenant, tenant)
        if found is not None and found[0].shown:
            raise Conflict(DISCLOSED)
        asked = Disclosure(tenant=tenant, at=self._clock(), by=principal.id)
        etag = await self._put(asked, found[1] if found else ABSENT, extra)  # 1
        await recorded()  # 2
        shown = msgspec.structs.replace(asked, shown=True)
        await self._put(shown, etag)  # 3
        return shown, key.hex()

    async def _put(self, disclosure: Disclosure, expected: str, extra: Sequence[Op] = ()) -> str:
        place = DISCLOSURES.key_of(disclosure)
        try:
            etags = await self._store.write(
                [DISCLOSURES.put(disclosure), *extra], {place: expected}
            )
        except EtagConflict:
            raise Conflict(CONTESTED) from None
        return etags[place]
