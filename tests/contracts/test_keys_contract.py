"""Keys on every kind of store: what opens them, how long copies live, that dead ones stay dead."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from tests.contracts.test_store_crash_contract import started_together
from tests.support.stores import Backend, SteppingClock

from mcpassport.errors import DataFolderError, StoreUnavailable
from mcpassport.records.masked import KeyMaterial
from mcpassport.store.keys import Keys, open_keys
from mcpassport.store.keystore import KeyName, KeyStore, StoredKey

MASTER = KeyMaterial(bytes(range(32)))
OTHER = KeyMaterial(bytes(32))
TOKEN = KeyName("token")

OpenKeyStore: TypeAlias = Callable[[], KeyStore]
OpenKeys: TypeAlias = Callable[[], Awaitable[Keys]]


@pytest.fixture
async def open_keystore(backend: Backend, tmp_path: Path) -> AsyncIterator[OpenKeyStore]:
    """Opens the same store of keys once more, as another process would; closes all of them."""
    opened: list[KeyStore] = []

    def make() -> KeyStore:
        opened.append(backend.open_keystore(tmp_path))
        return opened[-1]

    yield make
    for store in opened:
        await store.close()


@pytest.fixture
def keystore(open_keystore: OpenKeyStore) -> KeyStore:
    return open_keystore()


@pytest.fixture
def open_them(open_keystore: OpenKeyStore, clock: SteppingClock) -> OpenKeys:
    """Opens the same keys once more, as another process would."""

    async def make() -> Keys:
        return await open_keys(open_keystore(), MASTER, clock=clock, random=os.urandom)

    return make


@pytest.fixture
async def keys(open_them: OpenKeys) -> Keys:
    return await open_them()


async def everything(store: KeyStore) -> list[StoredKey]:
    return await store.page(limit=10_000)


async def put(store: KeyStore, name: KeyName, wrapped: bytes) -> None:
    """Let other bytes stand under a name, as damage or a slip would."""
    stored = await store.read(name)
    assert stored is not None
    assert stored.wrapped is not None
    assert await store.replace(name, stored.wrapped, wrapped)


async def test_the_token_key_is_made_once(open_them: OpenKeys) -> None:
    """Every process and every restart gets the same random token key."""
    one, other = await open_them(), await open_them()
    first = (await one.token_keys()).current.key.unwrap()
    assert len(first) == 32
    assert (await other.token_keys()).current.key.unwrap() == first
    await one.close()
    assert (await (await open_them()).token_keys()).current.key.unwrap() == first


class Beaten:
    """A store of keys in which another process is first: just before, or just after, a look."""

    def __init__(self, store: KeyStore, other: Keys, *, late: bool) -> None:
        self._store = store
        self._other = other
        self._late = late

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def read(self, name: KeyName) -> StoredKey | None:
        if not self._late and name == TOKEN:
            await self._other.token_keys()
        found = await self._store.read(name)
        if self._late and name == TOKEN:
            await self._other.token_keys()
        return found


@pytest.mark.parametrize("late", [False, True])
async def test_of_two_that_need_the_first_key_at_once_both_get_the_one_that_was_stored(
    open_keystore: OpenKeyStore, open_them: OpenKeys, *, late: bool
) -> None:
    """Whenever the other one's key is committed, it is found, and nothing counts as damaged."""
    other = await open_them()
    store = Beaten(open_keystore(), other, late=late)
    keys = await open_keys(store, MASTER, clock=SteppingClock(), random=os.urandom)
    assert (await keys.token_keys()).current.key.unwrap() == (
        await other.token_keys()
    ).current.key.unwrap()


async def test_processes_that_start_at_once_agree_on_every_key(
    kind: str, tmp_path: Path, keys: Keys
) -> None:
    """Two processes make the same first keys at the same moment; no version is given twice."""
    with started_together(kind, tmp_path, "keys") as pair:
        said = [
            await asyncio.to_thread(process.stdout.readline)
            for process in pair
            if process.stdout is not None
        ]
    first, second = (line.split() for line in said)
    assert first[0] == second[0]
    versions = [int(word) for word in first[1:] + second[1:]]
    assert sorted(versions) == list(range(1, len(versions) + 1))
    assert (await keys.token_keys()).current.key.unwrap() is not None


