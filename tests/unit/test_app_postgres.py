"""The whole app with its records and its audit trail in PostgreSQL."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.calling import legacy
from tests.support.deployment import CREDENTIAL, Deployment, deployment, notes
from tests.support.lab import Lab, rule, running_lab
from tests.support.postgres import postgres_url, statement

from mcpassport.app import open_application, open_services
from mcpassport.errors import DataFolderError, InvalidSettings
from mcpassport.records.masked import KeyMaterial
from mcpassport.settings import Settings
from mcpassport.stated import facts_of
from mcpassport.store import open_store
from mcpassport.store.repositories import credential_key
from mcpassport.store.vault import credential_associated

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
        assert facts_of(settings).store == "PostgreSQL"
    async with open_services(settings) as services:
        assert len(await services.audit.rows("acme", limit=1000)) == len(rows)
    assert list(tmp_path.rglob("*.db")) == []  # noqa: ASYNC240  # looked at once, at the end


async def test_several_machines_serve_one_database(tmp_path: Path) -> None:
    """What one machine makes, another one with a data folder of its own admits and opens."""
    url = postgres_url(tmp_path)
    async with deployment(tmp_path, store_url=url) as one:
        await one.push()
        account = await one.account()
        server = await one.server(account)
        there = one.services.settings.model_copy(update={"data_dir": tmp_path / "two"})
        async with (
            open_services(there, clock=one.clock) as services,
            open_application(services) as app,
        ):
            other = Deployment(services, app, one.clock, one.tokens)
            names = [tool["name"] for tool in await other.tools(server)]
            assert "get_single_notes_note_by_id" in names
            (entry,) = await services.store.get_many([credential_key("acme", account)])
            assert entry is not None
            place = credential_associated("acme", account)
            secret = await services.vault.unseal("acme", place, entry.value)
            assert CREDENTIAL.encode() in secret._value
            answer = await other.send("DELETE", f"/integrated-account/{account}/mcp/{server['id']}")
            assert answer.status == 204
        dead = await one.mcp(f"/mcp/{server['token']}", legacy("tools/list"))
        assert dead.status == 404


async def test_keys_that_lie_elsewhere_are_not_made_anew(tmp_path: Path) -> None:
    """A `keys_url` that leads to no keys stops the start, and the right one serves again."""
    url = postgres_url(tmp_path)
    async with deployment(tmp_path, store_url=url) as house:
        settings = house.services.settings
    for elsewhere in (f"sqlite:///{tmp_path}/keys", postgres_url(tmp_path / "other")):
        wrong = Settings(**{**dict(settings), "keys_url": elsewhere})
        with pytest.raises(DataFolderError, match="the keys of these records are missing"):
            async with open_services(wrong):
                pass
    async with open_services(settings) as services:
        assert (await services.keys.token_keys()).current.key


@pytest.mark.parametrize(
    ("store", "keys", "beside"),
    [
        (None, None, "file"),
        ("postgresql://a:b@db/x", "sqlite:////folder", "file"),
        ("postgresql://a:b@db/x", None, "schema"),
        ("postgresql://a:b@db/x", "postgresql://c:d@DB:5432/x?schema=other", "schema"),
        ("postgresql://a:b@db/x", "postgresql://a:b@db/y", "apart"),
        ("postgresql://a:b@db/x", "postgresql://a:b@keys/x", "apart"),
        (None, "postgresql://a:b@db/x", "apart"),
    ],
)
def test_the_reference_says_where_the_keys_lie(
    store: str | None, keys: str | None, beside: str
) -> None:
    """In a file, in the database of the records, or apart from it, however the URL is written."""
    given: dict[str, Any] = {"store_url": store, "keys_url": keys, "key_backup_days": 3}
    facts = facts_of(Settings(**given))
    assert (facts.keys, facts.key_backup_days) == (beside, 3)


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
        (re.sub(r":\d+/", ":1/", good), DataFolderError, "cannot be reached"),
    ):
        settings = Settings(
            data_dir=tmp_path / "data", master_key=KeyMaterial(bytes(32)), store_url=url
        )
        with pytest.raises(kind, match=says) as refused:
            async with open_services(settings):
                pass
        assert "planted-password" not in str(refused.value)


async def test_keys_that_cannot_be_reached_are_told_at_the_start(tmp_path: Path) -> None:
    """With the place, and without the password."""
    url: Any = "postgresql://app:planted-password@127.0.0.1:1/keys"
    settings = Settings(data_dir=tmp_path / "data", master_key=KeyMaterial(bytes(32)), keys_url=url)
    with pytest.raises(DataFolderError) as refused:
        async with open_services(settings):
            pass
    assert str(refused.value) == (
        "PostgreSQL database keys at 127.0.0.1:1, schema mcpassport: it cannot be reached. "
        "Start the server, or correct `keys_url`."
    )


async def test_without_the_driver_the_store_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The driver is an extra; its absence matters only to who asks for PostgreSQL."""
    monkeypatch.setattr("mcpassport.store.postgres_open.asyncpg", None)
    with pytest.raises(InvalidSettings, match=r"pip install 'mcpassport\[postgres\]'"):
        open_store(postgres_url(tmp_path))
