"""Every kind of store under one roof, so that each test of the contract runs on each of them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
from tests.support.postgres import postgres_url

from mcpassport.records.sources import Clock
from mcpassport.store.keystore import KeyStore
from mcpassport.store.postgres import PostgresStore
from mcpassport.store.postgres_audit import PostgresAudit
from mcpassport.store.postgres_keys import PostgresKeys
from mcpassport.store.protocol import AuditStore, Store
from mcpassport.store.sqlite import SqliteStore
from mcpassport.store.sqlite_audit import SqliteAudit
from mcpassport.store.sqlite_keys import SqliteKeys

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


class SteppingClock:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def step(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class Backend(NamedTuple):
    """A kind of store. Opened twice on one folder, it is what two processes see."""

    open_store: Callable[[Path, Clock], Store]
    open_audit: Callable[[Path], AuditStore]
    open_keystore: Callable[[Path], KeyStore]
    before_each_statement: Callable[[Any, Callable[[], None]], None]
    """Call back before every statement that this store sends from now on, commits included."""
    start: Callable[[], object] = lambda: None
    """What must run before child processes open a store."""


def _trace_sqlite(store: SqliteStore | SqliteAudit, callback: Callable[[], None]) -> None:
    store._database._writer.set_trace_callback(lambda _: callback())


def _trace_postgres(_store: PostgresStore | PostgresAudit, callback: Callable[[], None]) -> None:
    """Every connection of this process calls back: it has no other store open."""

    def traced(send: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            callback()
            return send(*args, **kwargs)

        return wrapper

    for name in ("execute", "executemany", "fetch", "fetchrow", "fetchval"):
        setattr(asyncpg.Connection, name, traced(getattr(asyncpg.Connection, name)))


BACKENDS = {
    "sqlite": Backend(
        lambda folder, clock: SqliteStore(folder / "data.db", clock=clock),
        lambda folder: SqliteAudit(folder / "audit.db"),
        lambda folder: SqliteKeys(folder / "keys.db"),
        _trace_sqlite,
    ),
    "postgresql": Backend(
        lambda folder, clock: PostgresStore(postgres_url(folder), clock=clock),
        lambda folder: PostgresAudit(postgres_url(folder)),
        lambda folder: PostgresKeys(postgres_url(folder)),
        _trace_postgres,
        lambda: postgres_url(Path()),
    ),
}
