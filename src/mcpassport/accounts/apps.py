"""OAuth apps: the client by which the vendor is known to a provider, one per integration.

Id and secret are sealed together under a data key of the platform; only `upstream/auth` opens them.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from mcpassport.errors import Conflict, NoSuchObject, StoreUnavailable
from mcpassport.records.grants import OAuthApp
from mcpassport.records.masked import Secret
from mcpassport.records.sources import Clock
from mcpassport.store.keys import Keys
from mcpassport.store.protocol import ABSENT, PLATFORM, Delete, EtagConflict, Op, Store
from mcpassport.store.repositories import OAUTH_APPS, credential_key, credential_put
from mcpassport.store.vault import Tampered, Vault, credential_associated

_SEALED: Final = "oauth-app:"
"""Before an integration's name: no account's id begins so."""

NONE: Final = "This integration has no OAuth app yet; set one with `integration oauth-app`."


class OAuthApps:
    """The owner of OAuth apps."""

    def __init__(self, store: Store, keys: Keys, vault: Vault, clock: Clock) -> None:
        self._store = store
        self._keys = keys
        self._vault = vault
        self._clock = clock

    async def find(self, integration: str) -> OAuthApp | None:
        """The app of that integration, without its secret."""
        found = await OAUTH_APPS.get(self._store, PLATFORM, integration)
        return None if found is None else found[0]

    async def get(self, integration: str) -> OAuthApp:
        """The same; `NoSuchObject` if there is none."""
        app = await self.find(integration)
        if app is None:
            raise NoSuchObject(NONE)
        return app

    async def put(
        self, integration: str, client_id: str, client_secret: str, extra: Sequence[Op]
    ) -> OAuthApp:
        """Set the app, in place of the one before if there is one."""
        known = await OAUTH_APPS.get(self._store, PLATFORM, integration)
        now = self._clock()
        app = OAuthApp(
            integration=integration,
            client_id=client_id,
            created_at=known[0].created_at if known else now,
            updated_at=now,
        )
        version = await self._keys.platform_key_version()
        bound = credential_associated(PLATFORM, _SEALED + integration)
        values = {"client_id": client_id, "client_secret": client_secret}
        sealed = await self._vault.seal(PLATFORM, version, bound, msgspec.json.encode(values))
        secret = credential_put(PLATFORM, _SEALED + integration, sealed, version)
        expect = {OAUTH_APPS.key_of(app): known[1] if known else ABSENT}
        try:
            await self._store.write([OAUTH_APPS.put(app), secret, *extra], expect)
        except EtagConflict:
            raise Conflict from None
        return app

    async def delete(self, integration: str, extra: Sequence[Op]) -> None:
        """Forget the app; accounts connected by it cannot be renewed any more."""
        await self.get(integration)
        gone = [
            Delete(OAUTH_APPS.key(PLATFORM, integration)),
            Delete(credential_key(PLATFORM, _SEALED + integration)),
        ]
        await self._store.write([*gone, *extra])

    async def secret(self, integration: str) -> Secret:
        """Id and secret of the app, for a token request.

        Raises:
            NoSuchObject: there is none.
            StoreUnavailable: it cannot be read, or does not open.
        """
        (entry,) = await self._store.get_many([credential_key(PLATFORM, _SEALED + integration)])
        if entry is None:
            raise NoSuchObject(NONE)
        bound = credential_associated(PLATFORM, _SEALED + integration)
        try:
            return await self._vault.unseal(PLATFORM, bound, entry.value)
        except Tampered:
            raise StoreUnavailable("The OAuth app's secret cannot be opened.") from None