async def test_each_tenant_and_version_has_a_key_of_its_own(keys: Keys) -> None:
    """Versions count from 1 per tenant, and no two keys are equal."""
    assert [await keys.create_tenant_key(tenant) for tenant in "aab"] == [1, 2, 1]
    found = [await keys.tenant_key(*name) for name in (("a", 1), ("a", 2), ("b", 1))]
    assert len({key.unwrap() for key in [*found, (await keys.token_keys()).current.key]}) == 4
    assert {len(key.unwrap()) for key in found} == {32}


async def test_each_tenant_has_one_fingerprint_key(open_them: OpenKeys) -> None:
    """It is made on first use, the same in every process, and no other key of the deployment."""
    one, other = await open_them(), await open_them()
    key = await one.fingerprint_key("a")
    assert len(key) == 32
    assert await other.fingerprint_key("a") == key
    assert await one.fingerprint_key("b") != key
    assert (await one.token_keys()).current.key.unwrap() != key


async def test_a_destroyed_fingerprint_key_is_not_made_anew(open_them: OpenKeys) -> None:
    """After a tenant's keys are destroyed, its fingerprints cannot be recomputed by anybody."""
    keys = await open_them()
    await keys.fingerprint_key("a")
    kept = await keys.fingerprint_key("b")
    await keys.destroy_tenant_keys("a")
    for process in (keys, await open_them()):
        with pytest.raises(StoreUnavailable):
            await process.fingerprint_key("a")
        assert await process.fingerprint_key("b") == kept


async def test_a_key_is_the_same_after_a_restart(open_them: OpenKeys) -> None:
    """A data key survives closing and opening."""
    keys = await open_them()
    await keys.create_tenant_key("a")
    before = (await keys.tenant_key("a", 1)).unwrap()
    await keys.close()
    assert (await (await open_them()).tenant_key("a", 1)).unwrap() == before


async def test_a_key_that_never_was_is_unavailable(keys: Keys) -> None:
    """An unknown tenant or version fails closed."""
    await keys.create_tenant_key("a")
    for name in (("a", 2), ("a", 0), ("b", 1), ("", 1)):
        assert await keys.find_tenant_key(*name) is None
        with pytest.raises(StoreUnavailable):
            await keys.tenant_key(*name)


async def test_destroyed_keys_are_gone_for_good(open_them: OpenKeys, keystore: KeyStore) -> None:
    """All versions of the tenant go at once, others stay, and a version number never comes back."""
    keys = await open_them()
    for tenant in "aab":
        await keys.create_tenant_key(tenant)
        await keys.tenant_key(tenant, 1)
    assert [await keys.destroy_tenant_keys("a") for _ in range(2)] == [2, 2]
    for version in (1, 2):
        with pytest.raises(StoreUnavailable):
            await keys.tenant_key("a", version)
    assert await keys.tenant_key("b", 1)
    assert [key.wrapped for key in await keystore.versions("tenant", "a")] == [None, None]
    assert await keys.create_tenant_key("a") == 3
    await keys.close()
    assert await (await open_them()).find_tenant_key("a", 1) is None


async def test_a_destroyed_key_cannot_be_put_back(keys: Keys, keystore: KeyStore) -> None:
    """Neither as a new key of that name nor in the place of the old one."""
    name = KeyName("tenant", "a")
    await keys.create_tenant_key("a")
    stored = await keystore.read(name)
    assert stored is not None
    assert stored.wrapped is not None
    await keys.destroy_tenant_keys("a")
    assert not await keystore.replace(name, stored.wrapped, stored.wrapped)
    assert await keystore.add(name, stored.wrapped) == StoredKey(name, None)
    assert await keystore.read(name) == StoredKey(name, None)


async def test_a_key_that_is_read_while_it_is_destroyed_is_not_kept(
    keystore: KeyStore, open_them: OpenKeys
) -> None:
    """What a read brought that began before the destruction is not used again after it."""
    await (await open_them()).create_tenant_key("a")

    class Slow:
        def __getattr__(self, name: str) -> Any:
            return getattr(keystore, name)

        async def read(self, name: KeyName) -> StoredKey | None:
            found = await keystore.read(name)
            if name.kind == "tenant" and found is not None and found.wrapped is not None:
                await slow.destroy_tenant_keys("a")
            return found

    slow = await open_keys(Slow(), MASTER, clock=SteppingClock(), random=os.urandom)
    await slow.find_tenant_key("a", 1)
    assert await slow.find_tenant_key("a", 1) is None


