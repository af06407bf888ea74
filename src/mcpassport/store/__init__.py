"""The store: records, the audit file, and the keys apart from both."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal, NamedTuple
from urllib.parse import quote, unquote, urlsplit

from mcpassport.errors import DataFolderError, InvalidSettings, StoreUnavailable
from mcpassport.records.masked import KeyMaterial
from mcpassport.records.sources import Clock, Random
from mcpassport.store.keys import Keys, open_keys
from mcpassport.store.keystore import KeyStore
from mcpassport.store.postgres import PostgresStore
from mcpassport.store.postgres_audit import PostgresAudit
from mcpassport.store.postgres_keys import PostgresKeys
from mcpassport.store.postgres_open import address_of, shown
from mcpassport.store.protocol import PLATFORM, AuditStore, Durability, Store
from mcpassport.store.repositories import INDEX_KIND
from mcpassport.store.sqlite import SqliteStore
from mcpassport.store.sqlite_audit import SqliteAudit
from mcpassport.store.sqlite_keys import SqliteKeys
from mcpassport.store.trouble import data_folder_error
from mcpassport.store.unready import refuse_unfinished

DATA_FILE: Final = "data.db"
AUDIT_FILE: Final = "audit.db"
KEYS_FILE: Final = "keys.db"

POSTGRES_PORT: Final = 5432

_SYSTEM_CLOCK: Final[Clock] = partial(datetime.now, UTC)


STORE_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
)
"""What people call the kinds of store."""


class StoreKind(NamedTuple):
    """How the stores behind one URL scheme are opened; each takes the whole URL."""

    open_store: Callable[[str, Clock], Store]
    open_audit: Callable[[str, Durability], AuditStore]
    open_keystore: Callable[[str], KeyStore]


def folder_of(url: str) -> Path:
    """The folder that an `sqlite:` URL names.

    Raises:
        InvalidSettings: it names none by an absolute path.
    """
    parts = urlsplit(url)
    path = Path(unquote(parts.path[1:]))
    if parts.netloc or parts.query or parts.fragment or not path.is_absolute():
        raise InvalidSettings(
            "The store's URL must name a folder by its absolute path, with four slashes: "
            "sqlite:////var/lib/mcpassport"
        )
    return path


def folder_url(folder: Path) -> str:
    """The URL of a data folder."""
    return f"sqlite:///{quote(str(folder.absolute()))}"


STORES: Final[Mapping[str, StoreKind]] = MappingProxyType(
    {
        "sqlite": StoreKind(
            lambda url, clock: SqliteStore(folder_of(url) / DATA_FILE, clock=clock),
            lambda url, durability: SqliteAudit(folder_of(url) / AUDIT_FILE, durability=durability),
            lambda url: SqliteKeys(folder_of(url) / KEYS_FILE),
        ),
        "postgresql": StoreKind(
            lambda url, clock: PostgresStore(url, clock=clock),
            lambda url, durability: PostgresAudit(url, durability=durability),
            PostgresKeys,
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
    return STORES[scheme_of(url)].open_store(url, clock)


def open_audit(url: str, *, durability: Durability = "disk") -> AuditStore:
    """The audit trail behind that URL. Raises as `open_store` does."""
    return STORES[scheme_of(url)].open_audit(url, durability)


def open_keystore(url: str) -> KeyStore:
    """The wrapped keys behind that URL. Raises as `open_store` does."""
    return STORES[scheme_of(url)].open_keystore(url)


async def first_look(url: str, store: Store) -> None:
    """Connect to a store; what keeps us from it is for the operator to read.

    Raises:
        DataFolderError: it cannot be reached, or a copy into it is not complete.
    """
    try:
        await refuse_unfinished(store)
    except StoreUnavailable:
        raise _unreachable(place_at(url), "store_url") from None


def place_at(url: str) -> str:
    """What a URL names, without user and password. Raises as `open_store` does."""
    return str(folder_of(url)) if scheme_of(url) == "sqlite" else shown(address_of(url))


def _unreachable(place: str, setting: str) -> DataFolderError:
    return data_folder_error(
        place, "it cannot be reached", f"Start the server, or correct `{setting}`."
    )


async def open_keyring(
    url: str,
    master: KeyMaterial,
    store: Store,
    *,
    clock: Clock,
    random: Random,
    previous: KeyMaterial | None = None,
) -> Keys:
    """The keys behind that URL, which opened what is in `store`. Raises as `open_keys` does.

    Whether there are tokens is read first: who made a token had made its key before.
    """
    tokens = await store.page(INDEX_KIND, PLATFORM, limit=1)
    expected = bool(tokens.entries)
    try:
        return await open_keys(
            open_keystore(url),
            master,
            clock=clock,
            random=random,
            expected=expected,
            previous=previous,
        )
    except StoreUnavailable:
        raise _unreachable(place_at(url), "keys_url") from None


def keys_beside(records_url: str, keys_url: str) -> Literal["file", "schema", "apart"]:
    """Where the keys lie: in a file, in a schema of the records' database, or in another one."""
    if keys_url.startswith("sqlite:"):
        return "file"
    return "schema" if _database(records_url) == _database(keys_url) else "apart"


def _database(url: str) -> tuple[object, ...]:
    """Which database of which server a URL names; of one that cannot be read, the URL itself."""
    try:
        parts = urlsplit(url)
        server = (parts.scheme, parts.hostname, parts.port or POSTGRES_PORT)
    except ValueError:
        return (url,)
    return (*server, parts.path)


def scheme_of(url: str) -> str:
    """Which row of `STORES` the URL means.

    Raises:
        InvalidSettings: none.
    """
    # The URL itself is not repeated: other kinds carry a password in it.
    scheme = url.partition(":")[0]
    if scheme not in STORES:
        known = ", ".join(f"{name}:" for name in STORES)
        raise InvalidSettings(f"The store's URL must begin with one of: {known}")
    return scheme
