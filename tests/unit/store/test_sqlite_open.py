"""Opening SQLite files: what is refused, in which words, and that nothing is overwritten."""

import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest
from tests.support.stores import SteppingClock

from mcpassport.errors import DataFolderError, InvalidSettings
from mcpassport.store import open_audit, open_store
from mcpassport.store.keystore import KeyStore
from mcpassport.store.protocol import AuditStore, Key, Put, Store
from mcpassport.store.sqlite import SqliteStore
from mcpassport.store.sqlite_audit import SqliteAudit
from mcpassport.store.sqlite_keys import SqliteKeys

Opener: TypeAlias = Callable[[Path], Store | AuditStore | KeyStore]
KEY = Key("thing", "t", "a")


OPENERS: dict[str, Opener] = {
    "records": lambda path: SqliteStore(path, clock=SteppingClock()),
    "audit rows": SqliteAudit,
    "keys": SqliteKeys,
}


@pytest.fixture(params=list(OPENERS))
def opener(request: pytest.FixtureRequest) -> Opener:
    return OPENERS[request.param]


def refusal(path: Path, opener: Opener = OPENERS["records"]) -> str:
    with pytest.raises(DataFolderError) as refused:
        opener(path)
    assert refused.value.__cause__ is None
    return str(refused.value)


async def test_the_folder_and_its_files_are_private(tmp_path: Path, opener: Opener) -> None:
    """A new folder is 0700 and every file in it 0600, whatever the umask."""
    before = os.umask(0)
    try:
        store = opener(tmp_path / "data" / "file.db")
        files = list((tmp_path / "data").iterdir())
        assert len(files) == 3
        assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
        assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
    finally:
        os.umask(before)
    await store.close()


def test_a_missing_folder_is_created_only_below_an_existing_one(tmp_path: Path) -> None:
    """A path with several missing folders is more likely a slip than a wish."""
    message = refusal(tmp_path / "no" / "such" / "data.db")
    assert message == (
        f"{tmp_path}/no/such: the folder above does not exist. Create it, or correct the setting."
    )


@pytest.mark.parametrize("tail", ["data.db", "folder/data.db", "folder/deeper/data.db"])
def test_a_file_in_place_of_a_folder_is_told(tmp_path: Path, tail: str) -> None:
    """A data folder that is a file, or lies below one, is refused."""
    (tmp_path / "file").write_text("x")
    message = refusal(tmp_path / "file" / tail)
    assert "folder" in message
    assert str(tmp_path) in message
    assert (tmp_path / "file").read_text() == "x"


def test_a_folder_in_place_of_the_file_is_told(tmp_path: Path) -> None:
    """A folder called like the database is refused."""
    (tmp_path / "data.db").mkdir()
    assert "a folder stands where a file belongs" in refusal(tmp_path / "data.db")


def test_a_pipe_in_place_of_the_file_is_told(tmp_path: Path) -> None:
    """Opening never hangs on what is not a file."""
    os.mkfifo(tmp_path / "data.db")
    assert "not a regular file" in refusal(tmp_path / "data.db")


@pytest.mark.parametrize("folder", ["/proc", "/proc/data", "/sys", "/sys/kernel/data"])
def test_a_folder_that_takes_no_files_is_told(folder: str) -> None:
    """Where no file can be created, the message names the place and the way out."""
    message = refusal(Path(folder) / "data.db")
    assert message.startswith(folder)
    assert "Choose another data folder" in message


@pytest.mark.parametrize(
    "content",
    [b"not a database at all", b"\0" * 4096, b"SQLite format 3\0" + b"\xff" * 4080],
    ids=["text", "zeros", "header"],
)
def test_what_is_no_database_is_left_alone(tmp_path: Path, opener: Opener, content: bytes) -> None:
    """A file that is not a database is refused and stays as it was, byte for byte."""
    path = tmp_path / "file.db"
    path.write_bytes(content)
    message = refusal(path, opener)
    assert str(path) in message
    assert "Nothing was changed" in message
    assert path.read_bytes() == content


async def filled(path: Path) -> None:
    store = SqliteStore(path, clock=SteppingClock())
    await store.write([Put(Key("thing", "t", str(number)), b"x" * 500) for number in range(500)])
    await store.close()


@pytest.mark.parametrize("page", [0, 1, 2, 20, 60])
async def test_a_damaged_file_is_told_and_left_alone(tmp_path: Path, page: int) -> None:
    """Damage in any part of the file is found when it is opened, and nothing is overwritten."""
    path = tmp_path / "data.db"
    await filled(path)
    content = bytearray(path.read_bytes())
    start = page * 4096 + (0 if page else 100)
    content[start : start + 600] = b"\xaa" * 600
    path.write_bytes(content)
    message = refusal(path)
    assert "damaged" in message
    assert "restore it from a backup" in message
    assert path.read_bytes() == content


