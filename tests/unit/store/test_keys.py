"""Keys: what opens them, how long copies live, and that destroyed ones never return."""

import base64
import os
import sqlite3
import stat
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from tests.support.stores import SteppingClock

from mcpassport.errors import DataFolderError, StoreUnavailable
from mcpassport.records.masked import KeyMaterial
from mcpassport.store.keys import Keys, _Name, create_master_key, load_master_key

MASTER = KeyMaterial(bytes(range(32)))
OTHER = KeyMaterial(bytes(32))


@pytest.fixture
def clock() -> SteppingClock:
    return SteppingClock()


@pytest.fixture
async def open_keys(tmp_path: Path, clock: SteppingClock) -> AsyncIterator[Callable[[], Keys]]:
    """Opens the same keys once more, as another process would."""
    opened: list[Keys] = []

    def make() -> Keys:
        opened.append(Keys(tmp_path / "keys.db", MASTER, clock=clock, random=os.urandom))
        return opened[-1]

    yield make
    for keys in opened:
        await keys.close()


@pytest.fixture
def keys(open_keys: Callable[[], Keys]) -> Keys:
    return open_keys()


def contents(folder: Path) -> bytes:
    """Every byte of every file."""
    return b"".join(path.read_bytes() for path in folder.iterdir())


async def test_the_token_key_is_made_once(open_keys: Callable[[], Keys]) -> None:
    """Every process and every restart gets the same random token key."""
    one, other = open_keys(), open_keys()
    first = (await one.token_key()).unwrap()
    assert len(first) == 32
    assert (await other.token_key()).unwrap() == first
    await one.close()
    assert (await open_keys().token_key()).unwrap() == first


async def test_each_tenant_and_version_has_a_key_of_its_own(keys: Keys) -> None:
    """Versions count from 1 per tenant, and no two keys are equal."""
    assert [await keys.create_tenant_key(tenant) for tenant in "aab"] == [1, 2, 1]
    found = [await keys.tenant_key(*name) for name in (("a", 1), ("a", 2), ("b", 1))]
    assert len({key.unwrap() for key in [*found, await keys.token_key()]}) == 4
    assert {len(key.unwrap()) for key in found} == {32}


async def test_each_tenant_has_one_fingerprint_key(open_keys: Callable[[], Keys]) -> None:
    """It is made on first use, the same in every process, and no other key of the deployment."""
    one, other = open_keys(), open_keys()
    key = await one.fingerprint_key("a")
    assert len(key) == 32
    assert await other.fingerprint_key("a") == key
    assert await one.fingerprint_key("b") != key
    assert (await one.token_key()).unwrap() != key


