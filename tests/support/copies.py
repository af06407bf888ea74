"""Filled deployments for copies of every kind, and copies that break off."""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.support.postgres import postgres_url
from tests.support.stores import START, SteppingClock

from mcpassport.audit.chain import link
from mcpassport.audit.edge import EDGE
from mcpassport.records.audit import Checkpoint, Segment
from mcpassport.records.masked import KeyMaterial
from mcpassport.store import folder_url, open_audit, open_keystore, open_store
from mcpassport.store.copies import transfer
from mcpassport.store.keys import open_keys
from mcpassport.store.keystore import KeyStore
from mcpassport.store.protocol import (
    ALL,
    PLATFORM,
    Append,
    AuditStore,
    Key,
    Needs,
    Pending,
    Put,
    Span,
    Store,
)

MASTER = KeyMaterial(bytes(range(32)))
NOW = START
TENANTS = ("acme", "é-tenant", "zeta")


def url_at(kind: str, folder: Path) -> str:
    return folder_url(folder) if kind == "sqlite" else postgres_url(folder)


class Opened(NamedTuple):
    """Everything that a deployment keeps at one URL."""

    store: Store
    audit: AuditStore
    keys: KeyStore


@asynccontextmanager
async def opened_at(url: str, clock: SteppingClock | None = None) -> AsyncIterator[Opened]:
    parts = Opened(
        open_store(url, clock=clock or SteppingClock()), open_audit(url), open_keystore(url)
    )
    try:
        yield parts
    finally:
        for part in parts:
            await part.close()


async def fill(url: str) -> None:
    """Records of every shape, an outbox, chains with what belongs to them, and keys."""
    async with opened_at(url) as (store, audit, keystore):
        records = [
            Put(Key(kind, tenant, f"{number:03d}-ü"), os.urandom(number * 7))
            for kind in ("account", "tenant", "zone")
            for tenant in (PLATFORM, *TENANTS)
            for number in range(12)
        ]
        columns = {"account": "a", "integration": "crm", "key_version": 2, "expires_at": 10**10}
        indexed = Put(Key("account", "acme", "indexed"), b"", columns)  # type: ignore[arg-type]
        await store.write([*records, indexed])
        for number in range(3):
            await store.write([Append(f"e{number}", "acme", b"%d" % number)])
        await store.outbox_done(["e0"])
        assert await store.lease("job:purge", 10**6) == 1
        for tenant in TENANTS:
            await audit.append([Pending(tenant, b"%d" % row) for row in range(20)], link)
        await audit.append(
            [Pending("acme", b"event", "e0"), Pending("acme", b"open", opens="r1")], link
        )
        await audit.append([Pending("zeta", b"a", opens="r2"), Pending("zeta", b"b")], link)
        for tenant, sequence in (("acme", 4), ("zeta", 9)):
            (row,) = await audit.rows(tenant, after=sequence - 1, limit=1)
            await audit.add_checkpoint(
                Checkpoint(
                    chain=tenant,
                    sequence=sequence,
                    hash=row.hash.hex(),
                    ts=NOW.isoformat(),
                    key="",
                    signature="",
                )
            )
        await audit.forget("zeta", 9)
        await audit.append([Pending(EDGE, b"%d" % second) for second in range(5)], link)
        await audit.add_segments([Segment("acme", 1, 8, 0, 9, b"\x00\xff")])
        keys = await open_keys(keystore, MASTER, clock=SteppingClock(), random=os.urandom)
        await keys.token_keys()
        for tenant in TENANTS:
            await keys.create_tenant_key(tenant)
            await keys.fingerprint_key(tenant)
        await keys.destroy_tenant_keys("zeta")


async def everything(url: str) -> dict[str, Any]:
    """What the protocols say of all that is there."""
    async with opened_at(url) as (store, audit, keystore):
        return {
            "records": [
                (entry.key, entry.value, entry.etag)
                for kind in ("account", "tenant", "zone")
                async for entry in store.scan(kind, ALL)
            ],
            "indexed": [
                await store.page("account", ALL, index=column, value=value)  # type: ignore[arg-type]
                for column, value in (
                    ("account", "a"),
                    ("integration", "crm"),
                    ("key_version", 2),
                    ("expires_at", 10**10),
                )
            ],
            "outbox": await store.outbox(),
            "rows": [await audit.rows(chain, limit=100) for chain in TENANTS],
            "open": await audit.open_rows(),
            "checkpoints": [await audit.checkpoints(chain) for chain in TENANTS],
            "edge": await audit.rows(EDGE),
            "segments": await audit.promising("acme", Span(1, 99), Needs()),
            "behind": await audit.unsegmented(1),
            "keys": await keystore.page(),
        }


def nothing(*_: Any) -> None:
    """Progress that nobody looks at."""


class Unplugged(Exception):
    """The copy is broken off."""


def unplug_after(monkeypatch: pytest.MonkeyPatch, batches: int) -> Callable[[], None]:
    """Let the copy break off after so many batches; call what is returned to plug it in again."""
    real, left = transfer._batches, batches

    async def counted(rows: Any) -> AsyncIterator[Any]:
        nonlocal left
        async for batch in real(rows):
            if not left:
                raise Unplugged
            left -= 1
            yield batch

    monkeypatch.setattr(transfer, "BATCH_ROWS", 7)
    monkeypatch.setattr(transfer, "_batches", counted)
    return lambda: monkeypatch.setattr(transfer, "_batches", real)