async def test_other_processes_forget_a_destroyed_key_within_a_minute(
    open_them: OpenKeys, clock: SteppingClock
) -> None:
    """An unwrapped copy is used for less than 60 seconds, even if the clock is set back."""
    one, other = await open_them(), await open_them()
    await one.create_tenant_key("a")
    await other.tenant_key("a", 1)
    await one.destroy_tenant_keys("a")
    clock.step(59.9)
    assert await other.find_tenant_key("a", 1) is not None
    clock.step(0.1)
    assert await other.find_tenant_key("a", 1) is None


async def test_a_clock_set_back_does_not_lengthen_the_life_of_a_copy(
    open_them: OpenKeys, clock: SteppingClock
) -> None:
    """A copy from the future is not used."""
    one, other = await open_them(), await open_them()
    await one.create_tenant_key("a")
    await other.tenant_key("a", 1)
    await one.destroy_tenant_keys("a")
    clock.step(-1)
    assert await other.find_tenant_key("a", 1) is None


async def test_a_copy_saves_reading_the_store(keys: Keys) -> None:
    """Within the minute the same object is used, without a look into the store."""
    await keys.create_tenant_key("a")
    assert await keys.tenant_key("a", 1) is await keys.tenant_key("a", 1)


async def test_another_master_key_is_told_plainly(
    keys: Keys, open_keystore: OpenKeyStore, open_them: OpenKeys
) -> None:
    """Opened with a wrong master key, the keys say so at once and stay as they are."""
    await keys.token_keys()
    await keys.create_tenant_key("a")
    store = open_keystore()
    before = await everything(store)
    with pytest.raises(DataFolderError) as refused:
        await open_keys(open_keystore(), OTHER, clock=SteppingClock(), random=os.urandom)
    said = str(refused.value)
    assert said.startswith(f"{store.place}: these keys were wrapped by another master key.")
    assert await everything(store) == before
    assert await (await open_them()).tenant_key("a", 1)


@pytest.mark.parametrize("lost", ["everything", "the token key"])
async def test_lost_keys_are_not_made_anew_where_records_expect_them(
    keystore: KeyStore, open_keystore: OpenKeyStore, open_them: OpenKeys, lost: str
) -> None:
    """New keys would open nothing and recognise no token: the start says so, and stores none."""
    if lost == "the token key":
        await open_them()
    before = await everything(keystore)
    with pytest.raises(DataFolderError, match="the keys of these records are missing"):
        await open_keys(
            open_keystore(), MASTER, clock=SteppingClock(), random=os.urandom, expected=True
        )
    assert await everything(keystore) == before


async def test_keys_that_are_there_are_opened_where_records_expect_them(
    keys: Keys, open_keystore: OpenKeyStore
) -> None:
    """The ordinary restart."""
    before = (await keys.token_keys()).current.key.unwrap()
    again = await open_keys(
        open_keystore(), MASTER, clock=SteppingClock(), random=os.urandom, expected=True
    )
    assert (await again.token_keys()).current.key.unwrap() == before


@pytest.mark.parametrize("damage", [b"", b"\x01", b"\x02" + bytes(60), b"\x01" + bytes(60)])
async def test_a_damaged_key_never_opens(
    keys: Keys, keystore: KeyStore, open_them: OpenKeys, damage: bytes
) -> None:
    """A wrapped key that does not verify is told for the token key, unavailable for a tenant's."""
    await keys.create_tenant_key("a")
    await keys.token_keys()
    for name in (TOKEN, KeyName("tenant", "a")):
        await put(keystore, name, damage)
    again = await open_them()
    with pytest.raises(StoreUnavailable):
        await again.tenant_key("a", 1)
    with pytest.raises(DataFolderError, match="the token key is damaged"):
        await again.token_keys()


