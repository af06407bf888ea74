"""Copies from each kind of store to each: everything arrives, broken off or not, or it is told."""

import os
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tests.support.copies import (
    MASTER,
    NOW,
    TENANTS,
    Opened,
    Unplugged,
    everything,
    fill,
    nothing,
    opened_at,
    unplug_after,
    url_at,
)
from tests.support.postgres import postgres_url
from tests.support.stores import SteppingClock

from mcpassport.audit.chain import link, verify
from mcpassport.audit.edge import EDGE
from mcpassport.audit.whole import broken_at
from mcpassport.errors import DataFolderError, UsageError
from mcpassport.store import (
    STORES,
    folder_of,
)
from mcpassport.store.copies import carry, transfer
from mcpassport.store.copies.layout import DATA, LEFT_OUT, PARTS
from mcpassport.store.copies.migrate import Plan, Report, look, migrate
from mcpassport.store.copies.sides import opened
from mcpassport.store.keys import open_keys
from mcpassport.store.postgres_open import address_of
from mcpassport.store.protocol import (
    Append,
    Key,
    Pending,
    Put,
)
from mcpassport.store.unready import refuse_unfinished


def plan(source: str, target: str) -> Plan:
    return Plan(source, target, source, target)


async def unchecked(_chains: Any) -> None:
    """Nothing more is checked."""


async def moved(source: str, target: str, **how: Any) -> Report:
    return await migrate(plan(source, target), NOW, nothing, unchecked, **how)


@pytest.fixture(params=[f"{one} to {other}" for one in STORES for other in STORES])
async def ways(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str]:
    """URLs of a filled source and of an empty target."""
    source, target = request.param.split(" to ")
    urls = url_at(source, tmp_path / "source"), url_at(target, tmp_path / "target")
    await fill(urls[0])
    return urls


async def test_everything_arrives(ways: tuple[str, str]) -> None:
    """Records, outbox, chains, what is open, checkpoints, counts and keys; the source stays."""
    source, target = ways
    before = await everything(source)
    seen: list[list[str]] = []
    steps: list[tuple[int, int]] = []

    async def checked(chains: Any) -> None:
        seen.append(sorted(chains))

    report = await migrate(plan(*ways), NOW, lambda *step: steps.append(step), checked)
    assert await everything(target) == before == await everything(source)
    assert seen == [sorted([*TENANTS, EDGE])]
    assert (report.rows["records"], report.rows["keys"], report.resumed) == (145, 8, False)
    assert "leases" not in report.rows
    assert steps[-1][0] == steps[-1][1] == 3 * sum(report.rows.values())
    assert steps == sorted(steps)


async def test_what_arrived_goes_on(ways: tuple[str, str]) -> None:
    """Chains link on, events keep their order, known events stay known, leases are free."""
    await moved(*ways)
    async with opened_at(ways[1]) as (store, audit, keystore):
        await refuse_unfinished(store)
        await store.write([Append("later", "acme", b"later")])
        assert [event.event_id for event in await store.outbox()] == ["e1", "e2", "later"]
        await audit.append(
            [Pending("acme", b"again", "e0"), Pending("acme", b"end", closes="r1")], link
        )
        assert [row.body for row in await audit.rows("acme", after=21)] == [b"open", b"end"]
        assert verify(await audit.rows("acme", limit=100)) is None
        await audit.append([Pending("zeta", b"on")], link)
        assert [await broken_at(audit, chain) for chain in TENANTS] == [None] * 3
        assert [row.body for row in await audit.open_rows()] == [b"a"]
        assert await store.lease("job:purge", 10) == 1
        keys = await open_keys(
            keystore, MASTER, clock=SteppingClock(), random=os.urandom, expected=True
        )
        assert await keys.tenant_key("acme", 1)
        assert await keys.find_tenant_key("zeta", 1) is None
        assert await keys.create_tenant_key("zeta") == 2


@pytest.mark.parametrize("batches", [0, 5, 30])
async def test_a_copy_that_was_broken_off_goes_on(
    ways: tuple[str, str], monkeypatch: pytest.MonkeyPatch, batches: int
) -> None:
    """Wherever it stopped, the target serves nobody, and the next run completes it."""
    plug_in = unplug_after(monkeypatch, batches)
    with pytest.raises(Unplugged):
        await moved(*ways)
    async with opened_at(ways[1]) as parts:
        with pytest.raises(DataFolderError, match="is not complete"):
            await refuse_unfinished(parts.store)
    assert (await look(plan(*ways), NOW, nothing)).resumed
    plug_in()
    assert (await moved(*ways)).resumed
    assert await everything(ways[1]) == await everything(ways[0])
    async with opened_at(ways[1]) as parts:
        await refuse_unfinished(parts.store)


