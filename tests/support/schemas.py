"""A later release's schema: one more column, table and index in each part, and who opens it."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg
from tests.support.stores import BACKENDS, Backend, SteppingClock

from mcpassport.store import (
    postgres,
    postgres_audit,
    postgres_keys,
    sqlite,
    sqlite_audit,
    sqlite_keys,
    sqlite_open,
)

DIED = 9
"""The exit code of a process that died on the way."""
TABLES = {"records": "records", "audit": "chained", "keys": "keys"}
"""The biggest table of each part."""
MODULES: dict[str, dict[str, Any]] = {
    "sqlite": {"records": sqlite, "audit": sqlite_audit, "keys": sqlite_keys},
    "postgresql": {"records": postgres, "audit": postgres_audit, "keys": postgres_keys},
}


def later_steps(kind: str, table: str) -> tuple[tuple[str, ...], ...]:
    """What a later release adds; its own table tells how often that was done."""
    add = (
        f"ALTER TABLE {table} ADD COLUMN later TEXT",
        "CREATE TABLE later_table (number INTEGER NOT NULL)",
        "INSERT INTO later_table (number) VALUES (1)",
    )
    if kind == "sqlite":
        return ((*add, f"CREATE INDEX later_index ON {table} (later)"),)
    beside = (
        "DROP INDEX CONCURRENTLY IF EXISTS later_index",
        f"CREATE INDEX CONCURRENTLY later_index ON {table} (later)",
    )
    return (add, beside)


def become_later(kind: str) -> None:
    """Make this process a later release."""
    for part, module in MODULES[kind].items():
        steps = (*module.SCHEMA.steps, *later_steps(kind, TABLES[part]))
        module.SCHEMA = module.SCHEMA._replace(steps=steps)


def become_earlier(kind: str) -> None:
    """Make this process an earlier release, which knew the first step of each part only."""
    for module in MODULES[kind].values():
        module.SCHEMA = module.SCHEMA._replace(steps=module.SCHEMA.steps[:1])


async def open_all(backend: Backend, folder: Path) -> None:
    """Open every part, as a start does, and close it again."""
    store, audit = backend.open_store(folder, SteppingClock()), backend.open_audit(folder)
    keys = backend.open_keystore(folder)
    await store.outbox()
    await audit.rows("")
    await keys.page()
    for part in (store, audit, keys):
        await part.close()


def die_at(stop: int) -> None:
    """End this process before its statement of that number, whichever engine it goes to."""
    seen = count(1)

    def callback(statement: str) -> None:
        if not statement.startswith("PRAGMA") and next(seen) == stop:
            os._exit(DIED)

    real_open, execute = sqlite_open.open_file, asyncpg.Connection.execute

    def open_file(*arguments: Any) -> Any:
        connection = real_open(*arguments)
        connection.set_trace_callback(callback)
        return connection

    async def traced(connection: Any, statement: str, *given: Any, **named: Any) -> Any:
        callback(statement)
        return await execute(connection, statement, *given, **named)

    setattr(sqlite_open, "open_file", open_file)  # noqa: B010  # typed otherwise
    asyncpg.Connection.execute = traced


def in_a_child(work: Callable[[], Awaitable[None]]) -> int:
    """How a forked process ends that does this."""
    child = os.fork()
    if not child:
        try:
            asyncio.run(work())  # type: ignore[arg-type]  # coroutines
        finally:
            os._exit(0 if sys.exc_info()[0] is None else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def crash(kind: str, folder: Path) -> None:
    """For each statement of an upgrade a folder in which a later release died before it.

    Then a later release starts there once more. Says for each how the two of them ended.
    """
    backend = BACKENDS[kind]
    for stop in count(1):
        attempt = folder / f"{stop:03d}"
        attempt.mkdir()
        assert in_a_child(partial(open_all, backend, attempt)) == 0

        async def later(at: int, where: Path = attempt) -> None:
            become_later(kind)
            if at:
                die_at(at)
            await open_all(backend, where)

        first, second = in_a_child(partial(later, stop)), in_a_child(partial(later, 0))
        sys.stdout.write(f"{first} {second}\n")
        if first != DIED:
            return


def main() -> None:
    """`KIND FOLDER later|earlier|crash`: be another release that starts, or many that die."""
    kind, folder, release = sys.argv[1:]
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    if release == "crash":
        crash(kind, Path(folder))
        return
    become_later(kind) if release == "later" else become_earlier(kind)
    asyncio.run(open_all(BACKENDS[kind], Path(folder)))
    sys.stdout.write("done\n")


if __name__ == "__main__":
    main()
