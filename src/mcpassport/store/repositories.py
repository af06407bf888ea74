"""Typed access to the store: which record stands under which key, listed by which columns.

Servers and tokens carry no `expires_at` column: they are kept after they expire, as evidence,
until audit retention ends.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from math import ceil
from typing import Any, Final, Generic, TypeAlias, TypeVar

import msgspec

from mcpassport.errors import StoreUnavailable
from mcpassport.records.grants import (
    Account,
    ApiToken,
    Asked,
    Disclosure,
    IndexEntry,
    IntegrationHead,
    IntegrationVersion,
    Link,
    OAuthApp,
    Server,
    Switch,
    Tenant,
)
from mcpassport.records.webhooks import Webhook
from mcpassport.store.protocol import (
    PLATFORM,
    Entry,
    IndexColumn,
    IndexValue,
    Key,
    Put,
    Store,
    _All,
)

CREDENTIAL_KIND: Final = "credential"
INDEX_KIND: Final = "token_index"
IDEMPOTENCY_KIND: Final = "idempotency"

ENDINGS: Final = Key("endings", PLATFORM, "marker")
"""The marker that `ending` renews."""

T = TypeVar("T", bound=msgspec.Struct)
Columns: TypeAlias = Mapping[IndexColumn, IndexValue]


def _until(moment: datetime) -> Columns:
    """`Store.purge` removes the record once that time has come."""
    return {"expires_at": ceil(moment.timestamp())}


def _no_columns(_record: Any) -> Columns:
    return {}


def _decode(decoder: msgspec.json.Decoder[T], entry: Entry | None) -> T | None:
    if entry is None:
        return None
    try:
        return decoder.decode(entry.value)
    except msgspec.MsgspecError:
        raise StoreUnavailable from None


class Repository(Generic[T]):
    """Records of one kind, as JSON."""

    def __init__(
        self,
        kind: str,
        record: type[T],
        address: Callable[[T], tuple[str, str]],
        columns: Callable[[T], Columns] = _no_columns,
    ) -> None:
        self.kind = kind
        self._address = address
        self._columns = columns
        self._decoder = msgspec.json.Decoder(record)

    def key(self, tenant: str, record_id: str) -> Key:
        """Where the record of that id stands."""
        return Key(self.kind, tenant, record_id)

    def key_of(self, record: T) -> Key:
        """Where that record stands."""
        return Key(self.kind, *self._address(record))

    def put(self, record: T) -> Put:
        """The operation that writes the record."""
        return Put(self.key_of(record), msgspec.json.encode(record), self._columns(record))

    def decode(self, entry: Entry | None) -> T | None:
        """The record of an entry.

        Raises:
            StoreUnavailable: the stored bytes are not such a record.
        """
        return _decode(self._decoder, entry)

    async def get(self, store: Store, tenant: str, record_id: str) -> tuple[T, str] | None:
        """The record and its etag, or None."""
        (entry,) = await store.get_many([self.key(tenant, record_id)])
        record = self.decode(entry)
        return None if entry is None or record is None else (record, entry.etag)

    async def page(  # the store's own listing options, by name
        self,
        store: Store,
        tenant: str | _All,
        *,
        index: IndexColumn | None = None,
        value: IndexValue | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> tuple[list[T], str | None]:
        """One page in id order, and the cursor of the next one.

        Raises:
            InvalidInput: the cursor is not one of this listing.
        """
        page = await store.page(
            self.kind, tenant, index=index, value=value, cursor=cursor, limit=limit
        )
        records = (self.decode(entry) for entry in page.entries)
        return [record for record in records if record is not None], page.cursor


class IndexRepository:
    """What a token's hash leads to; read before anything else of a request is known."""

    kind: Final = INDEX_KIND

    def __init__(self) -> None:
        self._decoder = msgspec.json.Decoder(IndexEntry)

    def key(self, token_hash: str) -> Key:
        """Where the hash stands."""
        return Key(INDEX_KIND, PLATFORM, token_hash)

    def put(self, token_hash: str, target: IndexEntry, forget_at: datetime | None = None) -> Put:
        """The operation that writes the entry; `Store.purge` removes it once that time has come."""
        columns: Columns = {}
        if forget_at is not None:
            columns = {"expires_at": ceil(forget_at.timestamp())}
        return Put(self.key(token_hash), msgspec.json.encode(target), columns)

    def decode(self, entry: Entry | None) -> IndexEntry | None:
        """What the hash leads to.

        Raises:
            StoreUnavailable: the stored bytes are not such an entry.
        """
        return _decode(self._decoder, entry)


