"""Webhooks: made with a secret that is shown once, listed, resumed, deleted."""

import base64
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

import msgspec

from mcpassport.errors import Conflict, InvalidInput, NoSuchObject, StoreUnavailable
from mcpassport.records.masked import Secret
from mcpassport.records.sources import Clock, Random
from mcpassport.records.webhooks import Webhook
from mcpassport.store.keys import Keys
from mcpassport.store.protocol import ABSENT, PLATFORM, AuditStore, Delete, EtagConflict, Op, Store
from mcpassport.store.repositories import TENANTS, WEBHOOKS, credential_key, credential_put
from mcpassport.store.vault import Tampered, Vault, credential_associated
from mcpassport.upstream.auth.webhook_signature import PREFIX

SECRET_BYTES: Final = 32
_SEALED: Final = "webhook:"
"""Before a webhook's id: no account's id begins so."""
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class Webhooks:
    """The owner of webhooks."""

    def __init__(
        self,
        store: Store,
        audit: AuditStore,
        keys: Keys,
        vault: Vault,
        clock: Clock,
        random: Random,
    ) -> None:
        self._store = store
        self._audit = audit
        self._keys = keys
        self._vault = vault
        self._clock = clock
        self._random = random

    async def create(self, draft: Webhook, extra: Sequence[Op]) -> tuple[Webhook, str]:
        """Make a webhook; its secret is returned here and never again.

        It is told of what comes from now on. Raises `InvalidInput` for an address that is none,
        `NoSuchObject`, or `Conflict` if the id is taken or the tenant is offboarded.
        """
        check_url(draft.url)
        expect = {WEBHOOKS.key_of(draft): ABSENT}
        version = 0
        if draft.tenant != PLATFORM:
            owner = await TENANTS.get(self._store, draft.tenant, draft.tenant)
            if owner is None or owner[0].ended_at is not None:
                raise NoSuchObject("No such tenant.")
            expect[TENANTS.key(draft.tenant, draft.tenant)] = owner[1]
            version = owner[0].key_version
        version = version or await self._keys.platform_key_version()
        extent = await self._audit.extent(draft.tenant)
        hook = msgspec.structs.replace(draft, passed=0 if extent is None else extent.rows.last)
        secret = PREFIX + base64.b64encode(self._random(SECRET_BYTES)).decode()
        sealed = await self._vault.seal(
            hook.tenant, version, _bound(hook), msgspec.json.encode({"secret": secret})
        )
        put = credential_put(hook.tenant, _SEALED + hook.id, sealed, version)
        try:
            await self._store.write([WEBHOOKS.put(hook), put, *extra], expect)
        except EtagConflict:
            raise Conflict from None
        return hook, secret

    async def get(self, tenant: str, hook_id: str) -> Webhook:
        """The webhook, or `NoSuchObject`."""
        return (await self._read(tenant, hook_id))[0]

    async def page(
        self, tenant: str, cursor: str | None, limit: int
    ) -> tuple[list[Webhook], str | None]:
        """One page of a tenant's webhooks, in id order; of the deployment's own for `PLATFORM`."""
        return await WEBHOOKS.page(self._store, tenant, cursor=cursor, limit=limit)

    async def resume(self, tenant: str, hook_id: str, extra: Sequence[Op]) -> Webhook:
        """Try again at once, from the event that was next."""
        hook, etag = await self._read(tenant, hook_id)
        resumed = msgspec.structs.replace(
            hook, status="active", failures=0, failing_since=None, retry_at=None
        )
        return await self.write(resumed, etag, extra)

    async def delete(self, tenant: str, hook_id: str, extra: Sequence[Op]) -> None:
        """Tell it nothing any more, and forget its secret."""
        hook, etag = await self._read(tenant, hook_id)
        gone = [Delete(WEBHOOKS.key_of(hook)), Delete(credential_key(tenant, _SEALED + hook_id))]
        try:
            await self._store.write([*gone, *extra], {WEBHOOKS.key_of(hook): etag})
        except EtagConflict:
            raise Conflict from None

    async def write(self, hook: Webhook, etag: str, extra: Sequence[Op] = ()) -> Webhook:
        """Write what became of it; `Conflict` if somebody else wrote first."""
        try:
            await self._store.write([WEBHOOKS.put(hook), *extra], {WEBHOOKS.key_of(hook): etag})
        except EtagConflict:
            raise Conflict from None
        return hook

    async def secret(self, hook: Webhook) -> Secret:
        """What it is signed with.

        Raises:
            StoreUnavailable: it cannot be read, or does not open.
        """
        key = credential_key(hook.tenant, _SEALED + hook.id)
        (entry,) = await self._store.get_many([key])
        if entry is None:
            raise StoreUnavailable
        try:
            return await self._vault.unseal(hook.tenant, _bound(hook), entry.value)
        except Tampered:
            raise StoreUnavailable("The webhook's secret cannot be opened.") from None

    async def _read(self, tenant: str, hook_id: str) -> tuple[Webhook, str]:
        found = await WEBHOOKS.get(self._store, tenant, hook_id)
        if found is None:
            raise NoSuchObject("No such webhook.")
        return found


def check_url(url: str) -> None:
    """`InvalidInput` unless events may be sent there: https, or http on this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        parts, host = urlsplit(""), None
    plain = parts.username is None and not parts.fragment and url.isascii() and url.isprintable()
    secure = parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)
    if not (host and plain and secure):
        raise InvalidInput(
            "The address of a webhook is https://host[:port]/path, without user and fragment."
        )


def _bound(hook: Webhook) -> bytes:
    return credential_associated(hook.tenant, _SEALED + hook.id)
