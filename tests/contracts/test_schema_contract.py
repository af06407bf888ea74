"""Schema steps on every kind of store: once, forward only, and beside a program that serves."""

import asyncio
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest
from tests.support.load import Load
from tests.support.postgres import postgres_url
from tests.support.schemas import DIED, MODULES, become_later, later_steps, open_all
from tests.support.stores import Backend, SteppingClock

from mcpassport.audit.chain import link, verify
from mcpassport.errors import DataFolderError, StoreUnavailable
from mcpassport.store import postgres_open
from mcpassport.store.postgres import PostgresStore
from mcpassport.store.postgres_open import address_of
from mcpassport.store.protocol import Key, Pending, Put
from mcpassport.store.sqlite_open import examine, open_file

ROOT = Path(__file__).parents[2]
FILES = {"records": "data.db", "audit": "audit.db", "keys": "keys.db"}
STARTS = 4


def start(kind: str, folder: Path, release: str) -> subprocess.Popen[str]:
    """A process of another release, which opens everything once it is told to go."""
    command = [sys.executable, "-m", "tests.support.schemas", kind, str(folder), release]
    return subprocess.Popen(
        command,
        cwd=ROOT,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def ended(processes: list[subprocess.Popen[str]]) -> list[tuple[int, str]]:
    """Let all of them go at the same moment; how each ended, and what it said."""
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [process.communicate(timeout=120) for process in processes]
    return [
        (process.returncode, "".join(text)) for process, text in zip(processes, said, strict=True)
    ]


async def versions(kind: str, folder: Path) -> dict[str, int]:
    """The version of each part as it is stored."""
    found = {}
    if kind == "sqlite":
        for part, module in MODULES[kind].items():
            path = folder / FILES[part]
            connection = open_file(path, "ro", 1)
            known = module.SCHEMA._replace(steps=module.SCHEMA.steps + ((),) * 9)
            found[part] = examine(connection, path, known)
            connection.close()
        return found
    address = address_of(postgres_url(folder))
    connection = await asyncpg.connect(address.dsn.in_full())
    for part, module in MODULES[kind].items():
        query = f"SELECT version FROM {address.schema}{module.SCHEMA.suffix}.schema_version"
        found[part] = await connection.fetchval(query)
    await connection.close()
    return found


async def later_rows(kind: str, folder: Path) -> list[int]:
    """How often a later release's step was done, for each part."""
    if kind == "sqlite":
        counts = []
        for file in FILES.values():
            connection = open_file(folder / file, "ro", 1)
            counts.append(connection.execute("SELECT count(*) FROM later_table").fetchone()[0])
            connection.close()
        return counts
    address = address_of(postgres_url(folder))
    connection = await asyncpg.connect(address.dsn.in_full())
    counts = [
        await connection.fetchval(
            f"SELECT count(*) FROM {address.schema}{module.SCHEMA.suffix}.later_table"
        )
        for module in MODULES[kind].values()
    ]
    await connection.close()
    return counts


def known(kind: str, more: int = 0) -> dict[str, int]:
    return {part: len(module.SCHEMA.steps) + more for part, module in MODULES[kind].items()}


def added(kind: str) -> int:
    return len(later_steps(kind, "records"))


@pytest.mark.parametrize("begin", ["nothing", "an earlier release", "this release"])
async def test_of_several_that_start_at_once_one_takes_each_step(
    backend: Backend, kind: str, tmp_path: Path, begin: str
) -> None:
    """All of them open; from whatever release they come, each step is taken once."""
    if begin == "an earlier release":
        assert await asyncio.to_thread(ended, [start(kind, tmp_path, "earlier")]) == [(0, "done\n")]
        assert await versions(kind, tmp_path) == dict.fromkeys(FILES, 1)
    elif begin == "this release":
        await open_all(backend, tmp_path)
        assert await versions(kind, tmp_path) == known(kind)
    starting = [start(kind, tmp_path, "later") for _ in range(STARTS)]
    assert await asyncio.to_thread(ended, starting) == [(0, "done\n")] * STARTS
    assert await versions(kind, tmp_path) == known(kind, added(kind))
    assert await later_rows(kind, tmp_path) == [1, 1, 1]


async def test_a_start_that_dies_between_any_two_statements_is_made_good_by_the_next(
    kind: str, tmp_path: Path
) -> None:
    """What is left is the schema before a step or after it, and the next start goes on."""
    ((code, said),) = await asyncio.to_thread(ended, [start(kind, tmp_path, "crash")])
    assert code == 0, said
    *died, last = said.splitlines()
    assert len(died) > 3 * 4
    assert {*died} == {f"{DIED} 0"}
    assert last == "0 0"
    for number in range(1, len(died) + 2):
        folder = tmp_path / f"{number:03d}"
        assert await versions(kind, folder) == known(kind, added(kind))
        assert await later_rows(kind, folder) == [1, 1, 1]


async def test_a_program_that_serves_goes_on_while_a_later_one_starts(
    backend: Backend, kind: str, tmp_path: Path
) -> None:
    """Reads, writes, audit rows and keys: none fails while the steps are taken, or afterwards."""
    load = Load(backend, tmp_path)
    for _ in range(20):
        await load.audit.append([Pending("t", b"x" * 200)] * 500, link)
    load.start()
    await load.more(3)
    upgrading = [start(kind, tmp_path, "later") for _ in range(2)]
    assert await asyncio.to_thread(ended, upgrading) == [(0, "done\n")] * 2
    await load.more(20)
    rows = await load.audit.rows("t", limit=20 * 500 + 10_000_000)
    assert verify(rows) is None
    assert len(rows) >= 20 * 500 + 2 * 23
    await load.stop()
    assert await versions(kind, tmp_path) == known(kind, added(kind))


async def open_one(backend: Backend, folder: Path, part: str) -> None:
    """Open one part, as far as that it connects."""
    if part == "records":
        await backend.open_store(folder, SteppingClock()).outbox()
    elif part == "audit":
        await backend.open_audit(folder).open_rows()
    else:
        await backend.open_keystore(folder).page()


@pytest.mark.parametrize("part", FILES)
async def test_a_newer_schema_is_refused_plainly(
    backend: Backend, kind: str, tmp_path: Path, part: str
) -> None:
    """It says what wrote it and what to do; nothing is changed, and the newer program goes on."""
    assert (await asyncio.to_thread(ended, [start(kind, tmp_path, "later")]))[0][0] == 0
    holds = MODULES[kind][part].SCHEMA.holds
    older, newer = known(kind)[part], known(kind, added(kind))[part]
    with pytest.raises(DataFolderError) as refused:
        await open_one(backend, tmp_path, part)
    said = str(refused.value)
    assert f"a newer release wrote these {holds} (schema {newer}, this program knows {older})" in (
        said
    )
    assert "Nothing was changed. Run that release or a later one." in said
    assert await versions(kind, tmp_path) == known(kind, added(kind))
    assert await later_rows(kind, tmp_path) == [1, 1, 1]


@contextmanager
def later_release() -> Iterator[None]:
    """This process is a later release inside of the block."""
    before = {module: module.SCHEMA for module in MODULES["postgresql"].values()}
    become_later("postgresql")
    try:
        yield
    finally:
        for module, schema in before.items():
            module.SCHEMA = schema


async def test_a_step_that_waits_for_a_table_lets_others_go_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind a long transaction it gives up its place in the queue, and asks again."""
    monkeypatch.setattr(postgres_open, "LOCK_MS", 300)
    url = postgres_url(tmp_path)
    serving = PostgresStore(url, clock=SteppingClock())
    await serving.write([Put(Key("thing", "t", "a"), b"1")])
    holder = await asyncpg.connect(address_of(url).dsn.in_full())
    transaction = holder.transaction()
    await transaction.start()
    await holder.execute(f"SELECT * FROM {address_of(url).schema}.records")  # a dump that runs
    with later_release():
        later = PostgresStore(url, clock=SteppingClock())
    starting = asyncio.create_task(later.outbox())
    for number in range(30):
        await serving.write([Put(Key("thing", "t", "a"), b"%d" % number)])
        await asyncio.sleep(0.05)
    assert not starting.done()
    await transaction.rollback()
    await starting
    await holder.close()
    for part in (serving, later):
        await part.close()
    with pytest.raises(DataFolderError, match="a newer release"):
        await PostgresStore(url, clock=SteppingClock()).outbox()


async def test_a_table_that_is_never_free_stops_the_start_plainly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says what holds it up; what serves goes on, and so does the next start."""
    monkeypatch.setattr(postgres_open, "LOCK_MS", 50)
    monkeypatch.setattr(postgres_open, "_LOCK_TRIES", 2)
    url = postgres_url(tmp_path)
    serving = PostgresStore(url, clock=SteppingClock())
    await serving.outbox()
    holder = await asyncpg.connect(address_of(url).dsn.in_full())
    async with holder.transaction():
        await holder.execute(f"SELECT * FROM {address_of(url).schema}.records")
        with later_release():
            later = PostgresStore(url, clock=SteppingClock())
        with pytest.raises(DataFolderError, match="since a table is in use"):
            await later.outbox()
        await serving.write([Put(Key("thing", "t", "a"), b"1")])
    await later.outbox()
    await holder.close()
    for part in (serving, later):
        await part.close()


async def test_who_waits_for_the_steps_of_another_can_be_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Closing does not wait for hours until somebody else has built an index."""
    monkeypatch.setattr("mcpassport.store.postgres_pool.CONNECT_S", 0.5)
    url = postgres_url(tmp_path)
    address = address_of(url)
    holder = await asyncpg.connect(address.dsn.in_full())
    await holder.execute("SELECT pg_advisory_lock(hashtextextended($1, 0))", address.schema)
    store = PostgresStore(url, clock=SteppingClock())
    opening = asyncio.create_task(store.outbox())
    await asyncio.sleep(0.3)
    assert not opening.done()
    async with asyncio.timeout(20):
        await store.close()
        with pytest.raises(StoreUnavailable):
            await opening
    await holder.close()


def test_every_step_only_adds() -> None:
    """What a program that serves does not know cannot disturb it: new tables, columns, indexes."""
    for kind, modules in MODULES.items():
        for module in modules.values():
            for step in module.SCHEMA.steps[1:]:
                made = {table for text in step for table in re.findall(r"CREATE TABLE (\w+)", text)}
                assert not [text for text in step if not only_adds(text, made, kind)]


def only_adds(statement: str, made: set[str], kind: str) -> bool:
    """Whether a program that knows nothing of it works on, and is not held up by it for long."""
    if statement.startswith("CREATE TABLE"):
        return True
    if index := re.match(r"CREATE (?:UNIQUE )?INDEX (CONCURRENTLY )?\w+ ON (\w+)", statement):
        beside = index[1] is not None or kind == "sqlite"
        return index[2] in made or (beside and "UNIQUE" not in statement)
    if statement.startswith("ALTER TABLE"):
        column = re.match(r"ALTER TABLE \w+ ADD COLUMN \w+ \w+(.*)", statement)
        return column is not None and ("NOT NULL" not in column[1] or "DEFAULT" in column[1])
    return statement.startswith("DROP INDEX CONCURRENTLY IF EXISTS")


@pytest.mark.parametrize(
    ("statement", "good"),
    [
        ("CREATE TABLE a (b TEXT)", True),
        ("CREATE UNIQUE INDEX a ON made (b)", True),
        ("CREATE INDEX a ON old (b)", False),
        ("CREATE INDEX CONCURRENTLY a ON old (b)", True),
        ("CREATE UNIQUE INDEX CONCURRENTLY a ON old (b)", False),
        ("ALTER TABLE old ADD COLUMN b TEXT", True),
        ("ALTER TABLE old ADD COLUMN b INTEGER NOT NULL DEFAULT 0", True),
        ("ALTER TABLE old ADD COLUMN b INTEGER NOT NULL", False),
        ("ALTER TABLE old DROP COLUMN b", False),
        ("DROP TABLE old", False),
        ("UPDATE old SET b = 1", False),
    ],
)
def test_a_step_that_does_more_is_found(statement: str, *, good: bool) -> None:
    """The rule bites, in PostgreSQL, where an index over an old table is built beside the work."""
    assert only_adds(statement, {"made"}, "postgresql") == good


def test_every_statement_names_its_columns() -> None:
    """A column that a later release adds disturbs no insert and no row that is read."""
    for path in (ROOT / "src" / "mcpassport" / "store").rglob("*.py"):
        text = path.read_text()
        assert not re.findall(r"SELECT \*", text), path
        for insert in re.findall(r"INSERT (?:OR IGNORE )?INTO (\w+\s*\S)", text):
            assert insert.endswith("("), f"{path}: {insert}"
