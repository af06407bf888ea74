"""What only the file of keys promises: whose it is, and that what was replaced is gone from it."""

import os
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support.stores import SteppingClock

from mcpassport.records.masked import KeyMaterial
from mcpassport.store.keys import Keys, open_keys
from mcpassport.store.keystore import KeyName
from mcpassport.store.sqlite_keys import SqliteKeys

MASTER = KeyMaterial(bytes(range(32)))


@pytest.fixture
async def stored(tmp_path: Path) -> AsyncIterator[SqliteKeys]:
    store = SqliteKeys(tmp_path / "keys.db")
    yield store
    await store.close()


@pytest.fixture
async def keys(stored: SqliteKeys) -> Keys:
    return await open_keys(stored, MASTER, clock=SteppingClock(), random=os.urandom)


def contents(folder: Path) -> bytes:
    """Every byte of every file."""
    return b"".join(path.read_bytes() for path in folder.iterdir())


async def wrapped(store: SqliteKeys, name: KeyName) -> bytes:
    found = await store.read(name)
    assert found is not None
    assert found.wrapped is not None
    return found.wrapped


async def test_destroyed_keys_leave_no_trace_in_the_files(
    keys: Keys, stored: SqliteKeys, tmp_path: Path
) -> None:
    """The wrapped key is overwritten in the file and not left in the journal."""
    await keys.create_tenant_key("a")
    mark = (await wrapped(stored, KeyName("tenant", "a")))[-40:]
    assert mark in contents(tmp_path)
    await keys.destroy_tenant_keys("a")
    assert mark not in contents(tmp_path)


async def test_a_replaced_key_leaves_no_trace_in_the_files(
    keys: Keys, stored: SqliteKeys, tmp_path: Path
) -> None:
    """After a key is wrapped anew, what an old master key opens is in no file."""
    await keys.token_keys()
    before = await wrapped(stored, KeyName("token"))
    assert await stored.replace(KeyName("token"), before, os.urandom(61))
    assert before[-40:] not in contents(tmp_path)


async def test_no_key_is_stored_in_the_clear(keys: Keys, tmp_path: Path) -> None:
    """Neither raw keys nor the master key are in any file of the folder."""
    await keys.create_tenant_key("a")
    secrets = [(await keys.token_keys()).current.key, await keys.tenant_key("a", 1), MASTER]
    await keys.close()
    content = contents(tmp_path)
    assert not [key for key in secrets if key.unwrap() in content]


@pytest.mark.usefixtures("keys")
def test_a_new_key_file_names_itself_as_ours(tmp_path: Path) -> None:
    """The header of the file says whose it is, so that no other file passes for it."""
    connection = sqlite3.connect(tmp_path / "keys.db")
    (owner,) = connection.execute("PRAGMA application_id").fetchone()
    connection.close()
    assert owner == 0x6D637033