async def test_a_wrapped_key_is_bound_to_its_name(keys: Keys, keystore: KeyStore) -> None:
    """A wrapped key that is copied to another tenant or version does not open there."""
    for tenant in "aab":
        await keys.create_tenant_key(tenant)
    one = await keystore.read(KeyName("tenant", "a", 1))
    assert one is not None
    assert one.wrapped is not None
    for name in (KeyName("tenant", "a", 2), KeyName("tenant", "b", 1)):
        await put(keystore, name, one.wrapped)
    assert await keys.find_tenant_key("a", 1) is not None
    assert await keys.find_tenant_key("a", 2) is None
    assert await keys.find_tenant_key("b", 1) is None


async def test_no_key_is_stored_unwrapped(keys: Keys, keystore: KeyStore) -> None:
    """Neither raw keys nor the master key are in what is stored."""
    await keys.create_tenant_key("a")
    secrets = [(await keys.token_keys()).current.key, await keys.tenant_key("a", 1), MASTER]
    stored = b"".join(key.wrapped or b"" for key in await everything(keystore))
    assert len(stored) > 3 * 32
    assert not [key for key in secrets if key.unwrap() in stored]


async def test_many_keys_do_not_fill_the_memory(keys: Keys, keystore: KeyStore) -> None:
    """The number of unwrapped copies is bounded; the newest are kept."""
    keys._cache = {
        KeyName("tenant", str(number)): (KeyMaterial(bytes(32)), keys._clock())
        for number in range(4_096)
    }
    await keys.create_tenant_key("a")
    await keys.tenant_key("a", 1)
    assert len(keys._cache) == 4_096
    assert KeyName("tenant", "a") in keys._cache
    assert KeyName("tenant", "0") not in keys._cache
    assert len(await everything(keystore)) == 2


async def test_closed_keys_are_unavailable(keys: Keys) -> None:
    """After `close` nothing opens, not even what was cached."""
    await keys.create_tenant_key("a")
    await keys.tenant_key("a", 1)
    await keys.close()
    for operation in (
        keys.tenant_key("a", 1),
        keys.token_keys(),
        keys.create_tenant_key("a"),
        keys.destroy_tenant_keys("a"),
    ):
        with pytest.raises(StoreUnavailable):
            await operation


async def test_keys_are_listed_in_the_order_of_their_names(keystore: KeyStore) -> None:
    """Page by page, each key once, destroyed ones too; and the versions of one key."""
    names = [
        *(KeyName("tenant", "a", version) for version in (1, 2, 10)),
        KeyName("tenant", "é"),
        KeyName("fingerprint", "Z"),
        KeyName("fingerprint", "a"),
        KeyName("check"),
    ]
    for name in names:
        await keystore.add(name, repr(name).encode())
    await keystore.destroy(["fingerprint"], "Z")
    stored = [
        StoredKey(name, None if name.tenant == "Z" else repr(name).encode())
        for name in sorted(names)
    ]
    assert await keystore.page() == stored
    found: list[StoredKey] = []
    while page := await keystore.page(found[-1].name if found else None, limit=2):
        assert len(page) <= 2
        found += page
    assert found == stored
    assert [key.name.version for key in await keystore.versions("tenant", "a")] == [1, 2, 10]
    assert await keystore.versions("tenant", "A") == []


async def test_a_key_is_replaced_only_where_it_is_the_one_expected(keystore: KeyStore) -> None:
    """Of two that wrap the same key anew, one gets in; a name without a key takes none."""
    await keystore.add(TOKEN, b"old")
    assert not await keystore.replace(TOKEN, b"other", b"new")
    assert not await keystore.replace(KeyName("token", "", 2), b"old", b"new")
    tried = [keystore.replace(TOKEN, b"old", b"new %d" % number) for number in range(2)]
    assert sorted(await asyncio.gather(*tried)) == [False, True]
    stored = await keystore.read(TOKEN)
    assert stored is not None
    assert stored.wrapped in {b"new 0", b"new 1"}


async def test_the_next_version_is_given_once(open_keystore: OpenKeyStore) -> None:
    """Many that ask at once get versions of their own, without a gap."""
    stores = [open_keystore() for _ in range(3)]
    asked = [
        store.add_next("tenant", "a", lambda name: repr(name).encode())
        for store in stores
        for _ in range(5)
    ]
    names = await asyncio.gather(*asked)
    assert sorted(name.version for name in names) == list(range(1, 16))
    for key in await stores[0].versions("tenant", "a"):
        assert key.wrapped == repr(key.name).encode()