async def test_a_key_that_another_caller_makes_meanwhile_is_taken(
    open_keys: Callable[[], Keys], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two first uses at once get one key: what appears between two reads is no damage."""
    one, other = open_keys(), open_keys()
    name = _Name("fingerprint", "acme")
    read = one._database.read
    insert = (*name, other._wrap(name, bytes(range(32))))

    def late(query: str, parameters: tuple[object, ...]) -> list[object]:
        found = read(query, parameters)  # type: ignore[arg-type]
        other._database.write_now(
            lambda connection: (
                connection.execute(
                    "INSERT OR IGNORE INTO keys VALUES (?, ?, ?, ?)", insert
                ).rowcount
            )
        )
        return found

    monkeypatch.setattr(one._database, "read", late)
    assert await one.fingerprint_key("acme") == bytes(range(32))


async def test_a_destroyed_fingerprint_key_is_not_made_anew(open_keys: Callable[[], Keys]) -> None:
    """After a tenant's keys are destroyed, its fingerprints cannot be recomputed by anybody."""
    keys = open_keys()
    await keys.fingerprint_key("a")
    kept = await keys.fingerprint_key("b")
    await keys.destroy_tenant_keys("a")
    for process in (keys, open_keys()):
        with pytest.raises(StoreUnavailable):
            await process.fingerprint_key("a")
        assert await process.fingerprint_key("b") == kept


async def test_a_key_is_the_same_after_a_restart(open_keys: Callable[[], Keys]) -> None:
    """A data key survives closing and opening."""
    keys = open_keys()
    await keys.create_tenant_key("a")
    before = (await keys.tenant_key("a", 1)).unwrap()
    await keys.close()
    assert (await open_keys().tenant_key("a", 1)).unwrap() == before


async def test_a_key_that_never_was_is_unavailable(keys: Keys) -> None:
    """An unknown tenant or version fails closed."""
    await keys.create_tenant_key("a")
    for name in (("a", 2), ("a", 0), ("b", 1), ("", 1)):
        assert await keys.find_tenant_key(*name) is None
        with pytest.raises(StoreUnavailable):
            await keys.tenant_key(*name)


async def test_destroyed_keys_are_gone_for_good(open_keys: Callable[[], Keys]) -> None:
    """All versions of the tenant go at once, others stay, and a version number never comes back."""
    keys = open_keys()
    for tenant in "aab":
        await keys.create_tenant_key(tenant)
        await keys.tenant_key(tenant, 1)
    await keys.destroy_tenant_keys("a")
    for version in (1, 2):
        with pytest.raises(StoreUnavailable):
            await keys.tenant_key("a", version)
    assert await keys.tenant_key("b", 1)
    assert await keys.create_tenant_key("a") == 3
    await keys.close()
    assert await open_keys().find_tenant_key("a", 1) is None


async def test_destroyed_keys_leave_no_trace_in_the_files(keys: Keys, tmp_path: Path) -> None:
    """The wrapped key is overwritten in the file and not left in the journal."""
    await keys.create_tenant_key("a")
    ((wrapped,),) = keys._database.read("SELECT wrapped FROM keys WHERE tenant = 'a'")

    assert wrapped[-40:] in contents(tmp_path)
    await keys.destroy_tenant_keys("a")
    assert wrapped[-40:] not in contents(tmp_path)


async def test_other_processes_forget_a_destroyed_key_within_a_minute(
    open_keys: Callable[[], Keys], clock: SteppingClock
) -> None:
    """An unwrapped copy is used for less than 60 seconds, even if the clock is set back."""
    one, other = open_keys(), open_keys()
    await one.create_tenant_key("a")
    await other.tenant_key("a", 1)
    await one.destroy_tenant_keys("a")
    clock.step(59.9)
    assert await other.find_tenant_key("a", 1) is not None
    clock.step(0.1)
    assert await other.find_tenant_key("a", 1) is None


async def test_a_clock_set_back_does_not_lengthen_the_life_of_a_copy(
    open_keys: Callable[[], Keys], clock: SteppingClock
) -> None:
    """A copy from the future is not used."""
    one, other = open_keys(), open_keys()
    await one.create_tenant_key("a")
    await other.tenant_key("a", 1)
    await one.destroy_tenant_keys("a")
    clock.step(-1)
    assert await other.find_tenant_key("a", 1) is None


async def test_a_copy_saves_reading_the_file(keys: Keys) -> None:
    """Within the minute the same object is used, without a look into the file."""
    await keys.create_tenant_key("a")
    assert await keys.tenant_key("a", 1) is await keys.tenant_key("a", 1)


async def test_another_master_key_is_told_plainly(keys: Keys, tmp_path: Path) -> None:
    """Opened with a wrong master key, the keys say so at once and stay as they are."""
    before = (await keys.token_key()).unwrap()
    await keys.close()
    path = tmp_path / "keys.db"
    with pytest.raises(DataFolderError) as refused:
        Keys(path, OTHER, clock=SteppingClock(), random=os.urandom)
    assert str(refused.value).startswith(f"{path}: these keys were wrapped by another master key.")
    again = Keys(path, MASTER, clock=SteppingClock(), random=os.urandom)
    assert (await again.token_key()).unwrap() == before
    await again.close()


@pytest.mark.parametrize("damage", [b"", b"\x01", b"\x02" + bytes(60), b"\x01" + bytes(60)])
async def test_a_damaged_key_never_opens(keys: Keys, damage: bytes) -> None:
    """A wrapped key that does not verify is told for the token key, unavailable for a tenant's."""
    await keys.create_tenant_key("a")
    await keys.token_key()
    await keys._database.write(
        lambda c: c.execute("UPDATE keys SET wrapped = ? WHERE kind != 'check'", (damage,)).rowcount
    )
    keys._cache.clear()
    with pytest.raises(StoreUnavailable):
        await keys.tenant_key("a", 1)
    with pytest.raises(DataFolderError, match="the token key is damaged"):
        await keys.token_key()


async def test_a_wrapped_key_is_bound_to_its_name(keys: Keys) -> None:
    """A wrapped key that is copied to another tenant or version does not open there."""
    for tenant in "aab":
        await keys.create_tenant_key(tenant)
    one = "SELECT wrapped FROM keys WHERE tenant = 'a' AND version = 1"
    spread = f"UPDATE keys SET wrapped = ({one}) WHERE kind = 'tenant'"
    await keys._database.write(lambda c: c.execute(spread).rowcount)
    assert await keys.find_tenant_key("a", 1) is not None
    assert await keys.find_tenant_key("a", 2) is None
    assert await keys.find_tenant_key("b", 1) is None


async def test_no_key_is_stored_in_the_clear(keys: Keys, tmp_path: Path) -> None:
    """Neither raw keys nor the master key are in any file of the folder."""
    await keys.create_tenant_key("a")
    secrets = [await keys.token_key(), await keys.tenant_key("a", 1), MASTER]
    await keys.close()
    stored = contents(tmp_path)
    assert not [key for key in secrets if key.unwrap() in stored]


async def test_many_keys_do_not_fill_the_memory(keys: Keys) -> None:
    """The number of unwrapped copies is bounded; the newest are kept."""
    names = [_Name("tenant", str(number)) for number in range(5_000)]
    rows = [(*name, keys._wrap(name, bytes(32))) for name in names]
    await keys._database.write(
        lambda c: c.executemany("INSERT INTO keys VALUES (?, ?, ?, ?)", rows).rowcount
    )
    for name in names:
        await keys.tenant_key(name.tenant, name.version)
    assert len(keys._cache) == 4_096
    assert await keys.tenant_key("0", 1)


async def test_closed_keys_are_unavailable(keys: Keys) -> None:
    """After `close` nothing opens, not even what was cached."""
    await keys.create_tenant_key("a")
    await keys.tenant_key("a", 1)
    await keys.close()
    for operation in (
        keys.tenant_key("a", 1),
        keys.token_key(),
        keys.create_tenant_key("a"),
        keys.destroy_tenant_keys("a"),
    ):
        with pytest.raises(StoreUnavailable):
            await operation


def test_a_master_key_is_made_private_and_read_back(tmp_path: Path) -> None:
    """The file is 0600 and holds base64 of 32 random bytes."""
    path = tmp_path / "master.key"
    made = create_master_key(path, lambda count: bytes(range(count)))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert base64.b64decode(path.read_text()) == made.unwrap() == bytes(range(32))
    assert load_master_key(path).unwrap() == made.unwrap()


@pytest.mark.parametrize("there", ["file", "folder", "link"])
def test_a_master_key_is_never_overwritten(tmp_path: Path, there: str) -> None:
    """Whatever stands at the path stays."""
    path = tmp_path / "master.key"
    if there == "file":
        path.write_text("precious")
    elif there == "folder":
        path.mkdir()
    else:
        path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DataFolderError, match="never overwritten"):
        create_master_key(path, os.urandom)
    assert there != "file" or path.read_text() == "precious"
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644, 0o601, 0o777])
def test_a_master_key_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    """Any right for group or others is refused, with the command that mends it."""
    path = tmp_path / "master.key"
    create_master_key(path, os.urandom)
    path.chmod(mode)
    with pytest.raises(DataFolderError) as refused:
        load_master_key(path)
    assert f"chmod 600 {path}" in str(refused.value)