async def test_a_source_that_changed_since_is_found(
    ways: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A changed, a new and a lost row behind what was copied; begun anew, the copy is right."""
    plug_in = unplug_after(monkeypatch, 25)
    with pytest.raises(Unplugged):
        await moved(*ways)
    async with opened_at(ways[0]) as parts:
        await parts.store.write([Put(Key("account", "acme", "indexed"), b"changed")])
        await parts.store.write([Put(Key("account", "new", "one"), b"new")])
        await parts.audit.forget("acme", 4)
    plug_in()
    with pytest.raises(DataFolderError) as refused:
        await moved(*ways)
    for group in ("chained acme", "records account acme", "records account new"):
        assert group in str(refused.value)
    assert "--restart" in str(refused.value)
    assert not (await moved(*ways, restart=True)).resumed
    assert await everything(ways[1]) == await everything(ways[0])


async def test_a_place_that_holds_something_is_not_filled(ways: tuple[str, str]) -> None:
    """Neither records nor keys nor audit rows are replaced, not even with --restart."""
    made: list[Callable[[Opened], Awaitable[object]]] = [
        lambda parts: parts.store.write([Put(Key("thing", "t", "a"), b"mine")]),
        lambda parts: parts.audit.append([Pending("t", b"mine")], link),
        lambda parts: parts.keys.add_next("tenant", "t", lambda _: b"mine"),
    ]
    for number, make in enumerate(made):
        target = f"{ways[1]}{number}"
        async with opened_at(target) as parts:
            await make(parts)
        before = await everything(target)
        for restart in (False, True):
            with pytest.raises(DataFolderError, match="it is not empty"):
                await moved(ways[0], target, restart=restart)
        (refusal,) = (await look(plan(ways[0], target), NOW, nothing)).refusals
        assert "it is not empty" in refusal
        assert await everything(target) == before


async def test_a_half_done_copy_of_another_source_is_not_gone_on_with(
    ways: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is named; what it brought goes only when that is asked for."""
    plug_in = unplug_after(monkeypatch, 20)
    with pytest.raises(Unplugged):
        await moved(*ways)
    plug_in()
    other = url_at("sqlite", tmp_path / "other")
    await fill(other)
    with pytest.raises(DataFolderError, match="the beginning of a copy from"):
        await moved(other, ways[1])
    with pytest.raises(DataFolderError, match="a copy into it is not complete"):
        await moved(ways[1], url_at("sqlite", tmp_path / "third"))
    await moved(other, ways[1], restart=True)
    assert await everything(ways[1]) == await everything(other)


async def test_what_is_served_is_not_copied(ways: tuple[str, str]) -> None:
    """A process that holds its lease serves the source; once the lease lapsed, it is copied."""
    clock = SteppingClock()
    async with opened_at(ways[0], clock) as parts:
        await parts.store.lease("process:one", 10)
    with pytest.raises(DataFolderError, match="a process serves it"):
        await moved(*ways)
    (refusal,) = (await look(plan(*ways), NOW, nothing)).refusals
    assert "12:00:10 UTC" in refusal
    after = NOW + timedelta(seconds=10)
    await migrate(plan(*ways), after, nothing, unchecked)


async def is_locked(url: str) -> bool:
    """Whether somebody else's write to the records has to wait."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(folder_of(url) / "data.db", timeout=0.05)) as connection:
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return True
            return False
    address = address_of(url)
    connection = await asyncpg.connect(address.dsn.in_full())
    try:
        await connection.execute("SET lock_timeout = 50")
        await connection.execute(f"DELETE FROM {address.schema}.records WHERE id = 'none'")
    except asyncpg.LockNotAvailableError:
        return True
    finally:
        await connection.close()
    return False


async def test_nobody_writes_to_the_source_meanwhile(
    ways: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the first row to the last comparison; before and afterwards everybody may."""
    real, locked = transfer.copy, []

    async def copy(*sides: Any) -> None:
        locked.append(await is_locked(ways[0]))
        await real(*sides)

    async def checked(_chains: Any) -> None:
        locked.append(await is_locked(ways[0]))

    monkeypatch.setattr(carry, "copy", copy)
    assert not await is_locked(ways[0])
    await migrate(plan(*ways), NOW, nothing, checked)
    assert locked == [True] * 3
    assert not await is_locked(ways[0])


async def test_a_check_that_fails_leaves_the_target_closed(ways: tuple[str, str]) -> None:
    """What the caller's own check raises is raised; the next run may end well."""

    async def checked(_chains: Any) -> None:
        raise Unplugged

    with pytest.raises(Unplugged):
        await migrate(plan(*ways), NOW, nothing, checked)
    async with opened_at(ways[1]) as parts:
        with pytest.raises(DataFolderError, match="is not complete"):
            await refuse_unfinished(parts.store)
    assert (await moved(*ways)).resumed


async def test_a_look_changes_nothing(ways: tuple[str, str], tmp_path: Path) -> None:
    """It counts; neither side is touched, and the target is not even made."""
    before = await everything(ways[0])
    report = await look(plan(*ways), NOW, nothing)
    assert (report.refusals, report.resumed, report.rows["records"]) == ((), False, 145)
    assert await everything(ways[0]) == before
    assert not (tmp_path / "target").exists()
    if ways[1].startswith("postgresql"):
        connection = await asyncpg.connect(address_of(ways[1]).dsn.in_full())
        query = "SELECT count(*) FROM pg_namespace WHERE starts_with(nspname, $1)"
        assert await connection.fetchval(query, address_of(ways[1]).schema) == 0
        await connection.close()


async def test_keys_may_stay_where_they_are(ways: tuple[str, str], tmp_path: Path) -> None:
    """Named as their own source and target, they are neither copied nor looked for."""
    at = url_at("sqlite", tmp_path / "keys")
    report = await migrate(Plan(*ways, at, at), NOW, nothing, unchecked)
    assert "keys" not in report.rows
    async with opened_at(ways[1]) as parts:
        assert await parts.keys.page() == []


async def test_a_copy_onto_itself_and_of_nothing_is_refused(
    ways: tuple[str, str], tmp_path: Path
) -> None:
    """Both are slips."""
    with pytest.raises(UsageError, match="the same"):
        await moved(ways[0], ways[0])
    kind = ways[0].partition(":")[0]
    with pytest.raises(UsageError, match="holds nothing"):
        await moved(url_at(kind, tmp_path / "nothing"), ways[1])


async def test_a_database_that_programs_are_connected_to_is_not_filled(tmp_path: Path) -> None:
    """A server that runs on the empty target would be handed records under its feet."""
    ways = url_at("sqlite", tmp_path / "source"), postgres_url(tmp_path / "target")
    await fill(ways[0])
    async with opened_at(ways[1]) as parts:
        await parts.store.outbox()
        with pytest.raises(DataFolderError, match="programs of mcpassport are connected"):
            await moved(*ways)
    await moved(*ways)


async def test_texts_that_a_database_cannot_hold_are_found_beforehand(tmp_path: Path) -> None:
    """A dry run names the table; the copy itself fails plainly and serves nobody."""
    ways = url_at("sqlite", tmp_path / "source"), postgres_url(tmp_path / "target")
    await fill(ways[0])
    async with opened_at(ways[0]) as parts:
        await parts.store.write([Append("nul\0", "acme", b"")])
    (refusal,) = (await look(plan(*ways), NOW, nothing)).refusals
    assert refusal.startswith("outbox: 1 rows hold the character NUL")
    with pytest.raises(DataFolderError):
        await moved(*ways)


async def test_both_engines_have_the_same_tables_and_columns(tmp_path: Path) -> None:
    """A copy takes every table of every part, since the layouts cannot drift apart."""
    url = postgres_url(tmp_path)
    address = address_of(url)
    async with opened_at(url) as (store, audit, keys):
        await store.outbox()
        await audit.open_rows()
        await keys.page()
    connection = await asyncpg.connect(address.dsn.in_full())
    for part in PARTS.values():
        rows = await connection.fetch(
            "SELECT table_name, column_name FROM information_schema.columns "
            "WHERE table_schema = $1 ORDER BY table_name, ordinal_position",
            address.schema + part.postgres.suffix,
        )
        found: dict[str, list[str]] = {}
        for table, column in rows:
            found.setdefault(table, []).append(column)
        assert LEFT_OUT & found.keys() == (LEFT_OUT if part.name == "records" else set())
        assert {
            name: columns
            for name, columns in found.items()
            if name not in {*LEFT_OUT, "schema_version"}
        } == {table.name: list(table.columns) for table in part.tables}
        assert len(part.postgres.steps) == len(part.sqlite.steps)
    await connection.close()


async def test_a_database_is_read_as_it_is_at_one_moment(tmp_path: Path) -> None:
    """While events move from the outbox into their chain, a copy has each of them once."""
    url = postgres_url(tmp_path / "source")
    await fill(url)
    async with opened_at(url) as (store, audit, _):
        async with opened(url, DATA, "read") as side:
            outbox = next(table for table in DATA[0].tables if table.name == "outbox")
            chained = next(table for table in DATA[1].tables if table.name == "chained")
            seen = [row async for row in side.rows(DATA[0], outbox)]
            await audit.append([Pending("acme", b"1", "e1"), Pending("acme", b"2", "e2")], link)
            await store.outbox_done(["e1", "e2"])
            rows = [row async for row in side.rows(DATA[1], chained)]
        place = chained.columns.index("event_id")
        assert len(seen) == 2
        assert not {"e1", "e2"} & {row[place] for row in rows}
        assert await store.outbox() == []
