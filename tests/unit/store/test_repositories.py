"""Repositories: where each kind of record stands, what lists it, and what purge may remove."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.support.stores import START, SteppingClock

from mcpassport.errors import InvalidInput, StoreUnavailable
from mcpassport.records.grants import (
    Account,
    ApiToken,
    Factor,
    IndexEntry,
    IntegrationHead,
    IntegrationVersion,
    Overrides,
    Server,
    Tenant,
)
from mcpassport.records.tool import Filter
from mcpassport.store.protocol import ALL, PLATFORM, Entry, Key, Put, Store
from mcpassport.store.repositories import (
    ACCOUNTS,
    API_TOKENS,
    HEADS,
    INDEX,
    SERVERS,
    TENANTS,
    VERSIONS,
    Repository,
    credential_key,
    credential_put,
    idempotency_key,
    idempotency_put,
    version_id,
)
from mcpassport.store.sqlite import SqliteStore

TENANT = Tenant(id="t", name="Tenant", created_at=START)
ACCOUNT = Account(
    id="acc",
    tenant="t",
    integration="notes",
    name="Notes",
    created_at=START,
    updated_at=START + timedelta(microseconds=1),
    credential_kind="bearer",
    context={"region": "eu"},
    overrides=Overrides(timeout_s=1.5, removed_methods=("notes.delete",)),
)
SERVER = Server(
    id="srv",
    tenant="t",
    account="acc",
    integration="notes",
    name="Reader",
    created_at=START,
    updated_at=START,
    expires_at=START,
    token_hash="h",
    filter=Filter(methods=("read",)),
    factors=(Factor("api_token"),),
)
API_TOKEN = ApiToken(
    id="tok", tenant="", role="admin", name="A", token_hash="h", created_at=START, expires_at=START
)
HEAD = IntegrationHead(name="notes", label="Notes", version=2, digest="d", updated_at=START)
VERSION = IntegrationVersion(
    name="notes",
    version=2,
    digest="d",
    pushed_at=START,
    pushed_by="cli:x",
    content={"config": {"a": [1, 2.5, None, "é"]}, "documentation": []},
)
CASES: list[tuple[Repository[Any], Any, str, str]] = [
    (TENANTS, TENANT, "t", "t"),
    (ACCOUNTS, ACCOUNT, "t", "acc"),
    (SERVERS, SERVER, "t", "srv"),
    (API_TOKENS, API_TOKEN, PLATFORM, "tok"),
    (HEADS, HEAD, PLATFORM, "notes"),
    (VERSIONS, VERSION, PLATFORM, "notes@00000002"),
]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = SqliteStore(tmp_path / "data.db", clock=SteppingClock())
    yield store
    await store.close()


@pytest.mark.parametrize(("repository", "record", "tenant", "record_id"), CASES)
async def test_a_record_comes_back_equal_from_its_place(
    store: Store, repository: Repository[Any], record: Any, tenant: str, record_id: str
) -> None:
    """Each kind has its tenant and id, and loses nothing on the way."""
    put = repository.put(record)
    assert put.key == repository.key(tenant, record_id) == repository.key_of(record)
    etags = await store.write([put])
    assert await repository.get(store, tenant, record_id) == (record, etags[put.key])
    assert await repository.page(store, tenant) == ([record], None)
    assert await repository.page(store, ALL) == ([record], None)
    assert await repository.get(store, "elsewhere", record_id) is None
    assert await repository.get(store, tenant, "unknown") is None


def test_every_kind_has_a_name_of_its_own() -> None:
    """Two kinds never share a place."""
    kinds = [repository.kind for repository, *_ in CASES]
    kinds += [INDEX.kind, credential_key("t", "a").kind, idempotency_key("t", "a").kind]
    assert len(set(kinds)) == len(kinds)


async def test_accounts_and_servers_are_listed_by_what_they_belong_to(store: Store) -> None:
    """Accounts by integration; servers by account and by integration, within or across tenants."""
    await store.write([ACCOUNTS.put(ACCOUNT), SERVERS.put(SERVER)])
    for tenant in ("t", ALL):
        assert await ACCOUNTS.page(store, tenant, index="integration", value="notes") == (
            [ACCOUNT],
            None,
        )
        assert (await SERVERS.page(store, tenant, index="integration", value="notes"))[0] == [
            SERVER
        ]
        assert (await SERVERS.page(store, tenant, index="account", value="acc"))[0] == [SERVER]
        assert (await SERVERS.page(store, tenant, index="account", value="x"))[0] == []


async def test_versions_are_listed_in_their_order(store: Store) -> None:
    """The versions of one integration come by number, page by page."""
    for number in (9, 10, 100, 1):
        version = IntegrationVersion(
            name="notes", version=number, digest="", pushed_at=START, pushed_by="", content={}
        )
        await store.write([VERSIONS.put(version)])
    await store.write([VERSIONS.put(VERSION), HEADS.put(HEAD)])
    numbers: list[int] = []
    cursor: str | None = None
    while True:
        page, cursor = await VERSIONS.page(
            store, PLATFORM, index="integration", value="notes", cursor=cursor, limit=2
        )
        numbers += [version.version for version in page]
        if cursor is None:
            break
    assert numbers == [1, 2, 9, 10, 100]
    assert version_id("notes", 7) == "notes@00000007"
    with pytest.raises(InvalidInput):
        await VERSIONS.page(store, PLATFORM, cursor="made up")


async def test_purge_keeps_grants_and_removes_old_answers(store: Store) -> None:
    """Expired servers and tokens stay as evidence; answers to idempotent requests go in time."""
    await store.write([repository.put(record) for repository, record, *_ in CASES])
    await store.write(
        [
            INDEX.put("h", IndexEntry("server", "t", "srv")),
            credential_put("t", "acc", b"sealed", 1),
            idempotency_put("t", "due", b"1", START),
            idempotency_put("t", "fraction", b"2", START + timedelta(seconds=0.2)),
        ]
    )
    assert await store.purge(START + timedelta(seconds=0.1)) == 1
    assert await store.get_many([idempotency_key("t", "due")]) == [None]
    assert await store.purge(datetime(2999, 1, 1, tzinfo=UTC)) == 1
    for repository, record, tenant, record_id in CASES:
        assert (await repository.page(store, tenant))[0] == [record], record_id


async def test_a_token_hash_leads_to_its_grant(store: Store) -> None:
    """The index is of the deployment, not of a tenant: the tenant is what it answers."""
    target = IndexEntry("server", "t", "srv", account="acc", integration="notes")
    await store.write([INDEX.put("hash", target)])
    found, absent = await store.get_many([INDEX.key("hash"), INDEX.key("other")])
    assert INDEX.key("hash").tenant == PLATFORM
    assert INDEX.decode(found) == target
    assert INDEX.decode(absent) is None


async def test_credentials_are_listed_by_key_version(store: Store) -> None:
    """A rotation finds what is still sealed under an old key."""
    await store.write([credential_put("t", "a", b"1", 1), credential_put("t", "b", b"2", 2)])
    page = await store.page("credential", "t", index="key_version", value=1)
    assert [entry.key for entry in page.entries] == [credential_key("t", "a")]


@pytest.mark.parametrize(
    "value", [b"", b"{", b"null", b"[]", b"{}", b"\xff", b'{"id": 1}'], ids=repr
)
async def test_a_record_that_cannot_be_read_is_unavailable(store: Store, value: bytes) -> None:
    """Bytes that are not the record fail closed, and tell nothing of what they hold."""
    for repository in (SERVERS, INDEX):
        with pytest.raises(StoreUnavailable) as failure:
            repository.decode(Entry(Key("server", "t", "x"), value, "etag"))
        assert failure.value.detail is None
        assert failure.value.__cause__ is None
    await store.write([Put(SERVERS.key("t", "x"), value)])
    with pytest.raises(StoreUnavailable):
        await SERVERS.get(store, "t", "x")
    with pytest.raises(StoreUnavailable):
        await SERVERS.page(store, "t")