async def test_a_file_cut_short_is_told(tmp_path: Path) -> None:
    """A file that lost its end is damaged."""
    path = tmp_path / "data.db"
    await filled(path)
    os.truncate(path, path.stat().st_size // 2)
    assert "damaged" in refusal(path)


async def test_a_journal_without_its_database_is_kept(tmp_path: Path) -> None:
    """When the database is gone but its journal is left, what the journal holds is not dropped."""
    path = tmp_path / "data.db"
    (tmp_path / "data.db-wal").write_bytes(b"perhaps the only copy")
    assert "the database is gone" in refusal(path)
    assert (tmp_path / "data.db-wal").read_bytes() == b"perhaps the only copy"


async def test_a_database_of_a_newer_release_is_refused(tmp_path: Path, opener: Opener) -> None:
    """A schema that this program does not know yet is named, and the file is not touched."""
    path = tmp_path / "file.db"
    await opener(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 7")
    connection.close()
    content = path.read_bytes()
    message = refusal(path, opener)
    assert "a newer release wrote" in message
    assert "schema 7" in message
    assert path.read_bytes() == content


@pytest.mark.parametrize("other", list(OPENERS))
async def test_one_of_our_files_is_not_taken_for_another(
    tmp_path: Path, opener: Opener, other: str
) -> None:
    """Records, audit rows and keys are told apart, so a mixed-up backup is noticed."""
    path = tmp_path / "file.db"
    await OPENERS[other](path).close()
    if OPENERS[other] is opener:
        await opener(path).close()
    else:
        assert "not one of our" in refusal(path, opener)


def test_the_database_of_another_program_is_refused(tmp_path: Path, opener: Opener) -> None:
    """A sound database that is not ours is left alone."""
    path = tmp_path / "file.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    content = path.read_bytes()
    assert "not one of our" in refusal(path, opener)
    assert path.read_bytes() == content


async def test_an_empty_file_is_a_new_database(tmp_path: Path, opener: Opener) -> None:
    """A crash right after the file was created does not lock the deployment out."""
    (tmp_path / "file.db").touch()
    await opener(tmp_path / "file.db").close()


async def test_a_read_only_database_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that can be read but not written is refused when it is opened, not later."""
    path = tmp_path / "data.db"
    await filled(path)
    connect = sqlite3.connect
    monkeypatch.setattr(
        sqlite3, "connect", lambda name, **options: connect(name.replace("=rw", "=ro"), **options)
    )
    assert "cannot be written" in refusal(path)


OPEN_LIMITED = """
import resource, sys
from mcpassport.errors import DataFolderError
from mcpassport.store import open_store
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    open_store(f"sqlite:///{sys.argv[1]}")
except DataFolderError as error:
    print(error)
"""
OPEN_BOTH = """
import os, sys
from mcpassport.store import open_audit, open_store
stores = [open_store(f"sqlite:///{sys.argv[1]}"), open_audit(f"sqlite:///{sys.argv[1]}")]
os._exit(0)
"""


def start(program: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)], text=True, stdout=subprocess.PIPE
    )


def finish(process: subprocess.Popen[str]) -> str:
    shown, _ = process.communicate()
    assert process.returncode == 0
    return shown


@pytest.mark.parametrize("size", [0, 5_000, 33_000, 50_000])
async def test_a_disk_that_is_full_at_the_start_is_told(tmp_path: Path, size: int) -> None:
    """Without room for the tables the start fails plainly, and succeeds once there is room."""
    shown = finish(start(OPEN_LIMITED, tmp_path, size))
    assert str(tmp_path / "data.db") in shown
    assert "free space" in shown.replace("Free some space", "free space")
    store = SqliteStore(tmp_path / "data.db", clock=SteppingClock())
    assert await store.write([Put(KEY, b"1")])
    await store.close()


async def test_many_may_open_a_new_folder_at_once(tmp_path: Path) -> None:
    """Of several processes that start on an empty folder, every one gets a working store."""
    for process in [start(OPEN_BOTH, tmp_path) for _ in range(6)]:
        finish(process)
    store = SqliteStore(tmp_path / "data.db", clock=SteppingClock())
    assert await store.write([Put(KEY, b"1")])
    await store.close()


async def test_a_url_opens_the_files_of_its_folder(tmp_path: Path) -> None:
    """Records and audit trail lie in files of their own in the folder that the URL names."""
    folder = tmp_path / "a folder, 100%?"
    url = f"sqlite:///{tmp_path}/a%20folder,%20100%25%3F"
    store, audit = open_store(url), open_audit(url)
    await store.write([Put(KEY, b"1")])
    await store.close()
    await audit.close()
    assert sorted(path.name for path in folder.iterdir()) == ["audit.db", "data.db"]


@pytest.mark.parametrize(
    "url",
    ["", "data", "sqlite:", "sqlite:///data", "sqlite://data", "sqlite:////a?x", "sqlite:////a#b"],
)
def test_a_url_without_an_absolute_folder_is_refused(url: str) -> None:
    """What is not the whole path of a folder is a mistake in the settings."""
    with pytest.raises(InvalidSettings):
        open_store(url)
    with pytest.raises(InvalidSettings):
        open_audit(url)


def test_an_unknown_kind_of_store_is_refused_without_repeating_the_url() -> None:
    """The message names the known kinds; the URL may hold a password and is not shown."""
    with pytest.raises(InvalidSettings) as refused:
        open_store("mysql://user:hunter2@host/data")
    assert "sqlite:" in str(refused.value)
    assert "hunter2" not in str(refused.value)