@pytest.mark.parametrize(
    "content",
    [b"", b"\n", b"x", b"not base64 at all!", base64.b64encode(bytes(31)), bytes(32), b"A" * 5000],
)
def test_what_is_no_master_key_is_refused_without_showing_it(
    tmp_path: Path, content: bytes
) -> None:
    """A file of another form is refused; the message does not repeat what it holds."""
    path = tmp_path / "master.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(DataFolderError) as refused:
        load_master_key(path)
    assert "not a master key" in str(refused.value)
    assert content.strip() == b"" or content.decode() not in str(refused.value).replace(
        str(path), ""
    )


def test_a_master_key_that_is_not_there_is_told(tmp_path: Path) -> None:
    """A missing key, and a path through a file, are told with the path."""
    path = tmp_path / "master.key"
    with pytest.raises(DataFolderError, match="no master key here"):
        load_master_key(path)
    path.touch()
    with pytest.raises(DataFolderError, match="a file stands where a folder belongs"):
        load_master_key(path / "deeper")
    with pytest.raises(DataFolderError, match="a file stands where a folder belongs"):
        create_master_key(path / "deeper", os.urandom)


def test_a_master_key_that_is_no_file_is_told(tmp_path: Path) -> None:
    """A pipe is refused without waiting for a writer; a folder too."""
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(DataFolderError, match="not a master key"):
        load_master_key(tmp_path / "pipe")
    (tmp_path / "folder").mkdir(0o700)
    with pytest.raises(DataFolderError, match="a folder stands where a file belongs"):
        load_master_key(tmp_path / "folder")


@pytest.mark.usefixtures("keys")
def test_a_new_key_file_names_itself_as_ours(tmp_path: Path) -> None:
    """The header of the file says whose it is, so that no other file passes for it."""
    connection = sqlite3.connect(tmp_path / "keys.db")
    (owner,) = connection.execute("PRAGMA application_id").fetchone()
    connection.close()
    assert owner == 0x6D637033
