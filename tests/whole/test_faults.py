"""Faults of store and audit under the whole app: closed for calls, and back by itself."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path
from secrets import token_bytes
from typing import Any

import pytest
from tests.support.asgi import request
from tests.support.faults import FAULTS, engine, gone
from tests.support.items import GET
from tests.support.lab import Lab, rule
from tests.support.whole import WAYS, Call, Door, Era, World, failed, ok, succeeded, world

from mcpassport.audit.reserve import LOOK_S
from mcpassport.gate.tokens import issue
from mcpassport.limits import SERVER_TOKEN_PREFIX, Limits
from mcpassport.store import AUDIT_FILE, DATA_FILE

CALL = Call(GET, {"id": "1"})
MODERN = WAYS[1]
SLOW = rule("/*", json={"id": "1"}, fault={"kind": "delay", "seconds": 0.3})


@pytest.fixture
async def app(tmp_path: Path, lab: Lab) -> AsyncIterator[World]:
    """A deployment of its own for each fault."""
    async with world(tmp_path, lab) as made:
        yield made


async def open_intents(app: World) -> int:
    return len(await app.house.services.audit_store.open_rows())


async def warm(app: World) -> None:
    """Enough calls that the journal is longer than what a full disk lets it be."""
    for _ in range(12):
        succeeded(await app.call(MODERN, CALL, ok()))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("fault", FAULTS)
async def test_without_its_audit_nothing_is_called(
    app: World, fault: str, way: tuple[Door, Era]
) -> None:
    """The call is refused and safe to repeat, nothing is sent; without the fault all is well."""
    await warm(app)
    services = app.house.services
    with FAULTS[fault](services.audit_store, services.settings.data_dir / AUDIT_FILE):
        app.lab.forget()
        path, headers = app.address(way[0])
        sent = {**CALL.headers(way[1]), **headers, "content-type": "application/json"}
        answer = await request(app.house.app, path, headers=sent, body=CALL.body(way[1]))
    assert answer is not None
    envelope = answer.json()["result"]["_meta"]["mcpassport/error"]
    assert (envelope["type"], envelope["retry"]["safe"]) == ("audit_unavailable", True)
    assert app.lab.requests() == []
    assert await app.audit("acme") == []
    succeeded(await app.call(way, CALL, ok()))


@pytest.mark.parametrize("fault", FAULTS)
async def test_an_outcome_that_finds_no_audit_is_written_later(app: World, fault: str) -> None:
    """The result is withheld, the request was sent once, and its outcome row follows by itself."""
    await warm(app)
    services = app.house.services
    app.lab.forget()
    app.lab.answers(SLOW)
    path, headers = app.address("header")
    sent = {**CALL.headers("modern"), **headers, "content-type": "application/json"}
    calling = asyncio.create_task(
        request(app.house.app, path, headers=sent, body=CALL.body("modern"))
    )
    await asyncio.to_thread(app.lab.wait_for, 1)
    with FAULTS[fault](services.audit_store, services.settings.data_dir / AUDIT_FILE):
        answer = await calling
    assert answer is not None
    envelope = answer.json()["result"]["_meta"]["mcpassport/error"]
    assert (envelope["type"], envelope["retry"]["safe"]) == ("audit_unavailable", False)
    assert len(app.lab.requests()) == 1
    rows = await app.audit("acme")
    assert [(row.phase, row.outcome) for row in rows] == [("intent", ""), ("outcome", "unknown")]
    assert await open_intents(app) == 0
    succeeded(await app.call(MODERN, CALL, ok()))


async def test_without_its_store_nobody_is_admitted(app: World) -> None:
    """The request is refused before admission, nothing is sent, and the next one is served."""
    services = app.house.services
    with gone(services.store, services.settings.data_dir / DATA_FILE):
        met = await app.call(MODERN, CALL, ok())
    assert met.response.status == 503
    assert met.response.json()["error"]["type"] == "store_unavailable"
    assert (met.upstream, met.rows) == ([], [])
    succeeded(await app.call(MODERN, CALL, ok()))


@pytest.mark.parametrize("fault", ["read-only", "held"])
async def test_a_store_that_only_reads_goes_on_serving_calls(app: World, fault: str) -> None:
    """Calls write to the audit only: they go on, changes are refused whole, and then accepted."""
    services, change = app.house.services, {"id": "initech", "name": "Initech"}
    with FAULTS[fault](services.store, services.settings.data_dir / DATA_FILE):
        answer = await app.house.send("POST", "/tenant", body=change)
        met = await app.call(MODERN, CALL, ok())
    assert answer.status == 503
    succeeded(met)
    assert (await app.house.send("GET", "/tenant/initech")).status == 404
    await app.house.made("/tenant", change)


async def test_a_slow_audit_slows_calls_and_loses_none(app: World) -> None:
    """While another program writes, calls wait for their intent; then each has both its rows."""
    path = app.house.services.settings.data_dir / AUDIT_FILE
    await app.audit("acme")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        app.lab.forget()
        app.lab.answers(ok())
        calls = [asyncio.create_task(app.house.mcp(*_plain(app))) for _ in range(8)]
        await asyncio.sleep(0.2)
        assert app.lab.requests() == []
        other.execute("ROLLBACK")
    answers = await asyncio.gather(*calls)
    assert all("isError" not in answer.json()["result"] for answer in answers)
    rows = await app.audit("acme")
    assert sorted(row.phase for row in rows) == ["intent"] * 8 + ["outcome"] * 8


def _plain(app: World) -> tuple[str, bytes]:
    return app.address("path")[0], CALL.body("legacy")


async def test_a_full_volume_refuses_calls_until_there_is_room(tmp_path: Path, lab: Lab) -> None:
    """At the volume's end nothing is sent; once rows are gone calls are served again by itself."""
    volume = 8 * 2**20
    async with world(tmp_path, lab, audit_volume_bytes=volume) as app:
        succeeded(await app.call(MODERN, CALL, ok()))
        path = app.house.services.settings.data_dir / AUDIT_FILE
        reserve = app.house.services.audit.reserve
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("INSERT INTO segments VALUES ('x', 1, 1, 1, 1, ?)", (bytes(volume),))
            await _until(lambda: reserve.full)
            met = await app.call(MODERN, CALL, ok())
            failed(met, "audit_unavailable", "modern")
            assert met.envelope()["retry"]["safe"] is True
            assert (met.upstream, met.rows) == ([], [])
            other.execute("DELETE FROM segments")
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        await _until(lambda: not reserve.full)
        succeeded(await app.call(MODERN, CALL, ok()))


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60 * LOOK_S):
        while not condition():  # noqa: ASYNC110  # it is looked at once a second
            await asyncio.sleep(LOOK_S / 20)


