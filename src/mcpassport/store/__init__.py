"""The store: records, the audit file, and the keys apart from both."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple
from urllib.parse import unquote, urlsplit

from mcpassport.errors import InvalidSettings
from mcpassport.records.sources import Clock
from mcpassport.store.postgres import PostgresStore
from mcpassport.store.postgres_audit import PostgresAudit
from mcpassport.store.protocol import AuditStore, Durability, Store
from mcpassport.store.sqlite import SqliteStore
from mcpassport.store.sqlite_audit import SqliteAudit

DATA_FILE: Final = "data.db"
AUDIT_FILE: Final = "audit.db"
KEYS_FILE: Final = "keys.db"

_SYSTEM_CLOCK: Final[Clock] = partial(datetime.now, UTC)


STORE_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
)
"""What people call the kinds of store."""


class StoreKind(NamedTuple):
    """How the stores behind one URL scheme are opened; both take the whole URL."""

    open_store: Callable[[str, Clock], Store]
    open_audit: Callable[[str, Durability], AuditStore]


def _folder(url: str) -> Path:
    parts = urlsplit(url)
    path = Path(unquote(parts.path[1:]))
    if parts.netloc or parts.query or parts.fragment or not path.is_absolute():
        raise InvalidSettings(
            "The store's URL must name a folder by its absolute path, with four slashes: "
            "sqlite:////var/lib/mcpassport"
        )
    return path


STORES: Final[Mapping[str, StoreKind]] = MappingProxyType(
    {
        "sqlite": StoreKind(
            lambda url, clock: SqliteStore(_folder(url) / DATA_FILE, clock=clock),
            lambda url, durability: SqliteAudit(_folder(url) / AUDIT_FILE, durability=durability),
        ),
        "postgresql": StoreKind(
            lambda url, clock: PostgresStore(url, clock=clock),
            lambda url, durability: PostgresAudit(url, durability=durability),
        ),
    }
)
"""The kinds of store by URL scheme."""


def open_store(url: str, *, clock: Clock = _SYSTEM_CLOCK) -> Store:
    """The records behind that URL; `clock` decides when leases lapse.

    Raises:
        InvalidSettings: the URL names no kind of store, or is not complete.
        DataFolderError: says what is wrong, where, and how to mend it. A store on a server says it
            on first use, since only then it connects.
    """
    return _kind(url).open_store(url, clock)


def open_audit(url: str, *, durability: Durability = "disk") -> AuditStore:
    """The audit trail behind that URL. Raises as `open_store` does."""
    return _kind(url).open_audit(url, durability)


def _kind(url: str) -> StoreKind:
    # The URL itself is not repeated: other kinds carry a password in it.
    scheme = url.partition(":")[0]
    if scheme not in STORES:
        known = ", ".join(f"{name}:" for name in STORES)
        raise InvalidSettings(f"The store's URL must begin with one of: {known}")
    return STORES[scheme]
