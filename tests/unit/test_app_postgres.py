"""The whole app with its records and its audit trail in PostgreSQL."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.calling import legacy
from tests.support.deployment import CREDENTIAL, deployment, notes
from tests.support.lab import Lab, rule, running_lab
from tests.support.postgres import postgres_url, statement

from mcpassport.app import open_services
from mcpassport.errors import DataFolderError, InvalidSettings
from mcpassport.records.masked import KeyMaterial
from mcpassport.settings import Settings
from mcpassport.stated import facts_of
from mcpassport.store import open_store

KEY_FILES = {"keys.db", "keys.db-wal", "keys.db-shm"}
CALL = legacy("tools/call", {"name": "get_single_notes_note_by_id", "arguments": {"id": "1"}})


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """A real upstream process that answers as it is told."""
    with running_lab() as running:
        yield running


async def test_a_call_goes_from_end_to_end(tmp_path: Path, lab: Lab) -> None:
    """Tenant, account, MCP server, call and audit rows, and all is there after a restart."""
    lab.forget()
    lab.answers(rule("/v1/notes/1", json={"id": "1", "title": "a"}))
    url = postgres_url(tmp_path)
    async with deployment(tmp_path, store_url=url, private_hosts=(lab.listing,)) as house:
        await house.push(notes(f"{lab.origin}/v1"))
        server = await house.server(await house.account())
        names = [tool["name"] for tool in await house.tools(server)]
        assert "get_single_notes_note_by_id" in names
        answer = await house.mcp(f"/mcp/{server['token']}", CALL)
        assert answer.json()["result"]["structuredContent"] == {"id": "1", "title": "a"}
        assert lab.requests()[-1].header("authorization") == f"Bearer {CREDENTIAL}"
        rows = await house.rows("acme")
        assert [row.phase for row in rows][-2:] == ["intent", "outcome"]
        settings = house.services.settings
        assert {path.name for path in settings.data_dir.iterdir()} <= KEY_FILES
        assert facts_of(settings).store == "PostgreSQL"
    async with open_services(settings) as services:
        assert len(await services.audit.rows("acme", limit=1000)) == len(rows)


async def test_what_the_operator_must_mend_is_told_at_the_start(tmp_path: Path) -> None:
    """A wrong option, database or schema stops the start plainly, without the password."""
    good = postgres_url(tmp_path).replace("postgres@", "postgres:planted-password@")
    newer = postgres_url(tmp_path / "newer")
    store = open_store(newer)
    await store.outbox()
    await store.close()
    schema = newer.partition("schema=")[2]
    await asyncio.to_thread(
        statement, newer, f"UPDATE {schema}.schema_version SET version = version + 1"
    )
    for url, kind, says in (
        (f"{good}&sslmode=planted-password", InvalidSettings, "cannot be read"),
        (good.replace("/postgres?", "/none?"), DataFolderError, "no such database"),
        (newer, DataFolderError, "a newer release wrote these records"),
    ):
        settings = Settings(
            data_dir=tmp_path / "data", master_key=KeyMaterial(bytes(32)), store_url=url
        )
        with pytest.raises(kind, match=says) as refused:
            async with open_services(settings):
                pass
        assert "planted-password" not in str(refused.value)


async def test_without_the_driver_the_store_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The driver is an extra; its absence matters only to who asks for PostgreSQL."""
    monkeypatch.setattr("mcpassport.store.postgres_pool.asyncpg", None)
    with pytest.raises(InvalidSettings, match=r"pip install 'mcpassport\[postgres\]'"):
        open_store(postgres_url(tmp_path))