async def test_lower_versions_are_destroyed_and_the_others_stay(
    keys: Keys, keystore: KeyStore
) -> None:
    """Only of that tenant, and only below the version named."""
    for tenant in "aaab":
        await keys.create_tenant_key(tenant)
    assert await keys.find_tenant_key("a", 2)
    await keys.destroy_tenant_keys_below("a", 3)
    assert await keys.tenant_key_versions("a") == [3]
    assert await keys.tenant_key_versions("b") == [1]
    assert await keys.find_tenant_key("a", 2) is None
    assert await keystore.read(KeyName("tenant", "a", 2)) == StoredKey(
        KeyName("tenant", "a", 2), None
    )


async def rewrapped(keys: Keys, page: int) -> int:
    """Wrap every key anew, page by page; how many."""
    count, after = 0, None
    while True:
        done, after = await keys.rewrap(after, page)
        count += done
        if after is None:
            return count


@pytest.mark.parametrize("page", [1, 2, 500])
async def test_every_key_is_wrapped_anew_under_another_master_key(
    keys: Keys, open_keystore: OpenKeyStore, page: int
) -> None:
    """What was made before is the same afterwards, and the key before opens nothing any more."""
    for tenant in "ab":
        await keys.create_tenant_key(tenant)
    before = [await keys.tenant_key("a", 1), (await keys.token_keys()).current.key]
    await keys.destroy_tenant_keys("b")
    clock = SteppingClock()
    both = await open_keys(open_keystore(), OTHER, clock=clock, random=os.urandom, previous=MASTER)
    made = await both.create_tenant_key("c")
    assert await rewrapped(both, page) == 3  # the check, the token key, and the key of a
    assert await rewrapped(both, page) == 0
    alone = await open_keys(open_keystore(), OTHER, clock=clock, random=os.urandom)
    after = [await alone.tenant_key("a", 1), (await alone.token_keys()).current.key]
    assert [key.unwrap() for key in after] == [key.unwrap() for key in before]
    assert await alone.tenant_key("c", made)
    assert await alone.find_tenant_key("b", 1) is None
    with pytest.raises(DataFolderError, match="wrapped by another master key"):
        await open_keys(open_keystore(), MASTER, clock=clock, random=os.urandom)


async def test_without_the_master_key_before_nothing_is_wrapped_anew(
    keys: Keys, keystore: KeyStore
) -> None:
    """Not a byte is written."""
    await keys.create_tenant_key("a")
    before = await everything(keystore)
    assert await rewrapped(keys, 500) == 0
    assert await everything(keystore) == before


async def test_a_token_key_is_known_to_all_before_it_is_used(
    open_them: OpenKeys, clock: SteppingClock
) -> None:
    """A process that read the keys just before still knows the new one when others use it."""
    one, other = await open_them(), await open_them()
    first = (await other.token_keys()).current
    made = await one.next_token_key()
    assert (made.current.version, made.newest.version) == (1, 2)
    again = await one.next_token_key()
    assert len(again.others) == 1, "one that is under way is not begun again"
    clock.step(59)
    assert (await one.token_keys()).current.version == 1
    clock.step(2)  # the other's copy is a minute old, and is read again
    assert (await other.token_keys()).newest.version == 2
    clock.step(60)
    for keys in (one, other):
        found = await keys.token_keys()
        assert (found.current.version, [each.version for each in found.earlier]) == (2, [1])
        assert found.current.key.unwrap() != first.key.unwrap()
        assert found.earlier[0].key.unwrap() == first.key.unwrap()


async def test_an_earlier_token_key_is_destroyed_and_the_present_one_stays(
    open_them: OpenKeys, clock: SteppingClock, keystore: KeyStore
) -> None:
    """Not before the next one is in use; a restart finds the present one alone."""
    keys = await open_them()
    await keys.next_token_key()
    await keys.destroy_earlier_token_keys()
    assert len((await keys.token_keys()).others) == 1, "nothing is earlier yet"
    clock.step(121)
    await keys.destroy_earlier_token_keys()
    found = await keys.token_keys()
    assert (found.current.version, found.others) == (2, ())
    assert await keystore.read(TOKEN) == StoredKey(TOKEN, None)
    again = await open_keys(keystore, MASTER, clock=clock, random=os.urandom, expected=True)
    assert (await again.token_keys()).current.key.unwrap() == found.current.key.unwrap()