async def test_a_flood_of_unknown_tokens_fills_nothing_and_refuses_no_customer(
    tmp_path: Path, lab: Lab
) -> None:
    """A hundred thousand random tokens grow the store by less than 1 MB; a customer is served."""
    calls = 100_000
    async with world(tmp_path, lab, limits=Limits()) as app:
        succeeded(await app.call(MODERN, CALL, ok()))
        before = await _folded(app)
        served = 0
        for number in range(calls):
            token = issue(SERVER_TOKEN_PREFIX, token_bytes)
            client = f"192.0.{number % 16}.7"
            answer = await request(app.house.app, f"/mcp/{token}", client=client)
            assert answer is not None
            assert answer.status in {404, 429}
            if number % 2_000 == 0:
                app.house.clock.step(1)
                met = await app.call(MODERN, CALL, ok())
                succeeded(met)
                served += 1
        assert served == calls // 2_000
        grown = await _folded(app) - before
        assert grown < 2**20


async def _folded(app: World) -> int:
    """Bytes of all files, once what is counted is written and the journals are folded in."""
    await asyncio.sleep(1.5)
    stores: tuple[Any, ...] = (app.house.services.store, app.house.services.audit_store)
    for store in stores:
        await engine(store).empty_journal()
    folder = app.house.services.settings.data_dir
    return sum(path.stat().st_size for path in folder.iterdir())
