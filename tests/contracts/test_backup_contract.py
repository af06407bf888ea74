"""Backups of each kind of store into each: one moment, complete, marked, and never half used."""

import asyncio
import tarfile
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from tests.support.copies import (
    NOW,
    Unplugged,
    everything,
    fill,
    nothing,
    opened_at,
    unplug_after,
    url_at,
)
from tests.support.postgres import postgres_url

from mcpassport import __version__
from mcpassport.audit.chain import link, verify
from mcpassport.errors import DataFolderError
from mcpassport.store import STORES, folder_url
from mcpassport.store.copies.archive import CONTENTS, Manifest, pack, packed
from mcpassport.store.copies.backup import take
from mcpassport.store.copies.restore import Wanted, restore
from mcpassport.store.protocol import Append, Key, Pending, Put
from mcpassport.store.sqlite_open import Schema, connect
from mcpassport.store.unready import REPLAY, mark_of, refuse_unfinished, refuse_unreplayed


@pytest.fixture(params=STORES)
async def source(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a filled deployment."""
    url = url_at(request.param, tmp_path / "source")
    await fill(url)
    return url


@pytest.fixture
async def archives(source: str, tmp_path: Path) -> tuple[Path, Path]:
    """A backup of its data, and one of its keys."""
    paths = tmp_path / "data.backup", tmp_path / "keys.backup"
    await take(source, "data", paths[0], NOW, nothing)
    await take(source, "keys", paths[1], NOW, nothing)
    return paths


def wanted(archives: tuple[Path, Path], url: str) -> list[Wanted]:
    return [Wanted("data", archives[0], url), Wanted("keys", archives[1], url)]


@pytest.mark.parametrize("engine", STORES)
async def test_a_backup_restores_to_any_engine(
    source: str, archives: tuple[Path, Path], tmp_path: Path, engine: str
) -> None:
    """Everything is there as it was, but it does not serve before the replay."""
    target = url_at(engine, tmp_path / "target")
    steps: list[tuple[int, int]] = []
    manifest = await restore(wanted(archives, target), NOW, lambda *step: steps.append(step))
    assert manifest.taken_at == NOW
    assert await everything(target) == await everything(source)
    assert engine == "sqlite" or steps[-1][0] == steps[-1][1]
    async with opened_at(target) as parts:
        await refuse_unfinished(parts.store)
        with pytest.raises(DataFolderError, match="would work again"):
            await refuse_unreplayed(parts.store)
        mark = await mark_of(parts.store)
        assert mark is not None
        assert (mark.taken_at, mark.logs) == (NOW, ())


async def test_the_source_of_a_backup_serves_on(source: str, archives: tuple[Path, Path]) -> None:
    """The mark is in the copy only; and the copy of the data holds no key."""
    async with opened_at(source) as parts:
        await refuse_unreplayed(parts.store)
        keys = [key.wrapped for key in await parts.keys.page() if key.wrapped]
    assert len(keys) == 6
    data = archives[0].read_bytes()
    assert not [key for key in keys if key in data]
    assert all(key in archives[1].read_bytes() for key in keys)


async def test_a_backup_that_is_unpacked_by_hand_does_not_serve_either(
    archives: tuple[Path, Path], tmp_path: Path
) -> None:
    """The mark is among the records."""
    folder = tmp_path / "by hand"
    for archive in archives:
        with tarfile.open(archive) as held:
            held.extractall(folder, filter="data")
    async with opened_at(folder_url(folder)) as parts:
        with pytest.raises(DataFolderError, match="store replay"):
            await refuse_unreplayed(parts.store)


async def test_a_backup_of_an_unreplayed_one_keeps_its_mark(
    archives: tuple[Path, Path], tmp_path: Path
) -> None:
    """What the first backup did not know, the second knows no better."""
    target, later = folder_url(tmp_path / "target"), tmp_path / "later.backup"
    await restore(wanted(archives, target), NOW, nothing)
    await take(target, "data", later, datetime(2030, 1, 1, tzinfo=NOW.tzinfo), nothing)
    again = folder_url(tmp_path / "again")
    await restore(wanted((later, archives[1]), again), NOW, nothing)
    async with opened_at(again) as parts:
        mark = await mark_of(parts.store)
        assert mark is not None
        assert mark.taken_at == NOW


async def test_a_backup_while_others_write_is_of_one_moment(source: str, tmp_path: Path) -> None:
    """Each change is there with its event, in the outbox or in its chain, or not at all."""
    stop = asyncio.Event()

    async def writer(name: int) -> None:
        async with opened_at(source) as (store, audit, _):
            number = 0
            while not stop.is_set():
                event = f"{name}-{number:04d}"
                key = Key("change", "busy", event)
                await store.write([Put(key, b""), Append(event, "busy", event.encode())])
                await audit.append([Pending("busy", event.encode(), event)], link)
                await store.outbox_done([event])
                number += 1
                await asyncio.sleep(0)

    writers = [asyncio.create_task(writer(name)) for name in range(2)]
    await asyncio.sleep(0.3)
    for number in range(3):
        archive = tmp_path / f"{number}.backup"
        taking = take(source, "data", archive, NOW, nothing)
        await asyncio.to_thread(asyncio.run, taking)
    stop.set()
    await asyncio.gather(*writers)
    for number in range(3):
        target = folder_url(tmp_path / f"target{number}")
        await restore([Wanted("data", tmp_path / f"{number}.backup", target)], NOW, nothing)
        async with opened_at(target) as (store, audit, _):
            changes = {entry.key.id async for entry in store.scan("change", "busy")}
            waiting = {event.event_id for event in await store.outbox(10_000)}
            rows = await audit.rows("busy", limit=100_000)
            assert verify(rows) is None
            told = {row.body.decode() for row in rows}
            assert changes
            assert changes <= told | waiting
            if source.startswith("postgresql"):
                assert told <= changes


async def test_a_restore_into_a_database_that_was_broken_off_goes_on(
    source: str, archives: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database opens for nobody; the same backup completes it, and no other does."""
    target = postgres_url(tmp_path / "target")
    plug_in = unplug_after(monkeypatch, 12)
    with pytest.raises(Unplugged):
        await restore(wanted(archives, target), NOW, nothing)
    plug_in()
    async with opened_at(target) as parts:
        with pytest.raises(DataFolderError, match="A copy from the backup of"):
            await refuse_unfinished(parts.store)
    async with opened_at(source) as parts:
        await parts.store.write([Put(Key("account", "acme", "later"), b"later")])
    later = tmp_path / "later.backup"
    await take(source, "data", later, NOW, nothing)
    with pytest.raises(DataFolderError, match="the beginning of a copy from the backup"):
        await restore(wanted((later, archives[1]), target), NOW, nothing)
    await restore(wanted(archives, target), NOW, nothing)
    async with opened_at(target) as parts:
        await refuse_unfinished(parts.store)
        assert await parts.store.get_many([Key("account", "acme", "later")]) == [None]
        assert await parts.store.get_many([REPLAY]) != [None]
    other = postgres_url(tmp_path / "other")
    async with opened_at(other) as parts:
        await parts.store.write([Put(Key("thing", "t", "a"), b"mine")])
    with pytest.raises(DataFolderError, match="it is not empty"):
        await restore(wanted(archives, other), NOW, nothing)


async def test_keys_may_go_to_a_place_of_their_own(
    source: str, archives: tuple[Path, Path], tmp_path: Path
) -> None:
    """Each archive has its target, of any engine."""
    records, keys = postgres_url(tmp_path / "records"), folder_url(tmp_path / "keys")
    both = [Wanted("data", archives[0], records), Wanted("keys", archives[1], keys)]
    await restore(both, NOW, nothing)
    assert (await everything(keys))["keys"] == (await everything(source))["keys"]
    found = await everything(records)
    assert found["keys"] == []
    assert found["records"] == (await everything(source))["records"]


@pytest.mark.parametrize("engine", STORES)
async def test_a_backup_of_an_earlier_release_is_brought_up_to_date(
    tmp_path: Path, engine: str
) -> None:
    """Its files know fewer schema steps; what they hold arrives."""
    work, archive = tmp_path / "work", tmp_path / "old.backup"
    work.mkdir()
    files = {}
    for part in CONTENTS["data"]:
        schema: Schema = part.sqlite._replace(steps=part.sqlite.steps[:1])
        for connection in connect(work / part.file, schema):
            connection.close()
        files[part.file] = packed(work / part.file, 1)
    old: dict[str, Any] = {"version": __version__, "taken_at": NOW, "files": files}
    pack(work, Manifest(kind="data", **old), archive)
    target = url_at(engine, tmp_path / "target")
    await restore([Wanted("data", archive, target)], NOW, nothing)
    async with opened_at(target) as (store, audit, _):
        await store.write([Put(Key("thing", "t", "a"), b"1")])
        await audit.append([Pending("t", b"1", opens="r")], link)
        assert len(await audit.open_rows()) == 1
        assert await audit.checkpoints("t") == []