def credential_key(tenant: str, account: str) -> Key:
    """Where an account's sealed credential stands."""
    return Key(CREDENTIAL_KIND, tenant, account)


def credential_put(tenant: str, account: str, sealed: bytes, key_version: int) -> Put:
    """Write a sealed credential; listed by key version, so that a rotation finds what is left."""
    return Put(credential_key(tenant, account), sealed, {"key_version": key_version})


def idempotency_key(tenant: str, request: str) -> Key:
    """Where the answer to an idempotent request stands."""
    return Key(IDEMPOTENCY_KIND, tenant, request)


def idempotency_put(tenant: str, request: str, value: bytes, expires_at: datetime) -> Put:
    """Keep an answer until then; `Store.purge` removes it afterwards."""
    return Put(
        idempotency_key(tenant, request), value, {"expires_at": ceil(expires_at.timestamp())}
    )


def ending() -> Put:
    """The operation that tells every process that some grant was ended or stopped.

    Whoever does so adds it to the same transaction; the marker's etag is new each time.
    """
    return Put(ENDINGS, b"{}")


def version_id(name: str, version: int) -> str:
    """The id of an integration version; eight digits, so that ids sort as versions do."""
    return f"{name}@{version:08d}"


TENANTS: Final = Repository("tenant", Tenant, lambda tenant: (tenant.id, tenant.id))
DISCLOSURES: Final = Repository(
    "fingerprint_disclosure", Disclosure, lambda disclosure: (disclosure.tenant, disclosure.tenant)
)
ACCOUNTS: Final = Repository(
    "account",
    Account,
    lambda account: (account.tenant, account.id),
    # Under `account` an admin finds an account by its id alone.
    lambda account: {"account": account.id, "integration": account.integration},
)
SERVERS: Final = Repository(
    "server",
    Server,
    lambda server: (server.tenant, server.id),
    lambda server: {"account": server.account, "integration": server.integration},
)
API_TOKENS: Final = Repository("api_token", ApiToken, lambda token: (token.tenant, token.id))
HEADS: Final = Repository("integration", IntegrationHead, lambda head: (PLATFORM, head.name))
HELD: Final = Repository("held_integration", IntegrationHead, lambda head: (PLATFORM, head.name))
"""The newest pushed version where it waits for a release; absent once it is live."""
VERSIONS: Final = Repository(
    "integration_version",
    IntegrationVersion,
    lambda version: (PLATFORM, version_id(version.name, version.version)),
    lambda version: {"integration": version.name},
)
OAUTH_APPS: Final = Repository("oauth_app", OAuthApp, lambda app: (PLATFORM, app.integration))
LINKS: Final = Repository(
    "link", Link, lambda link: (PLATFORM, link.token_hash), lambda link: _until(link.expires_at)
)
ASKED: Final = Repository(
    "oauth_state", Asked, lambda it: (PLATFORM, it.state_hash), lambda it: _until(it.expires_at)
)
WEBHOOKS: Final = Repository("webhook", Webhook, lambda hook: (hook.tenant, hook.id))
SWITCHES: Final = Repository("switch", Switch, lambda switch: (PLATFORM, switch.id))
INDEX: Final = IndexRepository()
